package ginbearer_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware/ginbearer"
	"github.com/bearerkit/bearer/scopes"
)

// TestRouteName checks the route that observers receive. A client must not be able to choose a part
// of the label, even if middleware takes the method from a field of the client.
func TestRouteName(t *testing.T) {
	events := new(testkit.Recorder)
	_, guard := routertest.NewGuard(t, events)
	engine := gin.New()
	engine.Use(func(c *gin.Context) {
		if method := c.GetHeader("X-Http-Method-Override"); method != "" {
			c.Request.Method = method
		}
	})
	require := ginbearer.Require(guard, scopes.All())
	engine.GET("/x/:id", require)
	engine.HEAD("/x/:id", require)
	engine.Group("/v1").Any("/any/*rest", require)
	engine.Handle("PROPFIND", "/x/:id", require)
	engine.NoRoute(require)
	for _, row := range []struct{ method, path, override, want string }{
		{"GET", "/x/7", "", "GET /x/:id"},
		{"HEAD", "/x/7", "", "HEAD /x/:id"},
		{"DELETE", "/v1/any/7", "", "DELETE /v1/any/*rest"},
		{"PROPFIND", "/x/7", "", "/x/:id"},
		{"GET", "/x/7", "SECRET", "/x/:id"},
		{"GET", "/x/7", "get", "/x/:id"},
		{"GET", "/nowhere", "", ""},
	} {
		r := httptest.NewRequest(row.method, row.path, http.NoBody)
		r.Header.Set("X-Http-Method-Override", row.override)
		engine.ServeHTTP(httptest.NewRecorder(), r)
		if got := events.Take(); len(got) != 1 || got[0].Route != row.want {
			t.Errorf("%+v: got the events %+v, want one event with the route %q", row, got, row.want)
		}
	}
}
