package routertest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// Adapter contains the functions and values with which Run tests an adapter. An adapter is a
// package that connects a guard to a router. M is the router's middleware type.
type Adapter[M any] struct {
	// Require returns middleware that requires the rule for one route or for a group of
	// routes.
	Require func(*middleware.Guard, scopes.Rule) M

	// Enforce returns middleware that applies the rules of the table to all routes.
	Enforce func(*middleware.Guard, *scopes.Table) M

	// New returns a router without routes.
	New func() Router[M]

	// Path translates a pattern of http.ServeMux into the router's syntax.
	Path func(pattern string) string

	// Groups are the prefixes of two groups of routes. Run creates the second group inside the
	// first group.
	Groups [2]string

	// Paths are the paths of the routes that Run adds to the second group. They are in the
	// router's syntax.
	Paths []string

	// Conflict is the error that the handler of route "fail" returns. The router must convert
	// this error into a response with status 409 and the text "deployment in progress".
	Conflict error

	// Failing returns a router. Its outermost middleware passes the error of the next handler
	// to onReturn. Its error handler passes the error to onHandle, and responds with status
	// 418 and the text of the error. If the router's handlers have no error result, Failing
	// is nil.
	Failing func(onReturn, onHandle func(error)) Router[M]
}

// Router is a router or a group of routes.
type Router[M any] interface {
	http.Handler

	// Use adds middleware that runs before the handlers of all routes.
	Use(m M)

	// Group returns a group of routes.
	Group(prefix string, m ...M) Router[M]

	// Add adds a route.
	Add(method, path string, h Handler, m ...M)

	// Mount adds a route with an http.Handler.
	Mount(method, path string, h http.Handler, m ...M)

	// Handle adds a route and declares its rule. It calls the function Handle of the adapter.
	Handle(g *middleware.Guard, method, path string, rule scopes.Rule, h Handler, m ...M)

	// Audit lists the routes of the router and their rules in the table. It calls the function
	// Audit of the adapter.
	Audit(t *scopes.Table) []middleware.Route

	// Routes returns the routes in the router's own list. The form of a route is the method, a
	// space and the path.
	Routes() []string
}

// Handler is a handler in a form that all adapters can use. The router receives the error
// that the handler returns.
type Handler func(Call) error

// Call holds the arguments of a Handler.
type Call struct {
	// Writer writes the response.
	Writer http.ResponseWriter

	// Request is the request.
	Request *http.Request

	// Caller is the value that the router's context contains for the adapter's constant Key.
	// If there is no value, Caller is nil.
	Caller any

	// Param returns the value of a wildcard of the route.
	Param func(name string) string
}

// Run runs the tests that every adapter must pass.
func (a *Adapter[M]) Run(t *testing.T) {
	t.Helper()
	t.Run("Require", a.require)
	t.Run("Handle", a.handle)
	t.Run("Enforce", a.enforce)
	t.Run("Routes without a rule", a.noRule)
	t.Run("Audit of a table", a.audit)
	t.Run("Flush and Hijack", a.connection)
	if a.Failing != nil {
		t.Run("Errors of handlers", a.failures)
	}
}

// NewGuard returns an issuer with a listener and a guard that accepts the issuer's tokens.
// The observer may be nil.
func NewGuard(t *testing.T, observer bearer.Observer) (*bearertest.Issuer, *middleware.Guard) {
	t.Helper()
	issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	t.Cleanup(issuer.Close)
	guard, err := middleware.New(Verifier(t, issuer, observer), nil)
	if err != nil {
		t.Fatal(err)
	}
	return issuer, guard
}

