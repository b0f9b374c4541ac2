package echov5bearer_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v5"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware/echov5bearer"
	"github.com/bearerkit/bearer/scopes"
)

func serves(name string) echo.HandlerFunc {
	return func(c *echo.Context) error {
		c.Response().Header().Set("Served", name)
		return nil
	}
}

// rewrite changes the request by header fields.
func rewrite(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		r := c.Request()
		if m := r.Header.Get("X-Http-Method-Override"); m != "" {
			r.Method = m
		}
		if p := r.Header.Get("X-Original-Url"); p != "" {
			r.URL.Path = p
		}
		if p := r.Header.Get("X-Set-Path"); p != "" {
			c.SetPath(p)
		}
		return next(c)
	}
}

// TestRewritingMiddleware has middleware that changes the request before or after echo
// chooses the route.
func TestRewritingMiddleware(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
	rules := scopes.Routes{
		"GET /open": scopes.Public(), "GET /x": scopes.Public(), "POST /x": scopes.All("x"), "GET /admin": scopes.All("x"),
		"/any": scopes.All("x"), "GET /any": scopes.Public(),
	}
	for _, row := range []struct{ place, request, method, path, set, want string }{
		{"pre", "POST /x", "GET", "", "", "GET /x"},
		{"pre", "GET /admin", "", "/open", "", "GET /open"},
		{"pre", "GET /open", "", "/admin", "", ""},
		{"pre", "GET /open", "DELETE", "", "", ""},
		{"before", "POST /x", "GET", "", "", ""}, // echo has chosen POST /x
		{"before", "GET /admin", "", "/open", "", ""},
		{"before", "GET /admin", "", "", "/open", ""},
		{"before", "GET /open", "", "/admin", "", ""},
		{"before", "DELETE /any", "GET", "", "", ""},
		{"before", "GET /open", "", "", "", "GET /open"},
		{"after", "POST /x", "GET", "", "", ""},
		{"after", "GET /open", "", "/admin", "", "GET /open"},
		{"guard in pre", "GET /open", "", "", "", ""},
		{"guard in a group", "GET /open", "", "", "", "GET /open"},
		{"guard in a group", "GET /admin", "", "", "", ""},
		{"guard in a group", "GET /none", "", "", "", ""},
	} {
		e := echo.New()
		enforce := echov5bearer.EnforceRoutes(guard, rules)
		g := e.Group("")
		switch row.place {
		case "pre":
			e.Pre(rewrite)
			e.Use(enforce)
		case "before":
			e.Use(rewrite, enforce)
		case "after":
			e.Use(enforce, rewrite)
		case "guard in pre":
			e.Pre(enforce)
		case "guard in a group":
			g.Use(enforce)
		}
		g.GET("/open", serves("GET /open"))
		g.GET("/x", serves("GET /x"))
		g.POST("/x", serves("POST /x"))
		g.GET("/admin", serves("GET /admin"))
		g.GET("/any", serves("GET /any"))
		g.DELETE("/any", serves("DELETE /any"))
		method, path, _ := strings.Cut(row.request, " ")
		r := httptest.NewRequest(method, path, http.NoBody)
		r.Header.Set("X-Http-Method-Override", row.method)
		r.Header.Set("X-Original-Url", row.path)
		r.Header.Set("X-Set-Path", row.set)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if got := w.Header().Get("Served"); got != row.want {
			t.Errorf("%s, %s with the method %q, the path %q and SetPath %q: got a response of %q, want %q", row.place, row.request, row.method, row.path, row.set, got, row.want)
		}
	}
}

