package ginbearer_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/ginbearer"
	"github.com/bearerkit/bearer/scopes"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	m.Run()
}

func TestAdapter(t *testing.T) {
	adapter := routertest.Adapter[gin.HandlerFunc]{
		Require:  ginbearer.Require,
		Enforce:  ginbearer.Enforce,
		New:      newRouter,
		Path:     strings.NewReplacer("{path...}", "*path", "{", ":", "}", "").Replace,
		Groups:   [2]string{"/v1/", "apps/:app"},
		Paths:    []string{"", "/", "/deployments/", "deployments/:id", "files/*path"},
		Conflict: errors.New("deployment in progress"),
	}
	adapter.Run(t)
}

// router is an engine or a group of routes.
type router struct {
	*gin.Engine
	at routes
}

type routes interface {
	gin.IRouter
	BasePath() string
}

func newRouter() routertest.Router[gin.HandlerFunc] {
	engine := gin.New()
	return router{engine, engine}
}

func (r router) Use(m gin.HandlerFunc) { r.at.Use(m) }

func (r router) Group(prefix string, m ...gin.HandlerFunc) routertest.Router[gin.HandlerFunc] {
	return router{r.Engine, r.at.Group(prefix, m...)}
}

func (r router) Add(method, path string, h routertest.Handler, m ...gin.HandlerFunc) {
	r.at.Handle(method, path, append(m, native(h))...)
}

func (r router) Mount(method, path string, h http.Handler, m ...gin.HandlerFunc) {
	r.at.Handle(method, path, append(m, gin.WrapH(h))...)
}

func (r router) Handle(g *middleware.Guard, method, path string, rule scopes.Rule, h routertest.Handler, m ...gin.HandlerFunc) {
	ginbearer.Handle(g, r.at, method, path, rule, append(m, native(h))...)
}

func (r router) Audit(t *scopes.Table) []middleware.Route { return ginbearer.Audit(r.Engine, t) }

func (r router) Routes() (list []string) {
	for _, route := range r.Engine.Routes() {
		list = append(list, route.Method+" "+route.Path)
	}
	return list
}

// native returns the handler as a gin handler. gin handlers return no errors, so an error
// becomes a 409.
func native(h routertest.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		caller, _ := c.Get(ginbearer.Key)
		if err := h(routertest.Call{Writer: c.Writer, Request: c.Request, Caller: caller, Param: c.Param}); err != nil {
			c.String(http.StatusConflict, err.Error())
		}
	}
}

// TestAbort checks that a refused request is aborted, and that middleware before the guard
// can read the status and the size of the response.
func TestAbort(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
	engine := gin.New()
	var status, size int
	var aborted bool
	engine.Use(func(c *gin.Context) {
		c.Next()
		status, size, aborted = c.Writer.Status(), c.Writer.Size(), c.IsAborted()
	})
	reached := func(*gin.Context) { t.Error("got a call of a handler for a refused request, want no call") }
	engine.GET("/x", ginbearer.Require(guard, scopes.All()), reached, reached)
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/x", http.NoBody))
	if status != http.StatusUnauthorized || !aborted || size != w.Body.Len() {
		t.Errorf("got status %d, aborted = %v and size %d, want status 401, aborted = true and size %d", status, aborted, size, w.Body.Len())
	}
}

// TestAbortInHandler checks that a handler after the guard can abort the chain.
func TestAbortInHandler(t *testing.T) {
	issuer, guard := routertest.NewGuard(t, nil)
	engine := gin.New()
	engine.Use(ginbearer.Require(guard, scopes.All()))
	engine.GET("/x", func(c *gin.Context) { c.AbortWithStatus(http.StatusTeapot) }, func(*gin.Context) { t.Error("got a call of a handler after an abort, want no call") })
	r := httptest.NewRequest(http.MethodGet, "/x", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+routertest.Token(issuer, ""))
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, r)
	if w.Code != http.StatusTeapot {
		t.Errorf("got status %d, want status 418", w.Code)
	}
}