// get sends a GET request to h and returns the response. If token is empty, the request
// has no Authorization field.
func get(t *testing.T, h http.Handler, target, token string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// handler returns the handler of a route. The handler fails the test if Call.Caller differs
// from the claims in the request's context.
func (a *Adapter[M]) handler(t *testing.T, route Route) Handler {
	t.Helper()
	return func(c Call) error {
		claims, _ := c.Caller.(*bearer.Claims)
		if other, _ := bearer.FromContext(c.Request.Context()); other != claims {
			t.Errorf("%s: got claims %v in Caller and claims %v in the request's context, want the same claims", route.Name, claims, other)
		}
		if route.Name == "fail" {
			return a.Conflict
		}
		WriteAnswer(c.Writer, route.Name, c.Param(route.Param), claims)
		return nil
	}
}

// The method require tests rules that are declared together with the routes: for a group, for
// a mounted handler, as middleware of a route, and with Handle. The Route of each event must
// be the method and the path of a route in the router's syntax.
func (a *Adapter[M]) require(t *testing.T) {
	events, names := new(testkit.Recorder), map[string]bool{}
	issuer, guard := NewGuard(t, events)
	router := a.New()
	for _, route := range Routes() {
		path, handler := a.Path(route.Path), a.handler(t, route)
		names[route.Method+" "+path] = true
		switch route.Name {
		case "admin":
			admin := router.Group("/admin", a.Require(guard, route.Rule))
			admin.Add(route.Method, strings.TrimPrefix(path, "/admin"), handler)
		case "files":
			files := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				claims, _ := bearer.FromContext(r.Context())
				WriteAnswer(w, route.Name, r.URL.Path, claims)
			})
			router.Mount(route.Method, path, http.StripPrefix("/files", files), a.Require(guard, route.Rule))
		case "list":
			router.Add(route.Method, path, handler, a.Require(guard, route.Rule))
		default:
			router.Handle(guard, route.Method, path, route.Rule, handler)
		}
	}
	server := httptest.NewServer(router)
	defer server.Close()
	Run(t, server.URL, issuer, false)
	list := events.Take()
	for _, e := range list {
		if !names[e.Route] {
			t.Errorf("got an event with route %q, want a route of %v", e.Route, names)
		}
	}
	if len(list) == 0 {
		t.Error("got no events, want one for each request")
	}
}

// The method handle adds routes with Router.Handle. The guard and the router must list the
// same routes. The rule must run before the route's own middleware.
func (a *Adapter[M]) handle(t *testing.T) {
	_, guard := NewGuard(t, nil)
	inner := new(testkit.Recorder)
	_, own := NewGuard(t, inner) // for the route's own middleware
	never := func(Call) error {
		t.Error("the handler was called, want a refusal of the request")
		return http.ErrAbortHandler
	}
	router := a.New()
	group := router.Group(a.Groups[0]).Group(a.Groups[1])
	for _, path := range a.Paths {
		group.Handle(guard, http.MethodGet, path, scopes.All("x"), never, a.Require(own, scopes.All()))
	}
	router.Handle(guard, http.MethodGet, "/", scopes.All("x"), never)

	var declared []string
	for _, route := range guard.Routes() {
		declared = append(declared, route.Pattern)
	}
	slices.Sort(declared)
	listed := slices.Sorted(slices.Values(router.Routes()))
	if !slices.Equal(declared, listed) || len(declared) != len(a.Paths)+1 {
		t.Errorf("got declared routes %q, want the router's %d routes %q", declared, len(a.Paths)+1, listed)
	}
	w := get(t, router, "/v1/apps/a/deployments/7", "")
	if events := inner.Take(); w.Code != http.StatusUnauthorized || len(events) != 0 {
		t.Errorf("got status %d and %d events of the route's own middleware, want status 401 and 0 events", w.Code, len(events))
	}
}

// The method enforce tests rules that are declared in a table. It compares the result of Audit
// with the routes.
func (a *Adapter[M]) enforce(t *testing.T) {
	issuer, guard := NewGuard(t, nil)
	router, table := a.New(), Table()
	router.Use(a.Enforce(guard, table))
	for _, route := range Routes() {
		router.Add(route.Method, a.Path(route.Path), a.handler(t, route))
	}
	server := httptest.NewServer(router)
	defer server.Close()
	Run(t, server.URL, issuer, true)

	forgotten := a.Path("/forgotten/{id}") // not in the table
	router.Add(http.MethodGet, forgotten, a.handler(t, Route{}))
	router.Group("/empty", a.Require(guard, scopes.All())) // a group without routes
	audited := router.Audit(table)
	for _, route := range audited {
		if route.Rule.IsZero() != (route.Pattern == "GET "+forgotten) {
			t.Errorf("Audit: got %s, want a rule for every route except GET %s", route, forgotten)
		}
	}
	if got, want := len(audited), len(Routes())+1; got != want {
		t.Errorf("Audit: got %d routes, want %d", got, want)
	}
}

