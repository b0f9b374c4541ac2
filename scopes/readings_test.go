package scopes_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/cleanpath"
)

// TestTableRuleRawPath tests requests that a router reads differently if it matches the raw
// path. Examples of such routers are chi, echo, and gin with UseRawPath. It also tests other
// ways to decode a path.
func TestTableRuleRawPath(t *testing.T) {
	for _, row := range []struct{ patterns, target, want string }{
		{"GET /healthz,/{id}", "/he%61lthz", ""},
		{"GET /healthz,/{id}", "/healthz", "GET /healthz"},
		{"/projects/sandbox,/projects/{id}", "/projects/s%61ndbox", ""},
		{"/projects/sandbox,/projects/{id}", "http://h/projects/s%61ndbox", ""},
		{"/deployments", "/%64eployments", ""}, // the raw path has no pattern
		{"/admin/,/", "/%61dmin/1", ""},
		{"/{id}", "/he%61lthz", "/{id}"},
		{"/{id}", "/a%2fb", ""},
		{"/files/{id...}", "/files/a%2Fb", "/files/{id...}"},
		{"/users/{mail}", "/users/a%40b.example", "/users/{mail}"},
		{"/a/{b}", "/a/f(x)!*'", "/a/{b}"},
		{"/a(1),/{x}", "/a(1)", "/a(1)"},
		{"/a(1),/{x}", "/a%281%29", "/a(1)"}, // the default encoding of net/url
		// The client has only one way to write these paths. Pattern and route have the same literal.
		{"/café,/{x}", "/caf%C3%A9", "/café"},
		{"/a%20b,/{x}", "/a%20b", "/a%20b"},
		{"/café,/{x}", "/caf%c3%a9", ""},
		// The reader keeps the escaped slash, and decodes everything else.
		{"/admin/{id},/", "/%61dmin/a%2fb", ""},
		{"/admin/{id},/", "/%2561dmin/a%252fb", ""},
		{"/admin/{id},/", "/%2561dmin/a%2fb", ""},
		{"/", "/a%2fb%252fc", ""}, // slashes that are escaped twice and once
		// The reader removes the parameters first, and then the question mark.
		{"/a/b,/", "/a;x%3fy/b%3fz", ""},
		{"/a/b,/", "/a;x%3fy/c%3fz", "/"},
		// The reader removes the question mark first, and then the parameters.
		{"/a,/", "/a;x%3fy/b", ""},
		{"/files/", "/files/%25e2%2582%25ac/a", "/files/"},
	} {
		table := routes(strings.Split(row.patterns, ",")...)
		if _, got := table.Rule(request(t, http.MethodGet, row.target)); got != row.want {
			t.Errorf("table with %s: %s: got pattern %q, want %q", row.patterns, row.target, got, row.want)
		}
	}
}

// TestTableRuleStaleRawPath tests URLs whose RawPath is no encoding of Path. A middleware that
// changes only Path makes such URLs. Some routers read RawPath all the same.
func TestTableRuleStaleRawPath(t *testing.T) {
	table := routes("/public/", "/admin", "/a/{b}", "/a/key")
	for _, row := range []struct{ raw, path, want string }{
		{"/a/y", "/a/%6bey", ""},
		{"/a/y", "/a/x", "/a/{b}"},
		{"/admin", "/public/x", ""},
		{"/%61dmin", "/public/x", ""},
		{"/public/../admin", "/public/x", ""},
		{"/public/%2e%2e/admin", "/public/x", ""},
		{"/public//x", "/public/x", ""},
		{"/public/y", "/public/x", "/public/"},
		{"/public/\xc3\xa9", "/public/é", "/public/"},
		{"/public/\xe9", "/public/\xe9", ""},
	} {
		r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: row.path, RawPath: row.raw}}
		if _, got := table.Rule(r); got != row.want {
			t.Errorf("Path %q, RawPath %q: got pattern %q, want %q", row.path, row.raw, got, row.want)
		}
	}
}

