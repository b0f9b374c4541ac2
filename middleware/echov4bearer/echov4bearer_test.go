package echov4bearer_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/echov4bearer"
	"github.com/bearerkit/bearer/scopes"
)

func TestAdapter(t *testing.T) {
	adapter := routertest.Adapter[echo.MiddlewareFunc]{
		Require:  echov4bearer.Require,
		Enforce:  echov4bearer.Enforce,
		New:      func() routertest.Router[echo.MiddlewareFunc] { return newRouter() },
		Path:     strings.NewReplacer("{path...}", "*", "{", ":", "}", "").Replace,
		Groups:   [2]string{"/v1", "/apps/:app"},
		Paths:    []string{"", "/deployments/:id", "/files/*"},
		Conflict: echo.NewHTTPError(http.StatusConflict, "deployment in progress"),
		Failing:  newFailing,
	}
	adapter.Run(t)
}

// router is a server or a group of routes.
type router struct {
	*echo.Echo
	at routes
}

type routes interface {
	Add(method, path string, handler echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route
	Group(prefix string, m ...echo.MiddlewareFunc) *echo.Group
	Use(m ...echo.MiddlewareFunc)
}

func newRouter() router {
	e := echo.New()
	return router{e, e}
}

func newFailing(onReturn, onHandle func(error)) routertest.Router[echo.MiddlewareFunc] {
	r := newRouter()
	r.HTTPErrorHandler = func(err error, c echo.Context) {
		onHandle(err)
		_ = c.String(http.StatusTeapot, err.Error()+"\n")
	}
	r.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			err := next(c)
			onReturn(err)
			return err
		}
	})
	return r
}

func (r router) Use(m echo.MiddlewareFunc) { r.at.Use(m) }

func (r router) Group(prefix string, m ...echo.MiddlewareFunc) routertest.Router[echo.MiddlewareFunc] {
	return router{r.Echo, r.at.Group(prefix, m...)}
}

func (r router) Add(method, path string, h routertest.Handler, m ...echo.MiddlewareFunc) {
	r.at.Add(method, path, native(h), m...)
}

func (r router) Mount(method, path string, h http.Handler, m ...echo.MiddlewareFunc) {
	r.at.Add(method, path, echo.WrapHandler(h), m...)
}

func (r router) Handle(g *middleware.Guard, method, path string, rule scopes.Rule, h routertest.Handler, m ...echo.MiddlewareFunc) {
	echov4bearer.Handle(g, r.at, method, path, rule, native(h), m...)
}

func (r router) Audit(t *scopes.Table) []middleware.Route { return echov4bearer.Audit(r.Echo, t) }

func (r router) Routes() (list []string) {
	for _, route := range r.Echo.Routes() {
		if route.Method != echo.RouteNotFound {
			list = append(list, route.Method+" "+route.Path)
		}
	}
	return list
}

// native returns the handler as an echo handler.
func native(h routertest.Handler) echo.HandlerFunc {
	return func(c echo.Context) error {
		param := func(name string) string {
			if name == "path" {
				name = "*"
			}
			return c.Param(name)
		}
		return h(routertest.Call{Writer: c.Response(), Request: c.Request(), Caller: c.Get(echov4bearer.Key), Param: param})
	}
}
