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

// Adapter is an adapter of the guard to a router, with what its runs need of the
// router. M is the router's type of middleware.
type Adapter[M any] struct {
	// Require is the adapter's function.
	Require func(*middleware.Guard, scopes.Rule) M

	// Enforce is the adapter's function.
	Enforce func(*middleware.Guard, *scopes.Table) M

	// New returns a router without routes.
	New func() Router[M]

	// Path translates a pattern of http.ServeMux into the router's syntax.
	Path func(pattern string) string

	// Groups are the prefixes of two groups of routes, the second inside the first.
	Groups [2]string

	// Paths are routes in the second group, in the router's syntax.
	Paths []string

	// Conflict is the error of a handler that the router answers with 409 and
	// "deployment in progress".
	Conflict error

	// Failing returns a router that calls seen with the error that reaches its
	// outermost middleware, and answers errors of handlers with 418 and their
	// text, after a call of handled. Nil: this router's handlers return no errors.
	Failing func(seen, handled func(error)) Router[M]
}

// Router is a router, or a group of its routes.
type Router[M any] interface {
	http.Handler

	// Use adds middleware in front of all routes.
	Use(m M)

	// Group returns a group of routes.
	Group(prefix string, m ...M) Router[M]

	// Add adds a route.
	Add(method, path string, h Handler, m ...M)

	// Mount adds a route with a handler of net/http.
	Mount(method, path string, h http.Handler, m ...M)

	// Handle adds a route by the adapter's Handle.
	Handle(g *middleware.Guard, method, path string, rule scopes.Rule, h Handler, m ...M)

	// Audit returns what the adapter's Audit returns.
	Audit(t *scopes.Table) []middleware.Route

	// Routes returns the method and the path of each route, as the router lists them.
	Routes() []string
}

// Handler is a handler in the runs. Its error is given to the router.
type Handler func(Call) error

// Call is what the router gives to a handler.
type Call struct {
	// Writer takes the response.
	Writer http.ResponseWriter

	// Request is the request.
	Request *http.Request

	// Caller is the value under the adapter's Key. Nil: there is none.
	Caller any

	// Param returns the value of a wildcard of the route.
	Param func(name string) string
}

// Run runs the tests that are the same for every adapter.
func (a *Adapter[M]) Run(t *testing.T) {
	t.Helper()
	t.Run("Require", a.require)
	t.Run("Handle", a.handle)
	t.Run("Enforce", a.enforce)
	t.Run("Nothing declared", a.nothing)
	t.Run("Connection", a.connection)
	if a.Failing != nil {
		t.Run("Errors", a.failures)
	}
}

// NewGuard returns an issuer that listens, and a guard for its tokens. A nil
// observer means none.
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

// get returns the answer to a request with the token, or to one without where the
// token is empty.
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

// answer returns the handler of a route. The adapter must give it the same claims
// under its Key as in the request's context.
func (a *Adapter[M]) answer(t *testing.T, route Route) Handler {
	t.Helper()
	return func(c Call) error {
		claims, _ := c.Caller.(*bearer.Claims)
		if other, _ := bearer.FromContext(c.Request.Context()); other != claims {
			t.Errorf("%s: got %v under the key and %v in the request's context", route.Name, claims, other)
		}
		if route.Name == "fail" {
			return a.Conflict
		}
		Answer(c.Writer, route.Name, c.Param(route.Param), claims)
		return nil
	}
}

