package ginbearer_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/ginbearer"
	"github.com/bearerkit/bearer/scopes"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	m.Run()
}

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

// path is a pattern of http.ServeMux in the syntax of gin.
func path(pattern string) string {
	return strings.NewReplacer("{path...}", "*path", "{", ":", "}", "").Replace(pattern)
}

// handler answers with what gin's users find.
func handler(t *testing.T, route routertest.Route) gin.HandlerFunc {
	t.Helper()
	return func(c *gin.Context) {
		claims, _ := c.Value(ginbearer.Key).(*bearer.Claims)
		if other, _ := bearer.FromContext(c.Request.Context()); other != claims {
			t.Errorf("%s: got %v under the key and %v in the request's context", route.Name, claims, other)
		}
		if route.Name == "fail" {
			c.String(http.StatusConflict, "deployment in progress")
			return
		}
		c.Status(http.StatusOK)
		routertest.Answer(c.Writer, route.Name, c.Param(route.Param), claims)
	}
}

func TestRequire(t *testing.T) {
	issuer, guard := newGuard(t)
	engine := gin.New()
	for _, route := range routertest.Routes() {
		switch route.Name {
		case "admin":
			group := engine.Group("/admin", ginbearer.Require(guard, route.Rule))
			group.Handle(route.Method, strings.TrimPrefix(path(route.Path), "/admin"), handler(t, route))
		case "files": // a handler of net/http, mounted
			files := http.StripPrefix("/files", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				claims, _ := bearer.FromContext(r.Context())
				routertest.Answer(w, route.Name, r.URL.Path, claims)
			}))
			engine.GET(path(route.Path), ginbearer.Require(guard, route.Rule), gin.WrapH(files))
		case "list":
			engine.Handle(route.Method, path(route.Path), ginbearer.Require(guard, route.Rule), handler(t, route))
		default:
			ginbearer.Handle(guard, engine, route.Method, path(route.Path), route.Rule, handler(t, route))
		}
	}
	server := httptest.NewServer(engine)
	defer server.Close()
	routertest.Run(t, server.URL, issuer, false)
}

// Routes are declared as gin knows them.
func TestHandle(t *testing.T) {
	_, guard := newGuard(t)
	engine := gin.New()
	group := engine.Group("/v1/").Group("apps/:app")
	never := func(*gin.Context) { t.Error("got to the handler") }
	for _, relative := range []string{"", "/", "/deployments/", "deployments/:id", "files/*path"} {
		ginbearer.Handle(guard, group, http.MethodGet, relative, scopes.All("x"), never)
	}
	ginbearer.Handle(guard, engine, http.MethodGet, "/", scopes.All("x"), never)
	declared := map[string]bool{}
	for _, route := range guard.Routes() {
		declared[route.Pattern] = true
	}
	for _, route := range engine.Routes() {
		if !declared[route.Method+" "+route.Path] {
			t.Errorf("got no %s %s among %v", route.Method, route.Path, guard.Routes())
		}
	}
	if got, want := len(declared), len(engine.Routes()); got != want {
		t.Errorf("got %d routes, want %d", got, want)
	}
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/apps/a/deployments/7", http.NoBody))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("got %d, want 401", w.Code)
	}
}

func TestEnforce(t *testing.T) {
	issuer, guard := newGuard(t)
	engine := gin.New()
	table := routertest.Table()
	engine.Use(ginbearer.Enforce(guard, table))
	for _, route := range routertest.Routes() {
		engine.Handle(route.Method, path(route.Path), handler(t, route))
	}
	server := httptest.NewServer(engine)
	defer server.Close()
	routertest.Run(t, server.URL, issuer, true)

	engine.GET("/forgotten/:id", handler(t, routertest.Route{}))
	for _, route := range ginbearer.Audit(engine, table) {
		if forgotten := route.Pattern == "GET /forgotten/:id"; route.Rule.IsZero() != forgotten {
			t.Errorf("got %s", route)
		}
	}
	if got, want := len(ginbearer.Audit(engine, table)), len(routertest.Routes())+1; got != want {
		t.Errorf("got %d routes, want %d", got, want)
	}
}

