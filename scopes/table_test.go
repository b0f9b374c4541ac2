package scopes_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/cleanpath"
	"github.com/bearerkit/bearer/scopes"
)

// routes returns a table with the declared patterns. Each pattern has the rule All().
func routes(declared ...string) *scopes.Table {
	var table scopes.Table
	for _, pattern := range declared {
		table.Handle(pattern, scopes.All())
	}
	return &table
}

func TestTableRule(t *testing.T) {
	table := routes("GET /deployments", "POST /deployments", "/deployments/{id}", "/files/", "/public/", "/", "/exact/{$}", "/a/{b}", "admin.example/", "/café")
	for _, row := range []struct{ method, target, want string }{
		{"GET", "/deployments", "GET /deployments"},
		{"HEAD", "/deployments", "GET /deployments"},
		{"POST", "/deployments?x=/../y", "POST /deployments"},
		{"PUT", "/deployments", "/"},
		{"PUT", "/deployments/1", "/deployments/{id}"},
		{"PUT", "/deployments/1/2", "/"},
		{"GET", "/files/a/b", "/files/"},
		{"GET", "/files/a%20b", "/files/"},
		{"GET", "/files/a%2fb", "/files/"},
		{"GET", "/exact/", "/exact/{$}"},
		{"GET", "/exact/more", "/"},
		{"GET", "//admin.example/deployments", ""},
		{"GET", "http://admin.example/deployments", "admin.example/"},
		{"GET", "/caf%C3%A9", "/café"},

		// These paths are unclean in at least one spelling.
		{"GET", "/public/../secret", ""},
		{"GET", "/public/..%2fsecret", ""},
		{"GET", "/public/%2e%2e/secret", ""},
		{"GET", "/public/%2e%2e%2fsecret", ""},
		{"GET", "/public/%252e%252e%252fsecret", ""},
		{"GET", "/public/%25252e%25252e%25252fsecret", ""},
		{"GET", "/public/%zz/%252e%252e%252f%252e%252e/secret", ""},
		{"GET", "/public/..", ""},
		{"GET", "/public/.", ""},
		{"GET", "/public/..;/secret", ""},
		{"GET", "/public/..%3bx=1/secret", ""},
		{"GET", `/public/..%5csecret`, ""},
		{"GET", "/public//secret", ""},
		{"GET", "/public/%2fsecret", ""},
		{"GET", "/public/%2525252525252541", ""},
		{"GET", "/public/a%00b", ""},
		{"GET", "/public/a%2500b", ""},
		{"GET", "/public/;/secret", ""},
		{"OPTIONS", "*", ""},

		// These clean paths may match one route before they are decoded, and a different route
		// after they are decoded.
		{"GET", "/a/b%2fc", ""},
		{"GET", "/a/b%252fc", ""},
		{"GET", "/a/b%20c", "/a/{b}"},
		{"GET", "/a/100%25", "/a/{b}"},
		{"GET", "/deployments%2f1", ""},
		{"GET", "/a/...", "/a/{b}"},

		// These clean paths may match one route with their parameters, and a different route
		// without their parameters. Java servers remove the parameters.
		{"GET", "/deployments;x=1", ""},
		{"GET", "/deployments;x=1/1", ""},
		{"GET", "/deployments%3bx=1/1", ""},
		{"GET", "/deployments%253bx=1/1", ""},
		{"PUT", "/deployments/1;x=1", "/deployments/{id}"},
		{"GET", "/files/a;x=1/b;y", "/files/"},

		// These clean paths contain a decoded "?" or "#". The part before this character may
		// match a different route.
		{"GET", "/a/b%3fx", "/a/{b}"},
		{"GET", "/files/c%23/1", "/files/"},
		{"GET", "/deployments%3fx", ""},
		{"GET", "/deployments%23x", ""},
		{"GET", "/deployments%253fx/1", ""},
		{"GET", "/deployments;x%3fx/1", ""},
		{"GET", "/public/..%3fx", ""},
		{"GET", "/public/..%23/x", ""},

		// These hosts are in upper case, end with a full stop, or contain a port.
		{"GET", "http://ADMIN.example/deployments", ""},
		{"GET", "http://admin.example./deployments", ""},
		{"GET", "http://admin.example:8080/deployments", "admin.example/"},
		{"GET", "http://Admin.Example:8080/public/x", ""},
		{"GET", "http://OTHER.example/deployments", "GET /deployments"},
		{"GET", "http://other.example.:8080/deployments", "GET /deployments"},

		// The mux does not clean the paths of CONNECT requests.
		{"CONNECT", "/deployments/1", ""}, // the pattern has no method
		{"CONNECT", "/public/../secret", ""},
		{"CONNECT", "admin.example:443", ""},
	} {
		r := request(t, row.method, row.target)
		rule, pattern := table.Rule(r)
		if pattern != row.want || rule.IsZero() != (row.want == "") {
			t.Errorf("%s %s: got pattern %q, want %q", row.method, row.target, pattern, row.want)
		}
	}
}

