package routertest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// Named tests rules by the names of a router's routes.
type Named struct {
	// Build returns a router with the routes, and with the guard in front of them.
	Build func(g *middleware.Guard, rules scopes.Routes, routes []NamedRoute) http.Handler

	// Audit compares the rules with the routes of a router that Build returned.
	Audit func(h http.Handler, rules scopes.Routes) middleware.AuditReport

	// Path translates a pattern of http.ServeMux into the router's syntax.
	Path func(pattern string) string

	// Cleans is true if the router redirects requests with an unclean path before it calls
	// the guard. Run then does not compare the responses.
	Cleans bool

	// NoPreflight is true if the router finds no route for preflight requests. Run then does
	// not send preflight requests.
	NoPreflight bool
}

// NamedRoute is a route in the router's syntax.
type NamedRoute struct {
	Method, Pattern string
	// Serve is the handler. The function param returns a parameter of the route.
	Serve func(w http.ResponseWriter, r *http.Request, param func(name string) string)
}

// Run runs all tests.
func (n *Named) Run(t *testing.T) {
	t.Helper()
	if !n.Cleans {
		t.Run("responses", n.responses)
	}
	t.Run("hostile requests", n.hostile)
	if !n.NoPreflight {
		t.Run("preflight requests", n.preflight)
	}
	t.Run("audit", n.audit)
}

// responses sends the requests of the table that all routers share.
func (n *Named) responses(t *testing.T) {
	issuer, guard := NewGuard(t, nil)
	rules := scopes.Routes{}
	var routes []NamedRoute
	for _, route := range Routes() {
		pattern := n.Path(route.Path)
		rules[route.Method+" "+pattern] = route.Rule
		routes = append(routes, NamedRoute{route.Method, pattern, func(w http.ResponseWriter, r *http.Request, param func(string) string) {
			if route.Name == "fail" {
				http.Error(w, "deployment in progress", http.StatusConflict)
				return
			}
			claims, _ := bearer.FromContext(r.Context())
			value := ""
			if route.Param != "" {
				value = param(route.Param)
			}
			WriteAnswer(w, route.Name, value, claims)
		}})
	}
	h := n.Build(guard, rules, routes)
	if err := n.Audit(h, rules).Err(); err != nil {
		t.Errorf("got error %v of the audit, want none", err)
	}
	server := httptest.NewServer(h)
	defer server.Close()
	RunRoutes(t, server.URL, issuer)
}

// shapes are routes of different shapes, and some match the same path.
var shapes = []string{
	"GET /", "GET /healthz", "GET /{id}", "GET /admin", "POST /admin", "GET /admin/{id}", "DELETE /items/{id}", "GET /items/{id}", "GET /items/list",
	"HEAD /items/list", "GET /items/{id}/keys", "GET /files/{path...}", "POST /files/secret", "PUT /{id}", "OPTIONS /healthz",
}

// paths are paths that routers read in different ways.
var paths = []string{
	"/", "//", "/healthz", "/healthz/", "/healthz.json", "/he%61lthz", "/healthz%2F", "/x", "/x/", "/admin", "/admin/", "/admin.json", "/%61dmin", "/admin%2f",
	"/admin//", "//admin", "/./admin", "/x/../admin", "/admin/7", "/admin/7/", "/%61dmin/7", "/admin%2F7", "/items/7", "/items/7/", "/items/%37", "/items/list",
	"/items/l%69st", "/items/list/", "/items/7/keys", "/items%2F7%2Fkeys", "/items/7%2Fkeys", "/items/7/key%73", "/files", "/files/", "/files/secret", "/files/secre%74",
	"/files/../admin", "/files/a/b", "/files//a", "/nothing/here", "/ADMIN", "/Healthz", "*",
}

// serving returns routes whose handlers respond with their own name.
func (n *Named) serving() (routes []NamedRoute, names []string) {
	for _, shape := range shapes {
		method, pattern, _ := strings.Cut(shape, " ")
		pattern = n.Path(pattern)
		name := method + " " + pattern
		names = append(names, name)
		routes = append(routes, NamedRoute{method, pattern, func(w http.ResponseWriter, _ *http.Request, _ func(string) string) {
			w.Header().Set("Served", name)
		}})
	}
	return routes, names
}