// TestTableRuleLongPath tests the limit of a path with several readings.
func TestTableRuleLongPath(t *testing.T) {
	table := routes("/files/")
	for _, row := range []struct {
		target string
		want   string
	}{
		{"/files/" + strings.Repeat("a", 100<<10), "/files/"},
		{"/files/" + strings.Repeat("a", 8<<10-7-3) + "%40", "/files/"},
		{"/files/" + strings.Repeat("a", 8<<10-7-2) + "%40", ""},
		{"/files/" + strings.Repeat("%40", 3<<10), ""},
		{"/files/" + strings.Repeat("a", 8<<10-7) + ";", ""},
	} {
		if _, got := table.Rule(request(t, http.MethodGet, row.target)); got != row.want {
			t.Errorf("%.16s..., %d bytes: got pattern %q, want %q", row.target, len(row.target), got, row.want)
		}
	}
}

// TestTableRuleMethod tests that a method has a rule only if it is a token without lower-case
// letters.
func TestTableRuleMethod(t *testing.T) {
	table := routes("DELETE /items/{id}", "M-SEARCH /items/{id}", "/")
	for _, row := range []struct{ method, want string }{
		{"DELETE", "DELETE /items/{id}"},
		{"M-SEARCH", "M-SEARCH /items/{id}"},
		{"PUT", "/"},
		{"PATCH2", "/"},
		{"delete", ""},
		{"Delete", ""},
		{"DELETe", ""},
		{"DELETE ", ""},
		{"DELETE\t", ""},
		{"DEL\x00ETE", ""},
		{"ÐELETE", ""},
		{"DELETE,GET", ""},
		{"DELETE/", ""},
	} {
		if _, got := table.Rule(&http.Request{Method: row.method, URL: &url.URL{Path: "/items/7"}}); got != row.want {
			t.Errorf("method %q: got pattern %q, want %q", row.method, got, row.want)
		}
	}
}

// TestCleanPathBytes tests that a path is unclean if it contains invalid UTF-8 or a control
// character, in any spelling.
func TestCleanPathBytes(t *testing.T) {
	for target, want := range map[string]bool{
		"/caf%C3%A9": true, "/a%20b": true, "/%E2%82%AC": true, "/%F0%9F%98%80": true, "/%C2%A0": true, "/%E3%80%80": true, "/;a=b": false, "/a;b": true, "/a/;": false, "/a/;b/c": false, "/a/%3bb": false, "/a/%253b/c": false,
		"/caf%E9": false, "/%C0%AF": false, "/%E0%80%AF": false, "/%C1%A1dmin": false, "/%F8%80%80%80%AF": false, "/%ED%A0%80": false, "/%FF": false, "/a%25C0%25AF": false, "/%C3": false,
		"/a%00": false, "/a%09b": false, "/a%0a": false, "/a%0D%0Ab": false, "/%1fa": false, "/a%7f": false, "/a%257F": false, "/a%C2%80": false, "/a%C2%9F": false, "/a%25C2%2585": false,
	} {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatal(err)
		}
		if got := cleanpath.Clean(u); got != want {
			t.Errorf("CleanPath of %q: got %v, want %v", target, got, want)
		}
		if _, got := routes("/").Rule(&http.Request{Method: http.MethodGet, URL: u}); (got == "/") != want {
			t.Errorf("%q: got pattern %q, want a pattern: %v", target, got, want)
		}
	}
}