// TestTableRuleFragment tests that a target with an unescaped "#" matches no rule. Clients do
// not send such targets, and different servers interpret such targets differently.
func TestTableRuleFragment(t *testing.T) {
	table := routes("/", "/{page}", "GET /admin")
	for target, want := range map[string]string{"/admin": "GET /admin", "/page": "/{page}", "/page#x": "", "/admin#x": "", "/#": "", "/page#%2f": "", "/page%23": "/{page}", "/admin%23": ""} {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := table.Rule(&http.Request{Method: http.MethodGet, URL: u}); got != want {
			t.Errorf("%s: got pattern %q, want %q", target, got, want)
		}
	}
	// An escaped "#" is an ordinary character if the path before the "#" has no rule.
	if _, got := routes("/tags/{tag}/posts").Rule(httptest.NewRequest(http.MethodGet, "/tags/c%23/posts", http.NoBody)); got != "/tags/{tag}/posts" {
		t.Errorf("/tags/c%%23/posts: got pattern %q, want \"/tags/{tag}/posts\"", got)
	}
}

// TestTableRuleConnect tests CONNECT requests. If the host with the port and the host without
// the port match different patterns, Rule must return the zero Rule. In other requests, the
// mux ignores the port.
func TestTableRuleConnect(t *testing.T) {
	table := routes("CONNECT /", "CONNECT admin.example/")
	for host, want := range map[string]string{"other.example:443": "CONNECT /", "admin.example": "CONNECT admin.example/", "admin.example:443": "", "ADMIN.example": ""} {
		r := &http.Request{Method: http.MethodConnect, Host: host, URL: &url.URL{Path: "/x"}}
		if _, pattern := table.Rule(r); pattern != want {
			t.Errorf("host %s: got pattern %q, want %q", host, pattern, want)
		}
	}
}

func TestTableRuleHostWithMethod(t *testing.T) {
	for _, pattern := range []string{"GET admin.example/", "GET \t admin.example/", "GET\tadmin.example/"} {
		r := httptest.NewRequest(http.MethodGet, "http://ADMIN.example/", http.NoBody)
		if _, got := routes("/", pattern).Rule(r); got != "" {
			t.Errorf("table with %q: got pattern %q, want none", pattern, got)
		}
	}
}

// The function request parses a request target as a server does.
func request(t *testing.T, method, target string) *http.Request {
	t.Helper()
	if strings.Contains(target, "%zz") || target == "*" {
		// httptest.NewRequest panics on an invalid escape. A handler that rewrites
		// requests can produce such a path.
		u := &url.URL{Path: target}
		if target != "*" {
			u = &url.URL{Path: strings.ReplaceAll(target, "%25", "%")}
		}
		return &http.Request{Method: method, URL: u}
	}
	return httptest.NewRequest(method, target, http.NoBody)
}

func TestZeroTable(t *testing.T) {
	var table scopes.Table
	if rule, pattern := table.Rule(httptest.NewRequest(http.MethodGet, "/", http.NoBody)); !rule.IsZero() || pattern != "" {
		t.Errorf("got rule %v of pattern %q, want no rule", rule, pattern)
	}
	for pattern := range table.All() {
		t.Errorf("got pattern %q, want none", pattern)
	}
}

// TestTableHandleAddress tests that Handle accepts an IPv6 address, which contains colons.
func TestTableHandleAddress(t *testing.T) {
	table := routes("[::1]/", "M-SEARCH /{$}", "127.0.0.1/")
	if n := len(patterns(table)); n != 3 {
		t.Errorf("got %d patterns, want 3", n)
	}
}

