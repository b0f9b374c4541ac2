package ginbearer_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit/declaretest"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/ginbearer"
	"github.com/bearerkit/bearer/scopes"
)

func serves(name string) gin.HandlerFunc { return func(c *gin.Context) { c.Header("Served", name) } }

// TestAuditReadsTheChains registers routes before and after the guard. A route that gin
// serves without the guard must have the zero Rule in the report.
func TestAuditReadsTheChains(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
	var table, other scopes.Table
	table.Handle("/", scopes.All("x"))
	other.Handle("/", scopes.All("y"))
	never := func(*gin.Context) { t.Error("got a call of a handler, want no call") }
	for _, row := range []struct {
		name  string
		build func(e *gin.Engine)
		want  bool // GET /v1/x has the rule
	}{
		{"Use before the route", func(e *gin.Engine) { e.Use(ginbearer.Enforce(guard, &table)); e.GET("/v1/x", never) }, true},
		{"Use after the route", func(e *gin.Engine) { e.GET("/v1/x", never); e.Use(ginbearer.Enforce(guard, &table)) }, false},
		{"group after Use", func(e *gin.Engine) { e.Use(ginbearer.Enforce(guard, &table)); e.Group("/v1").GET("/x", never) }, true},
		{"group before Use, route after Use", func(e *gin.Engine) {
			g := e.Group("/v1")
			e.Use(ginbearer.Enforce(guard, &table))
			g.GET("/x", never)
		}, false},
		{"Use of the group", func(e *gin.Engine) {
			g := e.Group("/v1")
			g.Use(never, ginbearer.Enforce(guard, &table))
			g.GET("/x", never)
		}, true},
		{"handler of the route", func(e *gin.Engine) { e.GET("/v1/x", ginbearer.Enforce(guard, &table), never) }, true},
		{"another table", func(e *gin.Engine) { e.Use(ginbearer.Enforce(guard, &other)); e.GET("/v1/x", never) }, false},
		{"two tables", func(e *gin.Engine) {
			e.Use(ginbearer.Enforce(guard, &other), ginbearer.Enforce(guard, &table))
			e.GET("/v1/x", never)
		}, true},
		{"no table", func(e *gin.Engine) { e.GET("/v1/x", ginbearer.Require(guard, scopes.All("x")), never) }, false},
		{"routes instead of a table", func(e *gin.Engine) {
			ginbearer.EnforceRoutes(guard, e, scopes.Routes{"GET /v1/x": scopes.All("x")})
			e.GET("/v1/x", never)
		}, false},
	} {
		engine := gin.New()
		row.build(engine)
		routes := ginbearer.Audit(engine, &table)
		if len(routes) != 1 || routes[0].Pattern != "GET /v1/x" || !routes[0].Rule.IsZero() != row.want {
			t.Errorf("%s: got routes %v, want GET /v1/x with a rule: %v", row.name, routes, row.want)
		}
	}
}

// TestUnguardedRoutes compares the audit with the engine's responses.
func TestUnguardedRoutes(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
	rules := scopes.Routes{"GET /a": scopes.All("a"), "GET /early/b": scopes.All("b"), "GET /own": scopes.All("own"), "GET /x:y": scopes.All("c"), "POST /files/*path": scopes.All("f")}
	engine := gin.New()
	early := engine.Group("/early") // does not get the guard
	ginbearer.EnforceRoutes(guard, engine, rules)
	early.GET("/b", serves("b"))
	early.GET("/own", ginbearer.Require(guard, scopes.All("o")), serves("own"))
	early.GET("/denied", ginbearer.Require(guard, scopes.Rule{}), serves("denied"))
	engine.GET("/a", serves("a"))
	engine.GET("/new", serves("new"))
	engine.GET("/x\\:y", serves("escaped"))
	engine.POST("/files/*path", serves("files"))
	for range 2 { // gin changes its trees at the first request
		report := ginbearer.AuditRoutes(engine, rules)
		open := bearertest.Unguarded(engine, ginbearer.Routes(engine))
		if want := []string{"GET /early/b"}; !slices.Equal(report.Unguarded, want) || !slices.Equal(open, want) {
			t.Errorf("got unguarded routes %q and open routes %q, want %q", report.Unguarded, open, want)
		}
		if want := []string{"GET /early/denied", "GET /new"}; !slices.Equal(report.WithoutRule, want) {
			t.Errorf("got routes without a rule %q, want %q", report.WithoutRule, want)
		}
		if want := []string{"GET /own"}; !slices.Equal(report.WithoutRoute, want) {
			t.Errorf("got rules without a route %q, want %q", report.WithoutRoute, want)
		}
	}
}

