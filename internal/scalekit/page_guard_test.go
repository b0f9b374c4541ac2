package scalekit_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/scalekit"
)

// pageRequest is a request that a test sends to the web page.
type pageRequest struct {
	method, path, host string
	header             map[string]string
	form               url.Values
}

// pageResponse is a response of the web page, without its body.
type pageResponse struct {
	StatusCode int
	Header     http.Header
}

// sendPage sends a request to the server of the environment and returns the response with its
// body. It does not follow a redirect.
func (env environment) sendPage(t *testing.T, p pageRequest) (pageResponse, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), p.method, env.url+p.path, strings.NewReader(p.form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Host = p.host
	if p.form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range p.header {
		request.Header.Set(name, value)
	}
	response, err := env.client.Transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return pageResponse{response.StatusCode, response.Header}, string(body)
}

// sameOrigin is the header that a browser adds to a form of the page itself.
func sameOrigin() map[string]string { return map[string]string{"Sec-Fetch-Site": "same-origin"} }

// pageActions returns a valid request for each action of the page.
func pageActions(env environment) []pageRequest {
	kid := env.Issuer().Keys()[0].ID()
	return []pageRequest{
		{path: "/page/mint", form: url.Values{"scopes": {"a"}}},
		{path: "/page/check", form: url.Values{"token": {"a.b.c"}}},
		{path: "/page/keys/rotate", form: url.Values{}},
		{path: "/page/keys/add", form: url.Values{}},
		{path: "/page/keys/promote", form: url.Values{"kid": {kid}}},
		{path: "/page/keys/retire", form: url.Values{"kid": {kid}}},
		{path: "/page/faults/set", form: url.Values{"endpoint": {"keys"}, "effect": {"status 503"}}},
		{path: "/page/faults/remove", form: url.Values{"endpoint": {"keys"}}},
	}
}

// TestPageHosts checks the protection against DNS rebinding. A page of an attacker can reach this
// server under a name whose address the attacker has changed to 127.0.0.1. The browser then allows
// this page to read every response.
func TestPageHosts(t *testing.T) {
	env, _ := startWith(t, scalekit.Config{URL: "https://Issuer.example:8443"})
	address, _, _ := strings.Cut(strings.TrimPrefix(env.url, "http://"), "/")
	_, port, _ := strings.Cut(address, ":")
	for _, row := range []struct {
		host    string
		allowed bool
	}{
		{address, true},
		{"127.0.0.1", true},
		{"127.1.2.3:8790", true},
		{"localhost:" + port, true},
		{"LOCALHOST.:" + port, true},
		{"issuer.localhost:" + port, true},
		{"[::1]:" + port, true},
		{"[::1]", true},
		{"[::ffff:127.0.0.1]:" + port, true},
		{"issuer.example", true}, // the host of Config.URL
		{"ISSUER.EXAMPLE:8443", true},
		{"issuer.example.", true},
		{"attacker.example:" + port, false},
		{"issuer.example.attacker.example", false},
		{"notissuer.example", false},
		{"a.issuer.example", false},
		{"localhost.attacker.example:" + port, false},
		{"127.0.0.1.attacker.example:" + port, false},
		{"notlocalhost:" + port, false},
		{"0.0.0.0:" + port, false},
		{"192.0.2.1:" + port, false},
		{"[2001:db8::1]:" + port, false},
		{"127.0.0.1@attacker.example", false},
		{"attacker.example#localhost", false},
		{"localhost:1:2", false},
		{"[localhost]", false},
		{"0177.0.0.1", false},
		{".localhost", false},
		{"..", false},
	} {
		want := map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[row.allowed]
		response, body := env.sendPage(t, pageRequest{method: http.MethodGet, path: "/", host: row.host})
		if response.StatusCode != want && (row.allowed || response.StatusCode != http.StatusBadRequest) {
			t.Errorf("Host %q: got status %d, want status %d", row.host, response.StatusCode, want)
		}
		if !row.allowed && strings.Contains(body, env.OrganizationID) {
			t.Errorf("Host %q: the response contains the page", row.host)
		}
		if row.allowed {
			continue
		}
		for _, action := range pageActions(env) {
			action.method, action.host, action.header = http.MethodPost, row.host, sameOrigin()
			if response, _ := env.sendPage(t, action); response.StatusCode != http.StatusForbidden && response.StatusCode != http.StatusBadRequest {
				t.Errorf("Host %q: %s: got status %d, want status 403", row.host, action.path, response.StatusCode)
			}
		}
	}
	if n := len(env.Issuer().Keys()); n != 1 {
		t.Errorf("got %d keys, want 1 key: a refused request has changed the keys", n)
	}
}