func TestAbort(t *testing.T) {
	_, guard := newGuard(t)
	engine := gin.New()
	var status, size int
	var aborted bool
	engine.Use(func(c *gin.Context) {
		c.Next()
		status, size, aborted = c.Writer.Status(), c.Writer.Size(), c.IsAborted()
	})
	reached := func(*gin.Context) { t.Error("got to the handler behind") }
	engine.GET("/x", ginbearer.Require(guard, scopes.All()), reached, reached)
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/x", http.NoBody))
	if status != http.StatusUnauthorized || !aborted || size != w.Body.Len() {
		t.Errorf("got status %d, aborted %v, size %d of %d in front", status, aborted, size, w.Body.Len())
	}
}

// What gin's own users do behind a guard: abort, flush, take the connection over.
func TestBehind(t *testing.T) {
	issuer, guard := newGuard(t)
	engine := gin.New()
	engine.Use(ginbearer.Require(guard, scopes.All()))
	engine.GET("/abort", func(c *gin.Context) { c.AbortWithStatus(http.StatusTeapot) }, func(*gin.Context) { t.Error("got past an abort") })
	engine.GET("/flush", func(c *gin.Context) { _, _ = c.Writer.WriteString("a"); c.Writer.Flush() })
	engine.GET("/upgrade", func(c *gin.Context) {
		conn, _, err := c.Writer.Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhello\n")
		_ = conn.Close()
	})
	server := httptest.NewServer(engine)
	defer server.Close()
	for path, want := range map[string]string{"/abort": "418", "/flush": "200", "/upgrade": "101"} {
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
	gin.SetMode(gin.ReleaseMode)
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

	engine := gin.New()
	engine.POST("/deployments", ginbearer.Require(guard, scopes.All("deploy:applications")), func(c *gin.Context) {
		claims, _ := bearer.FromContext(c.Request.Context())
		c.String(http.StatusCreated, "deploying for %s\n", claims.ClientID())
	})
	server := httptest.NewServer(engine)
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
	gin.SetMode(gin.ReleaseMode)
	verifier := new(bearer.JWTVerifier) // stands for one that bearer.New returned
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	engine := gin.New()
	v1 := engine.Group("/v1")
	ok := func(c *gin.Context) { c.String(http.StatusOK, "ok") }
	ginbearer.Handle(guard, engine, http.MethodGet, "/healthz", scopes.Public(), ok)
	ginbearer.Handle(guard, v1, http.MethodPost, "/deployments", scopes.All("deploy:applications"), ok)
	ginbearer.Handle(guard, v1, http.MethodGet, "/deployments/:id", scopes.Any("read:deployments", "deploy:applications"), ok)
	for _, route := range guard.Routes() {
		fmt.Println(route)
	}
	// Output:
	// GET /healthz is public
	// POST /v1/deployments asks for scope "deploy:applications"
	// GET /v1/deployments/:id asks for scopes "read:deployments" or "deploy:applications"
}

func ExampleEnforce() {
	gin.SetMode(gin.ReleaseMode)
	verifier := new(bearer.JWTVerifier) // stands for a bearer.JWTVerifier
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	var rules scopes.Table
	rules.Handle("POST /deployments", scopes.All("deploy:applications"))
	rules.Handle("GET /healthz", scopes.Public())

	engine := gin.New()
	engine.Use(ginbearer.Enforce(guard, &rules))
	engine.GET("/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok") })
	engine.POST("/deployments", func(*gin.Context) {})
	engine.GET("/deployments/:id", func(*gin.Context) {})
	for _, route := range ginbearer.Audit(engine, &rules) {
		fmt.Println(route)
	}
	// Output:
	// GET /deployments/:id has no rule and is denied
	// GET /healthz is public
	// POST /deployments asks for scope "deploy:applications"
}
