package echov4bearer_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/echov4bearer"
	"github.com/bearerkit/bearer/scopes"
)

func newGuard(t *testing.T) (*bearertest.Issuer, *middleware.Guard) {
	t.Helper()
	issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	t.Cleanup(issuer.Close)
	guard, err := middleware.New(routertest.Verifier(t, issuer), nil)
	if err != nil {
		t.Fatal(err)
	}
	return issuer, guard
}

// path is a pattern of http.ServeMux in the syntax of echo.
func path(pattern string) string {
	return strings.NewReplacer("{path...}", "*", "{", ":", "}", "").Replace(pattern)
}

// handler answers with what echo's users find.
func handler(t *testing.T, route routertest.Route) echo.HandlerFunc {
	t.Helper()
	return func(c echo.Context) error {
		claims, _ := c.Get(echov4bearer.Key).(*bearer.Claims)
		if other, _ := bearer.FromContext(c.Request().Context()); other != claims {
			t.Errorf("%s: got %v under the key and %v in the request's context", route.Name, claims, other)
		}
		if route.Name == "fail" {
			return echo.NewHTTPError(http.StatusConflict, "deployment in progress")
		}
		param := c.Param(route.Param)
		if route.Param == "path" {
			param = c.Param("*")
		}
		routertest.Answer(c.Response(), route.Name, param, claims)
		return nil
	}
}

func TestRequire(t *testing.T) {
	issuer, guard := newGuard(t)
	e := echo.New()
	for _, route := range routertest.Routes() {
		switch route.Name {
		case "admin":
			group := e.Group("/admin", echov4bearer.Require(guard, route.Rule))
			group.Add(route.Method, strings.TrimPrefix(path(route.Path), "/admin"), handler(t, route))
		case "files": // a handler of net/http, mounted
			files := http.StripPrefix("/files", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				claims, _ := bearer.FromContext(r.Context())
				routertest.Answer(w, route.Name, r.URL.Path, claims)
			}))
			e.GET(path(route.Path), echo.WrapHandler(files), echov4bearer.Require(guard, route.Rule))
		case "list":
			e.Add(route.Method, path(route.Path), handler(t, route), echov4bearer.Require(guard, route.Rule))
		default:
			echov4bearer.Handle(guard, e, route.Method, path(route.Path), route.Rule, handler(t, route))
		}
	}
	server := httptest.NewServer(e)
	defer server.Close()
	routertest.Run(t, server.URL, issuer, false)
}

// Routes are declared as echo knows them.
func TestHandle(t *testing.T) {
	_, guard := newGuard(t)
	e := echo.New()
	group := e.Group("/v1").Group("/apps/:app")
	never := func(echo.Context) error { t.Error("got to the handler"); return http.ErrAbortHandler }
	behind := func(echo.HandlerFunc) echo.HandlerFunc { return never }
	for _, path := range []string{"", "/deployments/:id", "/files/*"} {
		echov4bearer.Handle(guard, group, http.MethodGet, path, scopes.All("x"), never, behind)
	}
	echov4bearer.Handle(guard, e, http.MethodGet, "/", scopes.All("x"), never)
	declared := map[string]bool{}
	for _, route := range guard.Routes() {
		declared[route.Pattern] = true
	}
	for _, route := range e.Routes() {
		if route.Method != echo.RouteNotFound && !declared[route.Method+" "+route.Path] {
			t.Errorf("got no %s %s among %v", route.Method, route.Path, guard.Routes())
		}
	}
	if got := len(declared); got != 4 {
		t.Errorf("got %d routes, want 4", got)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/apps/a/deployments/7", http.NoBody))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("got %d, want 401", w.Code)
	}
}

func TestEnforce(t *testing.T) {
	issuer, guard := newGuard(t)
	e := echo.New()
	table := routertest.Table()
	e.Use(echov4bearer.Enforce(guard, table))
	for _, route := range routertest.Routes() {
		e.Add(route.Method, path(route.Path), handler(t, route))
	}
	server := httptest.NewServer(e)
	defer server.Close()
	routertest.Run(t, server.URL, issuer, true)

	e.GET("/forgotten/:id", handler(t, routertest.Route{}))
	for _, route := range echov4bearer.Audit(e, table) {
		if forgotten := route.Pattern == "GET /forgotten/:id"; route.Rule.IsZero() != forgotten {
			t.Errorf("got %s", route)
		}
	}
	if got, want := len(echov4bearer.Audit(e, table)), len(routertest.Routes())+1; got != want {
		t.Errorf("got %d routes, want %d", got, want)
	}
}

