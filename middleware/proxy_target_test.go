package middleware_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// TestProxyTarget checks that the service gets the method, the decoded path and the host of
// the target, whatever the spelling of the path is and whatever path the target has.
func TestProxyTarget(t *testing.T) {
	b := newFixture(t, nil)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %q %s", r.Method, r.URL.Path, r.Host) //nolint:gosec // no browser renders it
	}))
	t.Cleanup(backend.Close)
	random := rand.New(rand.NewPCG(7, 8)) //nolint:gosec // paths of a test
	parts := []string{"a", "B", "%61", "%2f", "%2F", "%20", "%25", "%3F", "%3b", ";", ";x=1", "(", "'", "!", "*", "\"", "|", "%FF", "\xc3\xa9", "%C3%A9", ":", "@", "+", "%2B", "~", "[", "]", "^"}
	for _, base := range []string{"", "/", "/base", "/base/", "/b%20c", "/b%2Fc", "/b%2Fc/", "/a%61"} {
		target, err := url.Parse(backend.URL + base)
		if err != nil {
			t.Fatal(err)
		}
		var allowed string
		proxy := b.guard.Proxy(target)
		front := address(t, b.guard.Require(scopes.Public())(http.StripPrefix("/strip", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path := r.URL.Path
			if base != "" {
				path = strings.TrimSuffix(target.Path, "/") + path
			}
			allowed = fmt.Sprintf("%s %q %s", r.Method, path, target.Host)
			proxy.ServeHTTP(w, r)
		}))))
		sent := 0
		for range 100 {
			path := "/"
			for range 1 + random.IntN(4) {
				path += parts[random.IntN(len(parts))]
			}
			origin := pick(random, "", "http://admin.example", "https://h:1")
			line := pick(random, "GET", "POST", "TRACE", "PROPFIND") + " " + origin + "/strip" + path + pick(random, "", "?", "?a=1;b=2", "?%zz") + " HTTP/1.1"
			allowed = ""
			got := readReply(t, sendRaw(t, front, line+"\r\nHost: h\r\nConnection: close\r\n\r\n"), http.MethodGet)
			if allowed == "" {
				continue // the guard or the server refuses the path
			}
			sent++
			if got.status != http.StatusOK || got.body != allowed {
				t.Errorf("target %q, %q: got status %d and %s from the service, want %s", base, line, got.status, got.body, allowed)
			}
		}
		if sent < 20 {
			t.Errorf("target %q: got %d requests at the service, want at least 20", base, sent)
		}
	}
}

