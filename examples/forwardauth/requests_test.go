package main

import (
	"bufio"
	"debug/buildinfo"
	"go/version"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/scopes"
)

// proxy is a proxy with a shipped configuration.
type proxy struct {
	name    string // for test names and for the fields of rows
	config  string // the file with the configuration
	dialect string
	command func(t *testing.T, dir, config string) *exec.Cmd
	marker  string            // the proxy prints this text when it listens
	replace *strings.Replacer // changes the configuration; nil if the test changes nothing
	http2   bool              // sendRequests speaks HTTP/2
}

var (
	nginx   = proxy{"nginx", "nginx.conf", "", nginxCommand, "event method", nil, false}
	caddy   = proxy{"caddy", "Caddyfile", "caddy", caddyCommand, "serving initial configuration", nil, false}
	haproxy = proxy{"haproxy", "haproxy.cfg", "haproxy", haproxyCommand, "Loading success", nil, false}
	// See ingressReplacer.
	ingressNginx = proxy{"ingress-nginx", "nginx.conf", "ingress-nginx", nginxCommand, "event method", ingressReplacer(), false}
)

func nginxCommand(t *testing.T, dir, config string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), programPath(t, "nginx"), "-p", dir, "-c", config, "-g", "error_log stderr notice;") //nolint:gosec // this is the path of an installed proxy
}

func caddyCommand(t *testing.T, dir, config string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), programPath(t, "caddy"), "run", "--config", config, "--adapter", "caddyfile") //nolint:gosec // this is the path of an installed proxy
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
	return cmd
}

// crashesOnExpect reports whether a request with "Expect: 100-continue" can end the proxy. A
// server that was built with Go before 1.23 can panic if it reads the body of such a request
// after its handler has returned (https://go.dev/issue/53808). Caddy of Debian 12 is such a
// server.
func (p proxy) crashesOnExpect() bool {
	if p.dialect != "caddy" {
		return false
	}
	path, err := exec.LookPath("caddy")
	if err != nil {
		return false
	}
	info, err := buildinfo.ReadFile(path)
	return err == nil && version.Compare(info.GoVersion, "go1.23") < 0
}

func haproxyCommand(t *testing.T, dir, config string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), programPath(t, "haproxy"), "-W", "-db", "-C", dir, "-f", config) //nolint:gosec // this is the path of an installed proxy
}

// start starts the proxy in front of the guard and the service, and returns its address.
func (p proxy) start(t *testing.T, s *setting) (front string) {
	t.Helper()
	dir, front := t.TempDir(), freePort(t)
	config := s.writeConfig(t, dir, p.config, front)
	if p.replace != nil {
		text, err := os.ReadFile(config) //nolint:gosec // a file of this test
		if err != nil {
			t.Fatal(err)
		}
		changed := p.replace.Replace(string(text))
		if changed == string(text) {
			t.Fatalf("%s: got no change of the configuration", p.config)
		}
		if err := os.WriteFile(config, []byte(changed), 0o600); err != nil { //nolint:gosec // a file of this test
			t.Fatal(err)
		}
	}
	startProxy(t, p.command(t, dir, config), p.marker)
	return front
}

func TestNginx(t *testing.T)        { sendRequests(t, nginx) }
func TestIngressNginx(t *testing.T) { sendRequests(t, ingressNginx) }
func TestCaddy(t *testing.T)        { sendRequests(t, caddy) }
func TestHAProxy(t *testing.T)      { sendRequests(t, haproxy) }

// request is a request to a proxy, with the wanted response.
type request struct {
	name    string
	request string         // request line without the version
	fields  string         // header fields; {read} and {write} become credentials
	body    string         // body
	status  int            // the status that the client must receive
	field   string         // a field that the response must have
	client  string         // the client ID that the service must receive
	differs map[string]int // the statuses of proxies that do not return status
}