// TestHostsOfOtherEndpoints checks the endpoints that are not part of the page. Clients in other
// containers may use any host name. Browsers send the field Origin with each POST request, so a
// page of an attacker cannot use a known secret under its own host name.
func TestHostsOfOtherEndpoints(t *testing.T) {
	env, _ := startWith(t, scalekit.Config{})
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {env.ClientID}, "client_secret": {env.ClientSecret}}
	for _, row := range []struct {
		host, origin string
		want         int
	}{
		{"issuer:8790", "", http.StatusOK},
		{"127.0.0.1", "http://127.0.0.1", http.StatusOK},
		{"localhost:8790", "http://localhost:5173", http.StatusOK}, // a proxy of a web application on this machine
		{"attacker.example:8790", "http://attacker.example:8790", http.StatusForbidden},
		{"attacker.example:8790", "null", http.StatusForbidden},
	} {
		header := map[string]string{}
		if row.origin != "" {
			header["Origin"] = row.origin
		}
		response, body := env.sendPage(t, pageRequest{http.MethodPost, "/oauth/token", row.host, header, form})
		if response.StatusCode != row.want || strings.Contains(body, "access_token") != (row.want == http.StatusOK) {
			t.Errorf("Host %q, Origin %q: got status %d, want status %d", row.host, row.origin, response.StatusCode, row.want)
		}
	}
	response, _ := env.sendPage(t, pageRequest{method: http.MethodGet, path: "/keys", host: "issuer:8790"})
	if response.StatusCode != http.StatusOK {
		t.Errorf("got status %d for the key set, want status 200", response.StatusCode)
	}
}

// TestPageCrossOrigin checks the protection against forms and scripts of other sites.
func TestPageCrossOrigin(t *testing.T) {
	env, _ := startWith(t, scalekit.Config{})
	for _, action := range pageActions(env) {
		action.method = http.MethodPost
		for _, header := range []map[string]string{
			{"Sec-Fetch-Site": "cross-site"},
			{"Sec-Fetch-Site": "same-site", "Origin": env.url}, // a different port of the same host
			{"Sec-Fetch-Site": "cross-site", "Origin": env.url},
			{"Origin": "http://attacker.example"},
			{"Origin": "http://127.0.0.1:1"},
			{"Origin": "null"},
			{}, // a browser always sends one of the two fields
		} {
			action.header = header
			if response, _ := env.sendPage(t, action); response.StatusCode != http.StatusForbidden {
				t.Errorf("%s with %v: got status %d, want status 403", action.path, header, response.StatusCode)
			}
		}
		action.header = sameOrigin()
		for _, contentType := range []string{"text/plain", "multipart/form-data; boundary=b", "application/json", ""} {
			action.header["Content-Type"] = contentType
			if response, _ := env.sendPage(t, action); response.StatusCode != http.StatusUnsupportedMediaType {
				t.Errorf("%s with Content-Type %q: got status %d, want status 415", action.path, contentType, response.StatusCode)
			}
		}
		large := pageRequest{http.MethodPost, action.path, "", sameOrigin(), url.Values{"token": {strings.Repeat("a", 70_000)}}}
		if response, _ := env.sendPage(t, large); response.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s with 70 000 bytes: got status %d, want status 413", action.path, response.StatusCode)
		}
		if response, _ := env.sendPage(t, pageRequest{method: http.MethodGet, path: action.path + "?kid=1"}); response.StatusCode != http.StatusSeeOther {
			t.Errorf("GET %s: got status %d, want status 303", action.path, response.StatusCode)
		}
	}
	if n := len(env.Issuer().Keys()); n != 1 {
		t.Errorf("got %d keys, want 1 key: a refused request has changed the keys", n)
	}
	for _, header := range []map[string]string{sameOrigin(), {"Origin": env.url}} {
		if response, _ := env.sendPage(t, pageRequest{http.MethodPost, "/page/keys/add", "", header, url.Values{}}); response.StatusCode != http.StatusSeeOther {
			t.Errorf("%v: got status %d, want status 303", header, response.StatusCode)
		}
	}
}