// TestTableRuleHost tests a table with hosts. If one spelling of the host is a host of the
// table, the host must be written in this spelling.
func TestTableRuleHost(t *testing.T) {
	table := routes("/", "admin.example/", "GET keys.example/Keys", "[::1]/local")
	for _, row := range []struct{ host, path, want string }{
		{"admin.example", "/x", "admin.example/"},
		{"admin.example:8080", "/x", "admin.example/"},
		{"other.example", "/x", "/"},
		{"Other.Example.:80", "/x", "/"},
		{"", "/x", "/"},
		{"xn--bcher-kva.example", "/x", "/"},
		{"[::1]", "/local", "[::1]/local"},
		{"[::1]", "/x", "/"},
		{"[::2]:80", "/x", "/"},
		{"127.0.0.1:80", "/x", "/"},
		{"admin.example.", "/x", ""},
		{"admin.example..", "/x", ""},
		{"admin.example..:80", "/x", ""},
		{"ADMIN.example", "/x", ""},
		{"admin%2eexample", "/x", ""},
		{"admin%2Eexample%2e", "/x", ""},
		{"admin%252eexample", "/x", ""},
		{"admin.example ", "/x", ""},
		{" admin.example", "/x", ""},
		{"admin.example\t", "/x", ""},
		{"admin.example\x00", "/x", ""},
		{"admin.example%00", "/x", ""},
		{"other.example\x7f", "/x", ""},
		{"other.example\xff", "/x", ""},
		{"admin。example", "/x", ""},
		{"admin．example", "/x", ""},
		{"admin｡example", "/x", ""},
		{"ａdmin.example", "/x", ""},
		{"admin.examp\u212ae", "/x", "/"},
		{"admin.example:80:90", "/x", ""},
		{"admin.example:", "/x", "admin.example/"},
		{"user@admin.example", "/x", ""},
		{"admin.example,other.example", "/x", ""},
		{"admin.example/", "/x", ""},
		{`admin.example\x`, "/x", ""},
		{"admin.example?x", "/x", ""},
		{"[::1]:80", "/local", ""},
		{"KEYS.example", "/Keys", ""},
		{"KEYS.example", "/y", "/"},
		{"\u212aeys.example", "/Keys", ""},
	} {
		if _, got := table.Rule(&http.Request{Method: http.MethodGet, Host: row.host, URL: &url.URL{Path: row.path}}); got != row.want {
			t.Errorf("host %q, path %s: got pattern %q, want %q", row.host, row.path, got, row.want)
		}
	}
	// A table without hosts ignores the host.
	if _, got := routes("/").Rule(&http.Request{Method: http.MethodGet, Host: "a b", URL: &url.URL{Path: "/x"}}); got != "/" {
		t.Errorf("table without hosts: got pattern %q, want \"/\"", got)
	}
}

// TestTableHandleNeverMatches tests patterns whose literal no request can have, because the
// table refuses each request with such a path.
func TestTableHandleNeverMatches(t *testing.T) {
	for _, pattern := range []string{"/a%2fb", "/a%2Fb/{x}", "/%2e%2e/x", "GET /a%00", "/a%0ab", "/caf%E9", "/a%3bx", "/%3b", "/a%2541", "/a%5cb", "/a\x01", "/\xff"} {
		func() {
			defer func() {
				if p := recover(); !strings.Contains(fmt.Sprint(p), "no request can match") {
					t.Errorf("pattern %q: got panic %v, want one that says that no request can match", pattern, p)
				}
			}()
			routes(pattern)
		}()
	}
	for _, pattern := range []string{"/a%20b", "/100%25", "/café", "/a%41", "/x/{$}", "/x/{y}/{z...}", "OPTIONS /x/", "CONNECT /x", "h.example/p/", "/a%7Bb", "/c++", "/v1.0/x", "/a%3fx", "[::1]/", "/.well-known/{x}", "/", "GET /a%2", "/%zz"} {
		routes(pattern)
	}
}

// TestMux121 runs this test binary with a setting under which http.ServeMux ignores methods
// and wildcards. In this mode a table must refuse to be built.
func TestMux121(t *testing.T) {
	if strings.Contains(os.Getenv("GODEBUG"), "httpmuxgo121=1") {
		defer func() { t.Log(recover()) }()
		routes("GET /deployments/{id}")
		t.Log("the table was built")
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, setting := range []string{"httpmuxgo121=1", "http2server=1,httpmuxgo121=1"} {
		cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestMux121$", "-test.v") //nolint:gosec // the program is this test
		cmd.Env = append(os.Environ(), "GODEBUG="+setting)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, want := range []string{`scopes: pattern "GET /deployments/{id}" (declared at `, "readings_test.go:", "httpmuxgo121=1", "GODEBUG", "//go:debug", "go.mod"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("GODEBUG=%s: got output\n%s\nwant %q in it", setting, out, want)
			}
		}
		if strings.Contains(string(out), "the table was built") {
			t.Errorf("GODEBUG=%s: Handle accepts the pattern, want a panic", setting)
		}
	}
}