const (
	spoofed       = "X-Subject: admin\r\nX_Subject: admin\r\nX.Subject: admin\r\nx-client: admin\r\nX_CLIENT: admin\r\nX.Client: admin\r\nX-Scope: admin\r\n"
	preflight     = "Origin: https://a.example\r\nAccess-Control-Request-Method: GET\r\n"
	publicHTTP    = "http://h/public/x"
	otherDialects = "X-Original-URL: " + publicHTTP + "\r\nX-Original-Method: GET\r\nX_Original_URL: " + publicHTTP + "\r\nX_Original_Method: GET\r\n" +
		"X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /public/x\r\nX_Forwarded_Uri: /public/x\r\nX.Forwarded.Uri: /public/x\r\nX-Forwarded-Host: x\r\n"
)

// requests returns the requests of TestNginx and of the tests of the other proxies.
func requests() []request {
	hidden := map[string]int{"nginx": 200, "caddy": 200} // these proxies tell the guard nothing about the body
	refusedByIngress := map[string]int{"ingress-nginx": 400}
	rows := []request{
		{name: "request with a valid token", request: "GET /reports/7?x=1", fields: "{read}", status: 200, client: "ci"},
		{name: "caller fields sent by the client", request: "GET /reports/7", fields: "{read}" + spoofed, status: 200, client: "ci"},
		{name: "caller fields named in the Connection field", request: "GET /reports/7", fields: "{read}Connection: close, X-Subject, x-client, X-Scope, Authorization\r\n", status: 200, client: "ci"},
		{name: "public route", request: "GET /public/x", status: 200},
		{name: "public route, caller fields sent by the client", request: "GET /public/x", fields: "{read}" + spoofed, status: 200},
		{name: "optional rule without a token, caller fields sent by the client", request: "GET /whoami", fields: spoofed, status: 200},
		{name: "optional rule with a token", request: "GET /whoami", fields: "{read}" + spoofed, status: 200, client: "ci"},
		{name: "request with a body", request: "POST /reports/7", fields: "{write}Content-Length: 5\r\n", body: "hello", status: 200, client: "client"},
		{name: "caller fields in the trailer", request: "POST /reports/7", fields: "{write}Transfer-Encoding: chunked\r\nTrailer: X-Subject, X_Subject, X-Original-URL\r\n", body: "5\r\nhello\r\n0\r\nX-Subject: admin\r\nX_Subject: admin\r\nX-Original-URL: admin\r\n\r\n", status: 200, client: "client", differs: map[string]int{"haproxy": 400}},
		{name: "HEAD request", request: "HEAD /reports/7", fields: "{read}", status: 200, client: "ci"},
		{name: "no token", request: "GET /reports/7", status: 401, field: `Www-Authenticate: Bearer realm="api"`},
		{name: "malformed token", request: "GET /reports/7", fields: "Authorization: Bearer x\r\n", status: 401, field: `Www-Authenticate: Bearer realm="api", error="invalid_token", error_description="The access token is invalid"`},
		{name: "optional rule with a malformed token", request: "GET /whoami", fields: "Authorization: Bearer x\r\n", status: 401, field: `Www-Authenticate: Bearer realm="api", error="invalid_token", error_description="The access token is invalid"`},
		{name: "two tokens in a list", request: "GET /reports/7", fields: "Authorization: Bearer x, Bearer y\r\n", status: 400, differs: map[string]int{"nginx": 401}, field: `Www-Authenticate: Bearer realm="api", error="invalid_request"`},
		{name: "two Authorization fields", request: "GET /reports/7", fields: "{read}{read}", status: 400}, // nginx refuses the request itself
		{name: "missing scope", request: "GET /reports/7", fields: "{write}", status: 403, field: `Www-Authenticate: Bearer realm="api", error="insufficient_scope", error_description="The access token does not allow this", scope="read:reports"`},
		{name: "1,000 missing scopes", request: "GET /many", fields: "{read}", status: 403, field: `Www-Authenticate: Bearer realm="api", error="insufficient_scope"`},
		{name: "missing scope, HEAD request", request: "HEAD /reports/7", fields: "{write}", status: 403},
		{name: "no rule for the method", request: "DELETE /reports/7", fields: "{write}", status: 403},
		{name: "no rule for the route", request: "GET /", fields: "{read}", status: 403},
		{name: "keys unavailable", request: "GET /reports/7", fields: "Authorization: Bearer unavailable\r\n", status: 503, field: "Retry-After: 7"},
		{name: "internal error", request: "GET /reports/7", fields: "Authorization: Bearer broken\r\n", status: 500},
		{name: "path with dot segments", request: "GET /public/../reports/7", status: 401},
		{name: "path with encoded dot segments", request: "GET /public/%2e%2e/reports/7", status: 401},
		{name: "path with encoded dot segments and an encoded slash", request: "GET /public/..%2freports/7", status: 401},
		{name: "path with dot segments that are encoded twice", request: "GET /public/%252e%252e%252freports/7", status: 401},
		{name: "path with an encoded backslash", request: "GET /public/..%5creports/7", status: 401},
		{name: "path with a doubled slash", request: "GET //public/x", status: 401},
		{name: "absolute-form target", request: "GET http://h/reports/7", fields: "{read}", status: 200, client: "ci", differs: refusedByIngress},
		{name: "absolute-form target, no token", request: "GET http://h/reports/7", status: 401, differs: refusedByIngress},
		{name: "absolute-form target without a path", request: "GET http://h?/public/x", status: 401, differs: map[string]int{"haproxy": 400, "ingress-nginx": 400}},
		{name: "query that looks like a path", request: "GET /reports/7?/../public/x", status: 401},
		{name: "target with a fragment", request: "GET /public/x#y", status: 401, differs: map[string]int{"caddy": 200, "haproxy": 400}}, // Caddy escapes the "#"
		{name: "method in lower case", request: "get /public/x", status: 401, differs: map[string]int{"nginx": 400}},
		{name: "CORS preflight request", request: "OPTIONS /reports/7", fields: preflight, status: 200},
		{name: "CORS preflight request with a body", request: "OPTIONS /reports/7", fields: preflight + "Content-Length: 5\r\n", body: "hello", status: 401, differs: hidden},
		{name: "CORS preflight request with a chunked body", request: "OPTIONS /reports/7", fields: preflight + "Transfer-Encoding: chunked\r\n", body: "5\r\nhello\r\n0\r\n\r\n", status: 401, differs: hidden},
		{name: "upgrade to h2c", request: "GET /public/x", fields: "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n", status: 200, differs: refusedByIngress},
		{name: "upgrade to WebSocket", request: "GET /public/x", fields: "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", status: 200, differs: refusedByIngress},
		{name: "fields of dialects sent by the client, no token", request: "POST /reports/7", fields: otherDialects, status: 401},
		{name: "fields of dialects sent by the client", request: "POST /reports/7", fields: "{read}" + otherDialects, status: 403, field: `Www-Authenticate: Bearer realm="api", error="insufficient_scope"`},
		{name: "fields of dialects sent by the client, public route", request: "GET /public/x", fields: otherDialects, status: 200},
		{name: "other spellings of the Authorization field", request: "GET /reports/7", fields: "X-Authorization: Bearer x\r\n", status: 401},
		{name: "open route", request: "GET /open/x", status: 200},
		{name: "strict segments: a suffix of an identifier", request: "GET /open/x.json", status: 200},
		{name: "strict segments: upper case", request: "GET /open/ADMIN", status: 401},
		{name: "strict segments: a full stop at the end", request: "GET /open/admin.", status: 401},
		{name: "strict segments: a blank at the end", request: "GET /open/admin%20", status: 401},
		{name: "strict segments: a suffix", request: "GET /open/admin.json", status: 401},
		{name: "strict segments: an encoded letter", request: "GET /open/%61dmin", status: 401},
		{name: "strict segments: invalid UTF-8", request: "GET /open/%c0%af", status: 401},
	}
	for _, c := range "-_.~!#$%&'*+^`|" {
		fields := strings.NewReplacer("x-subject", "X"+string(c)+"Subject", "x-client", "X"+string(c)+"Client", "x-scope", "X"+string(c)+"Scope").
			Replace("x-subject: admin\r\nx-client: admin\r\nx-scope: admin\r\n")
		rows = append(rows, request{name: "caller fields with " + string(c), request: "GET /whoami", fields: fields, status: 200})
		fields = ""
		for _, name := range overrideFields() {
			fields += strings.ReplaceAll(name, "-", string(c)) + ": admin\r\n"
		}
		rows = append(rows, request{name: "override fields with " + string(c), request: "GET /public/x", fields: fields, status: 200})
	}
	return rows
}