// hostile makes one route public and sends requests without a token. No request may reach
// the handler of another route.
func (n *Named) hostile(t *testing.T) {
	guard := refusing(t, nil)
	routes, names := n.serving()
	for _, public := range names {
		rules := scopes.Routes{}
		for _, name := range names {
			rules[name] = scopes.All("never")
		}
		rules[public] = scopes.Public()
		h := n.Build(guard, rules, routes)
		reached := false
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "Get", "X"} {
			for _, path := range paths {
				served := ask(h, method, path, nil)
				if served != "" && served != public {
					t.Errorf("only %s is public: got a response of %s for %s %s, want a refusal", public, served, method, path)
				}
				reached = reached || served != ""
			}
		}
		if !reached {
			t.Errorf("got no response of the public route %s, want one", public)
		}
	}
}

// preflight checks that a preflight request reaches only handlers for OPTIONS, and that it
// is let through if the announced route has a rule.
func (n *Named) preflight(t *testing.T) {
	guard := refusing(t, &middleware.Options{AllowPreflight: true})
	routes, names := n.serving()
	rules := scopes.Routes{}
	for _, name := range names {
		rules[name] = scopes.All("never")
	}
	h := n.Build(guard, rules, routes)
	for _, row := range []struct {
		path, announced string
		allowed         bool
	}{
		{"/healthz", "GET", true},
		{"/healthz", "get", false},
		{"/healthz", "DELETE", false},
		{"/admin", "POST", true},
		{"/items/7", "DELETE", true},
		{"/items/list", "HEAD", true},
		{"/items/7/nothing", "TRACE", false},
		{"/nothing/here", "POST", false},
		{"/admin/7", "POST", false},
	} {
		header := http.Header{"Origin": {"https://h"}, "Access-Control-Request-Method": {row.announced}}
		w := send(h, http.MethodOptions, row.path, header)
		if served := w.Header().Get("Served"); served != "" && !strings.HasPrefix(served, "OPTIONS ") {
			t.Errorf("%s, announced %s: got a response of %s, want no response of a handler for another method", row.path, row.announced, served)
		}
		if allowed := w.Header().Get("Www-Authenticate") == ""; allowed != row.allowed {
			t.Errorf("%s, announced %s: got status %d, want the guard to allow the request: %v", row.path, row.announced, w.Code, row.allowed)
		}
	}
}

// audit compares the report with the routes.
func (n *Named) audit(t *testing.T) {
	guard := refusing(t, nil)
	routes, names := n.serving()
	rules := scopes.Routes{"GET /gone": scopes.All()}
	for _, name := range names[1:] {
		rules[name] = scopes.All("x")
	}
	report := n.Audit(n.Build(guard, rules, routes), rules)
	var listed []string
	for _, route := range report.Routes {
		listed = append(listed, route.Pattern)
	}
	slices.Sort(names)
	if !slices.Equal(listed, names) {
		t.Errorf("got routes %q, want %q", listed, names)
	}
	if !slices.Equal(report.WithoutRule, []string{"GET /"}) || !slices.Equal(report.WithoutRoute, []string{"GET /gone"}) || len(report.Unguarded) != 0 {
		t.Errorf("got the report\n%s\nwant only GET / without a rule and GET /gone without a route", report)
	}
	if report := n.Audit(n.Build(guard, nil, nil), nil); report.Err() != nil {
		t.Errorf("got error %v for a router without routes, want none", report.Err())
	}
}

// refusing returns a guard that accepts no token.
func refusing(t *testing.T, opts *middleware.Options) *middleware.Guard {
	t.Helper()
	guard, err := middleware.New(bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) {
		return nil, &bearer.Error{Reason: bearer.Malformed, Err: errors.New("no token is valid here")}
	}), opts)
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

// ask returns the name of the route whose handler responds, or "" if no handler responds.
func ask(h http.Handler, method, path string, header http.Header) string {
	return send(h, method, path, header).Header().Get("Served")
}

func send(h http.Handler, method, path string, header http.Header) *httptest.ResponseRecorder {
	if header == nil {
		header = http.Header{}
	}
	r := &http.Request{Method: method, Host: "h", Header: header, URL: new(url.URL), Body: http.NoBody, RequestURI: path, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	r.URL.Path, _ = url.PathUnescape(path)
	if r.URL.EscapedPath() != path {
		r.URL.RawPath = path
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
