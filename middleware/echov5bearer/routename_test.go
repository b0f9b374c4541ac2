package echov5bearer_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v5"

	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware/echov5bearer"
	"github.com/bearerkit/bearer/scopes"
)

// TestRouteName checks the route that observers receive. A client must not be able to choose a part
// of the label, even if middleware takes the method from a field of the client.
func TestRouteName(t *testing.T) {
	events := new(testkit.Recorder)
	_, guard := routertest.NewGuard(t, events)
	e := echo.New()
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			if method := c.Request().Header.Get("X-Http-Method-Override"); method != "" {
				c.Request().Method = method
			}
			return next(c)
		}
	})
	require := echov5bearer.Require(guard, scopes.All())
	never := func(*echo.Context) error {
		t.Error("got a call of a handler, want a refusal")
		return nil
	}
	e.GET("/x/:id", never, require)
	e.HEAD("/x/:id", never, require)
	e.Group("/v1").DELETE("/all/*", never, require)
	for _, row := range []struct{ method, path, override, want string }{
		{"GET", "/x/7", "", "GET /x/:id"},
		{"HEAD", "/x/7", "", "HEAD /x/:id"},
		{"DELETE", "/v1/all/7", "", "DELETE /v1/all/*"},
		{"GET", "/x/7", "SECRET", "GET /x/:id"},
		{"GET", "/x/7", "get", "GET /x/:id"},
	} {
		r := httptest.NewRequest(row.method, row.path, http.NoBody)
		r.Header.Set("X-Http-Method-Override", row.override)
		e.ServeHTTP(httptest.NewRecorder(), r)
		if got := events.Take(); len(got) != 1 || got[0].Route != row.want {
			t.Errorf("%+v: got the events %+v, want one event with the route %q", row, got, row.want)
		}
	}
}