// TestProxyFields checks the fields of the request that the service gets: fields for the
// connection do not pass, in any spelling.
func TestProxyFields(t *testing.T) {
	b := newFixture(t, nil)
	proxy := proxyOf(t, b.guard, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for name, values := range r.Header {
			w.Header()["Got-"+name] = values
		}
		_, _ = fmt.Fprintf(w, "%s %v %d", body, r.TransferEncoding, r.ContentLength) //nolint:gosec // no browser renders it
	}))
	front := address(t, b.guard.Require(scopes.Public())(proxy))
	for _, row := range []struct{ fields, field, want string }{
		{"Transfer_Encoding: chunked", "Transfer_Encoding", ""},
		{"Transfer.Encoding: chunked", "Transfer.Encoding", ""},
		{"Content_Length: 0", "Content_Length", ""},
		{"Keep-Alive: 5", "Keep-Alive", ""},
		{"Keep_Alive: 5", "Keep_Alive", ""},
		{"Proxy-Connection: keep-alive", "Proxy-Connection", ""},
		{"Proxy-Authorization: Basic eDp5", "Proxy-Authorization", ""},
		{"Proxy_Authorization: Basic eDp5", "Proxy_Authorization", ""},
		{"HTTP2-Settings: AAMAAABkAAQAAP__", "Http2-Settings", ""},
		{"HTTP2_Settings: AAMAAABkAAQAAP__", "Http2_Settings", ""},
		{"Connection: X-Hop\r\nX-Hop: 1", "X-Hop", ""},
		{"Connection: X-Forwarded-For, X-Forwarded-Host", "X-Forwarded-Host", "h"},
		{"X_Forwarded_For: 192.0.2.1", "X_Forwarded_For", ""},
		{"TE: gzip", "Te", ""},
		{"TE: trailers, gzip", "Te", "trailers"},
		{"Expect: 100-continue", "Expect", "100-continue"},
		{"Max-Forwards: 0", "Max-Forwards", "0"},
		{"X-Other: 1", "X-Other", "1"},
	} {
		reader := sendRaw(t, front, "POST / HTTP/1.1\r\nHost: h\r\n"+row.fields+"\r\nContent-Length: 5\r\n\r\nhello")
		response, err := http.ReadResponse(reader, nil)
		for err == nil && response.StatusCode == http.StatusContinue {
			response.Body.Close()
			response, err = http.ReadResponse(reader, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		got := strings.Join(response.Header[http.CanonicalHeaderKey("Got-"+row.field)], "|")
		if response.StatusCode != http.StatusOK || got != row.want || string(body) != "hello [] 5" {
			t.Errorf("%q: got status %d, the field %q and the body %q, want %q and %q", row.fields, response.StatusCode, got, body, row.want, "hello [] 5")
		}
	}
}

// TestProxyLowerCaseFields checks the same for adapters of other servers, which keep the
// lower case of HTTP/2.
func TestProxyLowerCaseFields(t *testing.T) {
	b := newFixture(t, &middleware.Options{WebSocket: []string{"/ws"}, Headers: callerHeaders()})
	service := new(switching)
	h := b.guard.RequireAt("/ws", scopes.Public())(proxyOf(t, b.guard, service))
	for name, header := range map[string]http.Header{
		"lower case":         {"upgrade": {"h2c"}, "connection": {"upgrade, http2-settings"}, "http2-settings": {"x"}},
		"both cases":         {"Upgrade": {"websocket"}, "upgrade": {"h2c"}, "Connection": {"Upgrade"}},
		"canonical, HTTP/2":  {"Upgrade": {"websocket"}, "Connection": {"Upgrade"}},
		"framing":            {"transfer-encoding": {"chunked"}, "content-length": {"3"}, "host": {"evil"}, "te": {"gzip"}},
		"protocol of HTTP/2": {"Upgrade": {"h2c"}, "Connection": {"Upgrade"}},
	} {
		r := httptest.NewRequest(http.MethodGet, "/ws", http.NoBody)
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
		r.Header = header
		if w := serve(h, r); w.Code != http.StatusOK || w.Body.String() != "GET /ws connection= settings=false" {
			t.Errorf("%s: got status %d and %q, want status 200 and no fields for an upgrade", name, w.Code, w.Body)
		}
	}
	if read := service.after(); read != nil {
		t.Errorf("got %q behind an upgrade, want no upgrade", read)
	}
}

// TestProxyInformational checks that responses with a status 1xx do not end the request, and
// that a service cannot switch protocols with them.
func TestProxyInformational(t *testing.T) {
	b := newFixture(t, nil)
	front := address(t, b.guard.Require(scopes.Public())(proxyOf(t, b.guard, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		_, _ = io.WriteString(w, "done")
	}))))
	reader := sendRaw(t, front, "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")
	for _, want := range []struct {
		status     int
		link, body string
	}{{http.StatusEarlyHints, "</style.css>; rel=preload", ""}, {http.StatusOK, "", "done"}} {
		got := readReply(t, reader, http.MethodGet)
		if got.status != want.status || got.header.Get("Link") != want.link || got.body != want.body {
			t.Errorf("got status %d, Link %q and body %q, want status %d, Link %q and body %q", got.status, got.header.Get("Link"), got.body, want.status, want.link, want.body)
		}
	}
}
