package main

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

// withWebSocket returns the proxies with the changes for WebSocket, which the comments in
// their configurations describe.
func withWebSocket(t *testing.T) []proxy {
	t.Helper()
	proxies := []proxy{nginx, caddy, haproxy}
	for i, removed := range []string{
		"",
		"\t\trequest_header -Upgrade\n\t\trequest_header -Connection\n",
		"\thttp-request del-header Upgrade\n",
	} {
		text := readFile(t, proxies[i].config)
		commented := regexp.MustCompile(`(?m)(^\t+#   .*\n)+`).FindAllString(text, -1)
		if len(commented) != 1 || !strings.Contains(text, removed) {
			t.Fatalf("%s: got %d blocks of commented directives, want one block, and the directives %q", proxies[i].config, len(commented), removed)
		}
		pairs := []string{"#   ", ""}
		if removed != "" {
			pairs = append(pairs, removed, "")
		}
		proxies[i].replace = strings.NewReplacer(pairs...)
	}
	return proxies
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name) //nolint:gosec // a file of this folder
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestWebSocket checks the changes of the configurations for WebSocket. No other protocol
// passes, and no other route has WebSocket.
func TestWebSocket(t *testing.T) {
	for _, p := range withWebSocket(t) {
		table := rules()
		table.Handle("GET /chat/", scopes.All("chat"))
		s := newSettingWith(t, options(p.dialect), table)
		front := p.start(t, s)
		token := s.issuer.Token(map[string]any{"scope": "chat read:reports"})
		shake := func(target, upgrade, authorization string, switches bool) {
			status, _ := exchange(t, front, "GET "+target+" HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: "+upgrade+
				"\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+authorization+"\r\n")
			if switched := status == http.StatusSwitchingProtocols; switched != switches && (switched || !strings.Contains(upgrade, "\r\n")) {
				t.Errorf("%s, %s, %q: got status %d, want switched = %v", p.name, target, upgrade, status, switches)
			}
			for _, r := range s.takeRequests() {
				if got := strings.Join(r.Header["Upgrade"], ","); got != "" && got != "websocket" || status != http.StatusSwitchingProtocols && got != "" {
					t.Errorf("%s, %s, %q: got status %d and the protocol %q at the service, want websocket", p.name, target, upgrade, status, got)
				}
			}
		}
		authorization := "Authorization: Bearer " + token + "\r\n"
		for upgrade, switches := range map[string]bool{
			"websocket": true, "WebSocket": true, "": false, "h2c": false, "websocket, h2c": false, "h2c, websocket": false, "websockets": false,
			"websocket\r\nUpgrade: h2c": true, "h2c\r\nUpgrade: websocket": true, // only websocket reaches the service
		} {
			shake("/chat/7", upgrade, authorization, switches)
		}
		shake("/chat/7", "websocket", "", false)
		shake("/chat/?x=/reports/", "websocket", authorization, true)
		for _, target := range []string{
			"/reports/7", "/reports/chat/7", "/reports/7?/chat/", "/reports/7?x=/chat/7", "/reports/%2fchat%2f7", "/public/x", "/public/chat/", "/whoami",
			"/CHAT/7", "/Chat/7", "/ch%61t/7", "/chat%2f7", "/chat", "/chat;x/7", "/chat./7", "//chat/7", "/./chat/7",
			"/chat/../reports/7", "/chat/..%2freports/7", "/chat/%2e%2e/reports/7", "/public/../chat/7", "/reports/..%2fchat/7", "/reports/7#/chat/", "/reports/7%23/chat/",
			"http://h/reports/7", "http://chat/reports/7", "http://h/chat/../reports/7",
		} {
			shake(target, "websocket", authorization, false)
		}
	}
}

// TestNginxLocations checks that the location with WebSocket has all directives of the first
// location, in the same order.
func TestNginxLocations(t *testing.T) {
	text := readFile(t, "nginx.conf")
	directives := func(location string) (list []string) {
		_, rest, found := strings.Cut(text, location+" {\n")
		if !found {
			t.Fatalf("got no %q, want one", location)
		}
		for line := range strings.Lines(rest) {
			line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "#   "))
			if line == "}" {
				break
			}
			if line != "" && line[0] != '#' {
				list = append(list, line)
			}
		}
		return list
	}
	first, chat := directives("location /"), directives("location /chat/")
	if len(first) < 12 || len(chat) != len(first)+4 || !slices.Equal(chat[4:], first) {
		t.Errorf("got directives %q in the location with WebSocket, want four directives and %q", chat, first)
	}
}