// noRule tests a router that has a nil table and a route with the zero Rule. The router must
// deny the request. Router.Audit and Guard.Routes must report the route without a rule.
func (a *Adapter[M]) noRule(t *testing.T) {
	_, guard := NewGuard(t, nil)
	router := a.New()
	router.Use(a.Enforce(guard, nil))
	router.Handle(guard, http.MethodGet, "/x", scopes.Rule{}, func(Call) error {
		t.Error("the handler was called, want a refusal of the request")
		return nil
	})
	for _, routes := range [][]middleware.Route{router.Audit(nil), guard.Routes()} {
		if len(routes) != 1 || routes[0].String() != "GET /x has no rule and is denied" {
			t.Errorf("got routes %v, want only GET /x without a rule", routes)
		}
	}
	if w := get(t, router, "/x", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("got status %d, want 401", w.Code)
	}
}

// connection tests that a handler after the guard can flush the response and hijack the
// connection.
func (a *Adapter[M]) connection(t *testing.T) {
	issuer, guard := NewGuard(t, nil)
	router := a.New()
	router.Use(a.Require(guard, scopes.All()))
	router.Add(http.MethodGet, "/flush", func(c Call) error {
		_, _ = io.WriteString(c.Writer, "a")
		if err := http.NewResponseController(c.Writer).Flush(); err != nil {
			t.Errorf("Flush: %v", err)
		}
		return nil
	})
	router.Add(http.MethodGet, "/upgrade", func(c Call) error {
		conn, _, err := http.NewResponseController(c.Writer).Hijack()
		if err != nil {
			t.Errorf("Hijack: %v", err)
			return err
		}
		_, _ = fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhello\n")
		return conn.Close()
	})
	server := httptest.NewServer(router)
	defer server.Close()
	for path, want := range map[string]string{"/flush": "200", "/upgrade": "101"} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(server.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\nAuthorization: Bearer %s\r\n\r\n", path, Token(issuer, ""))
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+want) {
			t.Errorf("%s: got status line %q and error %v, want status %s and no error", path, line, err, want)
		}
		_ = conn.Close()
	}
}

// failures tests that exactly one component writes the response. If the guard refuses the
// request, the guard writes the response. If the route's handler returns an error, the
// router's error handler writes the response.
func (a *Adapter[M]) failures(t *testing.T) {
	issuer, guard := NewGuard(t, nil)
	own := errors.New("own")
	var seen, handled []error
	router := a.Failing(func(err error) { seen = append(seen, err) }, func(err error) { handled = append(handled, err) })
	router.Add(http.MethodGet, "/x", func(Call) error { return own }, a.Require(guard, scopes.All("x")))
	for _, row := range []struct {
		scope  string
		status int
		body   string
		err    error
	}{
		{"x", http.StatusTeapot, "own\n", own},
		{"y", http.StatusForbidden, "{\"error\":\"insufficient_scope\",\"error_description\":\"The access token does not allow this\",\"reason\":\"scope\",\"scope\":\"x\"}\n", nil},
	} {
		seen, handled = nil, nil
		w := get(t, router, "/x", Token(issuer, row.scope))
		if w.Code != row.status || w.Body.String() != row.body {
			t.Errorf("scope %s: got status %d and body %q, want status %d and body %q", row.scope, w.Code, w.Body, row.status, row.body)
		}
		if len(seen) != 1 || !errors.Is(seen[0], row.err) {
			t.Errorf("scope %s: got errors %v in the outermost middleware, want only error %v", row.scope, seen, row.err)
		}
		if failed := row.err != nil; len(handled) == 1 != failed || len(handled) > 1 {
			t.Errorf("scope %s: got errors %v in the error handler, want error %v", row.scope, handled, row.err)
		}
	}
}