// One body, written once: by the guard where it refuses, and by echo's error
// handler where the handler fails.
func TestErrors(t *testing.T) {
	issuer, guard := newGuard(t)
	own := errors.New("own")
	e := echo.New()
	handled, seen := 0, []error(nil)
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		handled++
		_ = c.String(http.StatusTeapot, err.Error()+"\n")
	}
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			err := next(c)
			seen = append(seen, err)
			return err
		}
	})
	e.GET("/x", func(echo.Context) error { return own }, echov4bearer.Require(guard, scopes.All("x")))
	for i, row := range []struct {
		scope   string
		status  int
		body    string
		err     error
		handled int
	}{
		{"x", http.StatusTeapot, "own\n", own, 1},
		{"y", http.StatusForbidden, "{\"error\":\"insufficient_scope\",\"error_description\":\"The access token does not allow this\",\"scope\":\"x\"}\n", nil, 1},
	} {
		r := httptest.NewRequest(http.MethodGet, "/x", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+routertest.Token(issuer, row.scope))
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if w.Code != row.status || w.Body.String() != row.body || !errors.Is(seen[i], row.err) || handled != row.handled {
			t.Errorf("%s: got %d %q, error %v, %d errors handled", row.scope, w.Code, w.Body, seen[i], handled)
		}
	}
}

// What echo's own users do behind a guard: flush, take the connection over.
func TestBehind(t *testing.T) {
	issuer, guard := newGuard(t)
	e := echo.New()
	e.Use(echov4bearer.Require(guard, scopes.All()))
	e.GET("/flush", func(c echo.Context) error {
		_, _ = io.WriteString(c.Response(), "a")
		return http.NewResponseController(c.Response()).Flush()
	})
	e.GET("/upgrade", func(c echo.Context) error {
		conn, _, err := http.NewResponseController(c.Response()).Hijack()
		if err != nil {
			return err
		}
		_, _ = fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhello\n")
		return conn.Close()
	})
	server := httptest.NewServer(e)
	defer server.Close()
	for path, want := range map[string]string{"/flush": "200", "/upgrade": "101"} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(server.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\nAuthorization: Bearer %s\r\n\r\n", path, routertest.Token(issuer, ""))
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+want) {
			t.Errorf("%s: got %q, %v, want %s", path, line, err, want)
		}
		_ = conn.Close()
	}
}

func ExampleRequire() {
	issuer := bearertest.NewIssuer(nil) // stands for your authorization server
	defer issuer.Close()
	verifier, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{"deployment-api"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer verifier.Close()
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	e := echo.New()
	e.POST("/deployments", func(c echo.Context) error {
		claims, _ := bearer.FromContext(c.Request().Context())
		return c.String(http.StatusCreated, "deploying for "+claims.ClientID()+"\n")
	}, echov4bearer.Require(guard, scopes.All("deploy:applications")))
	server := httptest.NewServer(e)
	defer server.Close()

	for _, scope := range []string{"deploy:applications", "read:deployments"} {
		r, _ := http.NewRequest(http.MethodPost, server.URL+"/deployments", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+issuer.Token(map[string]any{"aud": "deployment-api", "client_id": "ci", "scope": scope}))
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		fmt.Print(response.StatusCode, " ", string(body))
	}
	// Output:
	// 201 deploying for ci
	// 403 {"error":"insufficient_scope","error_description":"The access token does not allow this","scope":"deploy:applications"}
}

func ExampleHandle() {
	verifier := new(bearer.JWTVerifier) // stands for one that bearer.New returned
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	e := echo.New()
	v1 := e.Group("/v1")
	ok := func(c echo.Context) error { return c.String(http.StatusOK, "ok") }
	echov4bearer.Handle(guard, e, http.MethodGet, "/healthz", scopes.Public(), ok)
	echov4bearer.Handle(guard, v1, http.MethodPost, "/deployments", scopes.All("deploy:applications"), ok)
	echov4bearer.Handle(guard, v1, http.MethodGet, "/deployments/:id", scopes.Any("read:deployments", "deploy:applications"), ok)
	for _, route := range guard.Routes() {
		fmt.Println(route)
	}
	// Output:
	// GET /healthz is public
	// POST /v1/deployments asks for scope "deploy:applications"
	// GET /v1/deployments/:id asks for scopes "read:deployments" or "deploy:applications"
}

func ExampleEnforce() {
	verifier := new(bearer.JWTVerifier) // stands for a bearer.JWTVerifier
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	var rules scopes.Table
	rules.Handle("POST /deployments", scopes.All("deploy:applications"))
	rules.Handle("GET /healthz", scopes.Public())

	e := echo.New()
	e.Use(echov4bearer.Enforce(guard, &rules))
	ok := func(c echo.Context) error { return c.String(http.StatusOK, "ok") }
	e.GET("/healthz", ok)
	e.POST("/deployments", ok)
	e.GET("/deployments/:id", ok)
	for _, route := range echov4bearer.Audit(e, &rules) {
		fmt.Println(route)
	}
	// Output:
	// GET /deployments/:id has no rule and is denied
	// GET /healthz is public
	// POST /deployments asks for scope "deploy:applications"
}