// TestShapes checks the names of routes of every shape: the audit finds no route without a
// rule and no rule without a route, and no route is open.
func TestShapes(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
	all := scopes.All("x")
	rules := scopes.Routes{
		"/any": all, "GET /match": all, "PUT /match": all, "GET /static*": all, "GET /file": all, "GET /a\\:b": all, "GET /": all, "GET /g": all, "GET /g/:id": all,
		"GET /users/:id/files/*": all, "PROPFIND /dav": all, "HEAD /head": all,
	}
	e := echo.New()
	e.Use(echov5bearer.EnforceRoutes(guard, rules))
	e.Any("/any", serves("any"))
	e.Match([]string{"GET", "PUT"}, "/match", serves("match"))
	e.Static("/static", ".")
	e.File("/file", "go.mod")
	e.GET("/a\\:b", serves("colon"))
	e.GET("", serves("root"))
	g := e.Group("/g", rewrite)
	g.GET("", serves("group"))
	g.GET("/:id", serves("in group"))
	e.GET("/users/:id/files/*", serves("files"))
	e.Add("PROPFIND", "/dav", serves("dav"))
	e.HEAD("/head", serves("head"))
	e.RouteNotFound("/lost/*", serves("not found"))
	if err := echov5bearer.AuditRoutes(e, rules).Err(); err != nil {
		t.Error(err)
	}
	if open := bearertest.Unguarded(e, echov5bearer.Routes(e)); len(open) != 0 {
		t.Errorf("got open routes %q, want none", open)
	}
	// With a public rule, the request for each name must reach a handler.
	for name := range rules {
		rules[name] = scopes.Public()
	}
	for _, request := range []string{"GET /any", "PATCH /any", "PUT /match", "GET /a:b", "GET /", "GET /g", "GET /g/7", "GET /users/7/files/a/b", "PROPFIND /dav", "HEAD /head"} {
		method, path, _ := strings.Cut(request, " ")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(method, path, http.NoBody))
		if w.Header().Get("Served") == "" {
			t.Errorf("%s: got status %d, want the response of a handler", request, w.Code)
		}
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/lost/x", http.NoBody))
	if w.Header().Get("Served") != "" {
		t.Errorf("got a response of the handler for requests without a route, want a refusal")
	}
	// Without the guard, all routes are open.
	bare := echo.New()
	bare.GET("/x/:id", serves("x"))
	if open := bearertest.Unguarded(bare, echov5bearer.Routes(bare)); !slices.Equal(open, []string{"GET /x/:id"}) {
		t.Errorf("got open routes %q, want GET /x/:id", open)
	}
}

// TestHEAD checks that the guard denies HEAD requests to a route for GET, and that a route
// for HEAD has the rule for GET.
func TestHEAD(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
	for _, registered := range []bool{false, true} {
		e := echo.New()
		e.Use(echov5bearer.EnforceRoutes(guard, scopes.Routes{"GET /healthz": scopes.Public()}))
		e.GET("/healthz", serves("health"))
		if registered {
			e.HEAD("/healthz", serves("health"))
		}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/healthz", http.NoBody))
		if served := w.Header().Get("Served") != ""; served != registered || !served && w.Code != http.StatusUnauthorized {
			t.Errorf("route for HEAD %v: got status %d and a response of the handler: %v, want the same as the route", registered, w.Code, served)
		}
	}
}

// TestNoRoute checks that the guard denies requests for which echo finds no route, although
// there is a rule for their path. The handlers for such requests must not run.
func TestNoRoute(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
	for request, want := range map[string]string{
		"GET /files/a": "files", "POST /files/a": "", "HEAD /files/a": "", "OPTIONS /files/a": "",
		"GET /page": "page", "POST /page": "", "HEAD /page": "", "OPTIONS /page": "",
		"GET /g/x": "group", "POST /g/x": "", "GET /g/none": "", "GET /": "", "GET /none": "",
	} {
		e := echo.New()
		e.Use(echov5bearer.EnforceRoutes(guard, scopes.Routes{
			"/files/*": scopes.Public(), "/page": scopes.Public(), "/g/x": scopes.Public(), "/g": scopes.Public(), "/g/*": scopes.Public(), "/*": scopes.Public(),
			"/": scopes.Public(), "/none": scopes.Public(),
		}))
		e.GET("/files/*", serves("files"))
		e.RouteNotFound("/files/*", serves("not found"))
		e.GET("/page", serves("page"))
		e.Group("/g", rewrite).GET("/x", serves("group"))
		e.RouteNotFound("/*", serves("not found"))
		method, path, _ := strings.Cut(request, " ")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(method, path, http.NoBody))
		if got := w.Header().Get("Served"); got != want || want == "" && w.Code != http.StatusUnauthorized {
			t.Errorf("%s: got status %d and a response of %q, want a response of %q", request, w.Code, got, want)
		}
	}
}