// require declares the rules at the routes, in each way that the adapter offers.
// Observers must be told the routes by their paths in the router.
func (a *Adapter[M]) require(t *testing.T) {
	events, paths := new(testkit.Recorder), map[string]bool{}
	issuer, guard := NewGuard(t, events)
	router := a.New()
	for _, route := range Routes() {
		path, handler := a.Path(route.Path), a.answer(t, route)
		paths[path] = true
		switch route.Name {
		case "admin":
			admin := router.Group("/admin", a.Require(guard, route.Rule))
			admin.Add(route.Method, strings.TrimPrefix(path, "/admin"), handler)
		case "files":
			files := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				claims, _ := bearer.FromContext(r.Context())
				Answer(w, route.Name, r.URL.Path, claims)
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
		if !paths[e.Route] {
			t.Errorf("got an event of route %q, want one of %v", e.Route, paths)
		}
	}
	if len(list) == 0 {
		t.Error("got no events")
	}
}

// handle wants routes declared under the names by which the router lists them, and
// the rule in front of the route's own middleware.
func (a *Adapter[M]) handle(t *testing.T) {
	_, guard := NewGuard(t, nil)
	behind := new(testkit.Recorder)
	_, own := NewGuard(t, behind) // stands for middleware of the route
	never := func(Call) error {
		t.Error("got past the rule")
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
		t.Errorf("got %q declared, want %q, which are %d routes", declared, listed, len(a.Paths)+1)
	}
	w := get(t, router, "/v1/apps/a/deployments/7", "")
	if events := behind.Take(); w.Code != http.StatusUnauthorized || len(events) != 0 {
		t.Errorf("got %d and %d events behind the rule, want 401 and none", w.Code, len(events))
	}
}

// enforce declares the rules in a table, and audits the routes against it.
func (a *Adapter[M]) enforce(t *testing.T) {
	issuer, guard := NewGuard(t, nil)
	router, table := a.New(), Table()
	router.Use(a.Enforce(guard, table))
	for _, route := range Routes() {
		router.Add(route.Method, a.Path(route.Path), a.answer(t, route))
	}
	server := httptest.NewServer(router)
	defer server.Close()
	Run(t, server.URL, issuer, true)

	forgotten := a.Path("/forgotten/{id}")
	router.Add(http.MethodGet, forgotten, a.answer(t, Route{}))
	router.Group("/empty", a.Require(guard, scopes.All())) // no route
	audited := router.Audit(table)
	for _, route := range audited {
		if route.Rule.IsZero() != (route.Pattern == "GET "+forgotten) {
			t.Errorf("got %s", route)
		}
	}
	if got, want := len(audited), len(Routes())+1; got != want {
		t.Errorf("got %d routes, want %d", got, want)
	}
}

// nothing wants the zero Rule and a nil table to deny, and Audit to say so.
func (a *Adapter[M]) nothing(t *testing.T) {
	_, guard := NewGuard(t, nil)
	router := a.New()
	router.Use(a.Enforce(guard, nil))
	router.Handle(guard, http.MethodGet, "/x", scopes.Rule{}, func(Call) error {
		t.Error("got a request to the handler")
		return nil
	})
	for _, routes := range [][]middleware.Route{router.Audit(nil), guard.Routes()} {
		if len(routes) != 1 || routes[0].String() != "GET /x has no rule and is denied" {
			t.Errorf("got %v, want GET /x without a rule", routes)
		}
	}
	if w := get(t, router, "/x", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("got %d, want 401", w.Code)
	}
}

// connection wants handlers behind the guard to flush, and to take the connection
// over, as they can without it.
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
			t.Errorf("%s: got %q, %v, want %s", path, line, err, want)
		}
		_ = conn.Close()
	}
}

// failures wants one body, written once: by the guard where it refuses, and by the
// router's error handler where the handler fails.
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
		{"y", http.StatusForbidden, "{\"error\":\"insufficient_scope\",\"error_description\":\"The access token does not allow this\",\"scope\":\"x\"}\n", nil},
	} {
		seen, handled = nil, nil
		w := get(t, router, "/x", Token(issuer, row.scope))
		if w.Code != row.status || w.Body.String() != row.body {
			t.Errorf("%s: got %d %q, want %d %q", row.scope, w.Code, w.Body, row.status, row.body)
		}
		if len(seen) != 1 || !errors.Is(seen[0], row.err) {
			t.Errorf("%s: got errors %v in front, want %v once", row.scope, seen, row.err)
		}
		if failed := row.err != nil; len(handled) == 1 != failed || len(handled) > 1 {
			t.Errorf("%s: got errors %v handled, want %v", row.scope, handled, row.err)
		}
	}
}