func TestTableHandlePanics(t *testing.T) {
	for _, row := range []struct {
		name    string
		pattern string
		rule    scopes.Rule
		want    []string
	}{
		{"same paths, different wildcard names", "GET /deployments/{id}", scopes.All(), []string{`"GET /deployments/{id}"`, `conflicts with pattern "GET /deployments/{name}"`}},
		{"overlapping paths", "/{resource}/latest", scopes.All(), []string{`"/{resource}/latest"`, `conflicts with pattern "GET /deployments/{name}"`}},
		{"unclean path", "/a/../b", scopes.All(), []string{`"/a/../b"`, "its path is unclean"}},
		{"unclean path with a method", "GET /a/../b", scopes.All(), []string{`"GET /a/../b"`, "unclean"}},
		{"path with a doubled slash", "/a//b", scopes.All(), []string{`"/a//b"`, "unclean"}},
		{"path with parameters", "/a;x/b", scopes.All(), []string{`"/a;x/b"`, `must not contain ';'`}},
		{"pattern with a query", "GET /a?x", scopes.All(), []string{`"GET /a?x"`, `must not contain '?'`}},
		{"pattern with a fragment", "/a#x", scopes.All(), []string{`"/a#x"`, `must not contain '#'`}},
		{"host in upper case", "GET Admin.example/", scopes.All(), []string{`"GET Admin.example/"`, "its host must be in lower case"}},
		{"host with a port", "admin.example:8080/", scopes.All(), []string{`"admin.example:8080/"`, "without a port"}},
		{"host with a full stop at the end", "GET\tadmin.example./", scopes.All(), []string{"full stop"}},
		{"method in lower case", "get /x", scopes.All(), []string{`"get /x"`, "its method must be in upper case"}},
		{"wildcard of gin and echo", "GET /users/:id/keys", scopes.All(), []string{`"GET /users/:id/keys"`, `":id" is a literal here`, `"{id}"`, `"%3Aid"`}},
		{"wildcard of httprouter without a method", "host.example/:id", scopes.All(), []string{`":id" is a literal here`}},
		{"wildcard for the rest of the path", "/files/*path", scopes.All(), []string{`"*path" is a literal here`, `"{path...}"`, `"%2Apath"`}},
		{"wildcard of chi and echo", "/files/*", scopes.All(), []string{`"*" is a literal here`, `"{path...}"`, `"%2A"`}},
		{"only a colon", "/:", scopes.All(), []string{`":" is a literal here`, `"{id}"`, `"%3A"`}},
		{"no path", "deployments", scopes.All(), []string{`"deployments"`, "missing /"}},
		{"bad wildcard", "/{id", scopes.All(), []string{`"/{id"`}},
		{"empty pattern", "", scopes.All(), []string{`""`}},
		{"zero Rule", "/x", scopes.Rule{}, []string{`"/x"`, "zero Rule"}},
		{"scope with a space", "/x", scopes.All("a b"), []string{`"/x"`, `"a b"`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			table := routes("GET /deployments/{name}")
			defer func() {
				text := fmt.Sprint(recover())
				for _, want := range append(row.want, "table_test.go:") {
					if !strings.Contains(text, want) {
						t.Errorf("got panic %q, want %q in the text", text, want)
					}
				}
				if strings.Contains(text, "scopes/table.go") || strings.Contains(text, "\n") {
					t.Errorf("got panic %q, want one line of text that names only lines of the test", text)
				}
				if n := len(patterns(table)); n != 1 {
					t.Errorf("got %d patterns after the panic, want 1", n)
				}
			}()
			table.Handle(row.pattern, row.rule)
		})
	}
}

func patterns(table *scopes.Table) (all []string) {
	for pattern := range table.All() {
		all = append(all, pattern)
	}
	return all
}

// TestTableLiteralColon checks that a table can contain a literal that begins with a colon or
// an asterisk.
func TestTableLiteralColon(t *testing.T) {
	table := routes("GET /users/%3Aid", "/files/%2a", "POST /books:batch", "/2*3")
	for _, row := range [][3]string{
		{"GET", "/users/:id", "GET /users/%3Aid"},
		{"GET", "/users/7", ""},
		{"GET", "/files/*", "/files/%2a"},
		{"GET", "/files/7", ""},
		{"POST", "/books:batch", "POST /books:batch"},
		{"GET", "/2*3", "/2*3"},
	} {
		if _, got := table.Rule(httptest.NewRequest(row[0], row[1], http.NoBody)); got != row[2] {
			t.Errorf("%s %s: got pattern %q, want %q", row[0], row[1], got, row[2])
		}
	}
}