// overrideFields returns the fields that name another method, target or host. The names are
// from the source of the guard, so that a new field there needs no change here.
func overrideFields() []string {
	source, err := os.ReadFile("../../middleware/override.go")
	if err != nil {
		panic(err)
	}
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^\t"([A-Z][A-Za-z0-9-]*)",`).FindAllSubmatch(source, -1) {
		names = append(names, string(match[1]))
	}
	return names
}

// sendRequests sends requests to the proxy without any change of their bytes. It checks the
// responses, and the requests that reach the service.
func sendRequests(t *testing.T, p proxy) {
	t.Helper()
	if names := overrideFields(); len(names) < 40 {
		t.Fatalf("got %d override fields, want at least 40", len(names))
	}
	opts, table := options(p.dialect), rules()
	opts.AllowPreflight = true
	table.Handle("/open/", scopes.Public())
	table.Handle("/open/admin", scopes.All("admin"))
	var many []string
	for i := range 1000 {
		many = append(many, "scope:"+strconv.Itoa(i))
	}
	table.Handle("/many", scopes.All(many...))
	s := newSettingWith(t, opts, table)
	front := p.start(t, s)
	credentials := strings.NewReplacer(
		"{read}", "Authorization: Bearer "+s.issuer.Token(map[string]any{"sub": "ré,1", "client_id": "ci", "scope": "read:reports"})+"\r\n",
		"{write}", "Authorization: Bearer "+s.issuer.Token(map[string]any{"scope": "write:reports"})+"\r\n")
	for _, row := range requests() {
		t.Run(row.name, func(t *testing.T) {
			if status, ok := row.differs[p.name]; ok {
				row.status = status
			} else if status, ok := row.differs["nginx"]; ok && p.dialect == "ingress-nginx" {
				row.status = status
			}
			if !strings.Contains(row.fields, "Connection: ") {
				row.fields += "Connection: close\r\n"
			}
			raw := row.request + " HTTP/1.1\r\nHost: h\r\n" + credentials.Replace(row.fields) + "\r\n" + row.body
			status, header := p.exchange(t, front, raw)
			if status == 0 {
				return
			}
			if status != row.status {
				t.Errorf("got status %d, want status %d", status, row.status)
			}
			name, value, _ := strings.Cut(row.field, ": ")
			if values := header.Values(name); name != "" && (len(values) != 1 || !strings.HasPrefix(values[0], value)) {
				t.Errorf("got %s fields %q, want one field that begins with %q", name, values, value)
			}
			seen := s.takeRequests()
			if want := row.status == http.StatusOK; (len(seen) == 1) != want || len(seen) > 1 {
				t.Fatalf("status %d: got %d requests at the service, want one request for status 200 and no request for other statuses", row.status, len(seen))
			}
			for _, r := range seen {
				row.checkService(t, r)
			}
		})
	}
	if log := s.log.String(); strings.Contains(log, publicHTTP) {
		t.Errorf("got the log %s, want no values of fields", log)
	}
}

// checkService checks the header of a request that reached the service.
func (row request) checkService(t *testing.T, r *http.Request) {
	t.Helper()
	for name, values := range r.Header {
		if text := strings.Join(values, ","); strings.Contains(text, "admin") || strings.Contains(text, "Bearer") || strings.Contains(text, "/public/x") {
			t.Errorf("got field %s with the value %q of the client at the service, want no such value", name, text)
		}
		if name == "Upgrade" || strings.EqualFold(name, "Http2-Settings") {
			t.Errorf("got field %s at the service, want no such field", name)
		}
	}
	trailer := ""
	for _, values := range r.Trailer {
		trailer += strings.Join(values, ",")
	}
	if trailer != "" {
		t.Errorf("got the trailer %v at the service, want no values", r.Trailer)
	}
	if connection := strings.ToLower(strings.Join(r.Header["Connection"], ",")); !slices.Contains([]string{"", "close", "keep-alive"}, connection) {
		t.Errorf("got the Connection field %q at the service, want no names of fields", connection)
	}
	if got := r.Header.Get("X-Client"); got != row.client {
		t.Errorf("got client %q at the service, want client %q", got, row.client)
	}
	if got := r.Header.Get("X-Subject"); row.client == "ci" && got != "r%C3%A9%2C1" {
		t.Errorf("got subject %q at the service, want subject %q", got, "r%C3%A9%2C1")
	}
}

// TestMissingDescription checks that the log names the field that a proxy does not set.
func TestMissingDescription(t *testing.T) {
	for line, want := range map[string]string{
		"proxy_set_header X-Forwarded-Method $request_method;": "the X-Forwarded-Method field is missing; the proxy must set it",
		"proxy_set_header X-Forwarded-Uri $request_uri;":       "the X-Forwarded-Uri field is missing; the proxy must set it",
	} {
		s := newSetting(t)
		p := nginx
		p.replace = strings.NewReplacer(line, "")
		front := p.start(t, s)
		status, _ := exchange(t, front, "GET /reports/7 HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer "+s.issuer.Token(map[string]any{"scope": "read:reports"})+"\r\n\r\n")
		if log := s.log.String(); status != http.StatusForbidden || !strings.Contains(log, want) {
			t.Errorf("got status %d and the log %s, want status 403 and the text %q", status, log, want)
		}
	}
}

// TestRefusedHead checks that a refused HEAD request does not change the responses that follow
// on the connection.
func TestRefusedHead(t *testing.T) {
	for _, p := range []proxy{nginx, caddy, haproxy} {
		s := newSettingWith(t, options(p.dialect), rules())
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.start(t, s))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		lines := bufio.NewReader(conn)
		for _, row := range []struct {
			method, path string
			status       int
		}{{"HEAD", "/reports/7", 401}, {"GET", "/public/x", 200}, {"HEAD", "/none", 401}, {"GET", "/reports/7", 401}, {"GET", "/public/x", 200}} {
			if _, err := io.WriteString(conn, row.method+" "+row.path+" HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(lines, &http.Request{Method: row.method})
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
			if response.StatusCode != row.status {
				t.Errorf("%s, %s %s: got status %d, want status %d", p.name, row.method, row.path, response.StatusCode, row.status)
			}
		}
	}
}

// TestGuardDown checks that no request reaches the service while the guard does not answer.
func TestGuardDown(t *testing.T) {
	brokenScript := haproxy
	brokenScript.replace = strings.NewReplacer("lua.forwardauth http://127.0.0.1", "lua.forwardauth 127.0.0.1")
	for _, p := range []proxy{nginx, caddy, haproxy, brokenScript} {
		t.Run(p.name, func(t *testing.T) {
			s := newSetting(t)
			s.auth = freePort(t)
			front := p.start(t, s)
			status, _ := exchange(t, front, "GET /public/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
			if seen := s.takeRequests(); status < 500 || len(seen) != 0 {
				t.Errorf("got status %d and %d requests at the service, want status 500 or more and no request", status, len(seen))
			}
		})
	}
}