// TestPageHeaders checks the header of every response of the page.
func TestPageHeaders(t *testing.T) {
	env, _ := startWith(t, scalekit.Config{})
	requests := append(pageActions(env), pageRequest{method: http.MethodGet, path: "/"}, pageRequest{method: http.MethodGet, path: "/", host: "attacker.example"})
	for _, p := range requests {
		if p.method == "" {
			p.method, p.header = http.MethodPost, sameOrigin()
		}
		response, _ := env.sendPage(t, p)
		h := response.Header
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: got %s: %q, want %q", p.path, name, got, want)
			}
		}
		policy := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: got Content-Security-Policy %q, want a policy with %s", p.path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s: got Content-Security-Policy %q, want a policy without unsafe sources", p.path, policy)
		}
		for _, name := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Private-Network"} {
			if h.Get(name) != "" {
				t.Errorf("%s: got the field %s, want no such field", p.path, name)
			}
		}
	}
}

// TestPageOfOtherMachines checks that other machines can read the page, but cannot use its
// actions, if Config.InsecurePageAnywhere is false.
func TestPageOfOtherMachines(t *testing.T) {
	forwarded := map[string]string{"Sec-Fetch-Site": "same-origin", "X-Forwarded-For": "192.0.2.7"}
	for _, anywhere := range []bool{false, true} {
		env, _ := startWith(t, scalekit.Config{InsecurePageAnywhere: anywhere})
		for _, row := range []struct {
			name   string
			remote string
			header map[string]string
			local  bool
			minor  int // the minor version of HTTP
		}{
			{"this machine", "127.0.0.1:1234", sameOrigin(), true, 1},
			{"this machine over IPv6", "[::1]:1234", sameOrigin(), true, 1},
			{"another machine", "192.0.2.7:1234", sameOrigin(), false, 1},
			{"another machine over IPv6", "[2001:db8::7]:1234", sameOrigin(), false, 1},
			{"a proxy", "127.0.0.1:1234", forwarded, false, 1},
			{"an unknown address", "@", sameOrigin(), false, 1},
			{"Envoy without settings", "127.0.0.1:1234", map[string]string{"Sec-Fetch-Site": "same-origin", "X-Forwarded-Proto": "http"}, false, 1},
			{"Envoy behind a gateway", "127.0.0.1:1234", map[string]string{"Sec-Fetch-Site": "same-origin", "X-Envoy-External-Address": "192.0.2.7"}, false, 1},
			{"nginx without settings", "127.0.0.1:1234", sameOrigin(), false, 0},
		} {
			allowed := row.local || anywhere
			for _, action := range append(pageActions(env), pageRequest{path: "/"}) {
				method := http.MethodPost
				if action.path == "/" {
					method = http.MethodGet
				}
				request := httptest.NewRequestWithContext(localContext(t), method, "http://127.0.0.1"+action.path, strings.NewReader(action.form.Encode()))
				request.RemoteAddr, request.ProtoMinor = row.remote, row.minor
				request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				for name, value := range row.header {
					request.Header.Set(name, value)
				}
				recorder := httptest.NewRecorder()
				env.Handler().ServeHTTP(recorder, request)
				switch {
				case action.path != "/":
					if got := recorder.Code != http.StatusForbidden; got != allowed {
						t.Errorf("%s, InsecurePageAnywhere %v: %s: got status %d, want allowed %v", row.name, anywhere, action.path, recorder.Code, allowed)
					}
				case recorder.Code != http.StatusOK || strings.Contains(recorder.Body.String(), "<form") != allowed:
					t.Errorf("%s, InsecurePageAnywhere %v: got status %d and a form %v, want status 200 and a form %v", row.name, anywhere, recorder.Code, strings.Contains(recorder.Body.String(), "<form"), allowed)
				}
			}
		}
	}
}

// localContext returns a context with the local address that net/http adds to the context of a
// request to 127.0.0.1.
func localContext(t *testing.T) context.Context {
	t.Helper()
	return context.WithValue(t.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8790})
}