func TestTableAll(t *testing.T) {
	want := []string{"/z", "GET /a", "/m/{id}"}
	if got := patterns(routes(want...)); !slices.Equal(got, want) {
		t.Errorf("got patterns %q, want %q", got, want)
	}
	for range routes(want...).All() {
		break
	}
	if got, none := routes(want...).Len(), (*scopes.Table)(nil).Len(); got != len(want) || none != 0 {
		t.Errorf("got %d patterns, and %d patterns of nil, want %d and 0", got, none, len(want))
	}
}

func TestNoURL(t *testing.T) {
	if rule, pattern := routes("/").Rule(&http.Request{Method: http.MethodGet}); !rule.IsZero() || pattern != "" || cleanpath.Clean(nil) {
		t.Errorf("got rule %v of pattern %q, want no rule", rule, pattern)
	}
}

func TestCleanPathIsCheap(t *testing.T) {
	// CleanPath must stop decoding after a few rounds.
	deep := &url.URL{Path: "/%" + strings.Repeat("25", 32<<10)}
	if cleanpath.Clean(deep) {
		t.Error("path with many encodings: got true, want false")
	}
	long := &url.URL{Path: "/" + strings.Repeat("a/", 32<<10) + "a"}
	if n := testing.AllocsPerRun(10, func() { cleanpath.Clean(long) }); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

// TestTableRuleIsCheap tests that a table allocates no more than the mux if the path of the
// request has only one spelling.
func TestTableRuleIsCheap(t *testing.T) {
	table, mux := routes("GET /deployments/{id}", "admin.example/"), http.NewServeMux()
	for pattern := range table.All() {
		mux.Handle(pattern, http.NotFoundHandler())
	}
	for _, target := range []string{"/deployments/7", "http://admin.example/x", "http://admin.example:8080/x"} {
		r := httptest.NewRequest(http.MethodGet, target, http.NoBody)
		got, want := testing.AllocsPerRun(100, func() { table.Rule(r) }), testing.AllocsPerRun(100, func() { mux.Handler(r) })
		if got > want {
			t.Errorf("%s: got %v allocations, want at most %v, the number of allocations of http.ServeMux", target, got, want)
		}
	}
}

func FuzzTableRule(f *testing.F) {
	for _, target := range []string{"/public/..%2fsecret", "/public/%252e%252e/secret", "/secret", "/public//secret", "/public/x", `/public/%5c..%5csecret`, "/public/%25"} {
		f.Add(target)
	}
	table := routes("/public/", "/secret")
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		_, pattern := table.Rule(&http.Request{Method: http.MethodGet, URL: u})
		if pattern != "/public/" {
			return
		}
		// The path must stay below the pattern, even if a handler cleans and decodes the path
		// several times.
		p := u.Path
		for range 8 {
			if c := path.Clean(p) + "/"; !strings.HasPrefix(c, "/public/") {
				t.Fatalf("%q: got path %q after path.Clean, want a path below /public/", target, c)
			}
			q, err := url.PathUnescape(p)
			if err != nil || q == p {
				return
			}
			p = q
		}
	})
}

func ExampleTable() {
	var rules scopes.Table
	rules.Handle("GET /healthz", scopes.Public())
	rules.Handle("POST /deployments", scopes.All("deploy:applications"))
	for pattern, rule := range rules.All() {
		fmt.Printf("%s: %s\n", pattern, rule)
	}
	rule, _ := rules.Rule(httptest.NewRequest(http.MethodDelete, "/deployments", http.NoBody))
	fmt.Println("DELETE /deployments:", rule)
	// Output:
	// GET /healthz: public
	// POST /deployments: scope "deploy:applications"
	// DELETE /deployments: denied
}

// TestNilTable tests that a nil *Table has no routes.
func TestNilTable(t *testing.T) {
	var table *scopes.Table
	if rule, pattern := table.Rule(request(t, "GET", "/")); !rule.IsZero() || pattern != "" {
		t.Errorf("got rule %v of pattern %q, want no rule", rule, pattern)
	}
	for pattern := range table.All() {
		t.Errorf("got pattern %q, want none", pattern)
	}
}