// TestEnforceRoutesRefusesLateUse checks that the engine must not have routes.
func TestEnforceRoutesRefusesLateUse(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
	var (
		none  *middleware.Guard
		late  = gin.New()
		empty = gin.New()
		rules = scopes.Routes{"GET /x": scopes.All()}
		wrong = scopes.Routes{"get /x": scopes.All()}
	)
	late.GET("/x", serves("x"))
	for _, row := range []struct {
		source, want string
		declare      func()
	}{
		{`ginbearer.EnforceRoutes(guard, late, rules)`, "already has the routes GET /x", func() { ginbearer.EnforceRoutes(guard, late, rules) }},
		{`ginbearer.EnforceRoutes(none, empty, rules)`, "guard is nil", func() { ginbearer.EnforceRoutes(none, empty, rules) }},
		{`ginbearer.EnforceRoutes(guard, nil, rules)`, "engine is nil", func() { ginbearer.EnforceRoutes(guard, nil, rules) }},
		{`ginbearer.EnforceRoutes(guard, empty, wrong)`, "get /x", func() { ginbearer.EnforceRoutes(guard, empty, wrong) }},
	} {
		declaretest.Refused(t, "chains_test.go", row.source, row.want, row.declare)
	}
	if len(empty.Handlers) != 0 {
		t.Errorf("got %d handlers after a refusal, want none", len(empty.Handlers))
	}
}

// TestRewritingMiddleware has middleware that changes the request after gin has chosen the
// route.
func TestRewritingMiddleware(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
	rewrite := func(c *gin.Context) {
		if m := c.Request.Header.Get("X-Http-Method-Override"); m != "" {
			c.Request.Method = m
		}
		if p := c.Request.Header.Get("X-Original-Url"); p != "" {
			c.Request.URL.Path = p
		}
	}
	for _, row := range []struct {
		request, method, path, want string
		before                      bool
	}{
		{"GET /open", "", "", "GET /open", true},
		{"POST /x", "GET", "", "", true}, // GET /x is public
		{"POST /x", "", "/open", "", true},
		{"GET /admin", "", "/open", "", true},
		{"GET /open", "", "/admin", "GET /open", true},
		{"GET /open", "DELETE", "", "", true},
		{"POST /x", "GET", "", "", false},
		{"GET /open", "DELETE", "", "GET /open", false},
	} {
		engine := gin.New()
		if row.before {
			engine.Use(rewrite)
		}
		ginbearer.EnforceRoutes(guard, engine, scopes.Routes{"GET /open": scopes.Public(), "GET /x": scopes.Public(), "POST /x": scopes.All("x"), "GET /admin": scopes.All("x")})
		if !row.before {
			engine.Use(rewrite)
		}
		engine.GET("/open", serves("GET /open"))
		engine.GET("/x", serves("GET /x"))
		engine.POST("/x", serves("POST /x"))
		engine.GET("/admin", serves("GET /admin"))
		method, path, _ := strings.Cut(row.request, " ")
		r := httptest.NewRequest(method, path, http.NoBody)
		r.Header.Set("X-Http-Method-Override", row.method)
		r.Header.Set("X-Original-Url", row.path)
		w := httptest.NewRecorder()
		engine.ServeHTTP(w, r)
		if got := w.Header().Get("Served"); got != row.want {
			t.Errorf("%s with the method %q and the path %q: got a response of %q, want %q", row.request, row.method, row.path, got, row.want)
		}
	}
}

// TestHandleContext lets a handler serve another route.
func TestHandleContext(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
	engine := gin.New()
	ginbearer.EnforceRoutes(guard, engine, scopes.Routes{"GET /open": scopes.Public(), "GET /admin": scopes.All("x")})
	engine.GET("/open", func(c *gin.Context) {
		c.Request.URL.Path = "/admin"
		engine.HandleContext(c)
	})
	engine.GET("/admin", serves("admin"))
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/open", http.NoBody))
	if w.Header().Get("Served") != "" || w.Code != http.StatusUnauthorized {
		t.Errorf("got status %d and a response of %q, want a refusal", w.Code, w.Header().Get("Served"))
	}
}

// TestHEAD checks that the guard denies HEAD requests to a route for GET, and that a route
// for HEAD has the rule for GET.
func TestHEAD(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
	for _, registered := range []bool{false, true} {
		engine := gin.New()
		ginbearer.EnforceRoutes(guard, engine, scopes.Routes{"GET /healthz": scopes.Public()})
		engine.GET("/healthz", serves("health"))
		if registered {
			engine.HEAD("/healthz", serves("health"))
		}
		w := httptest.NewRecorder()
		engine.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/healthz", http.NoBody))
		if served := w.Header().Get("Served") != ""; served != registered || !served && w.Code != http.StatusUnauthorized {
			t.Errorf("route for HEAD %v: got status %d and a response of the handler: %v, want the same as the route", registered, w.Code, served)
		}
	}
}
