package echov4bearer_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware/echov4bearer"
	"github.com/bearerkit/bearer/scopes"
)

// TestWithoutRoute sends requests for which echo has a path but no route. Echo chooses an
// entry for requests without a route, and runs the middleware of the group of the entry.
func TestWithoutRoute(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
	public := scopes.Public()
	rules := scopes.Routes{
		"GET /files/*": public, "/any/*": public, "/u/:id": public, "GET /g/x": public, "/g/*": public, "/g": public,
		"/every": public, "/h/*": public, "POST /h/y": public, "/h": public, "ODD /odd": public,
	}
	marks := func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Set("Served", "middleware")
			return next(c)
		}
	}
	for _, place := range []string{"e.Use", "group"} {
		e := echo.New()
		enforce := echov4bearer.EnforceRoutes(guard, rules)
		on := e.Group("")
		if place == "e.Use" {
			e.Use(enforce)
		} else {
			on = e.Group("", enforce)
		}
		on.GET("/files/*", serves("files"))
		on.RouteNotFound("/files/*", serves("no file"))
		on.GET("/any/*", serves("any"))
		on.RouteNotFound("/any/*", serves("nothing"))
		on.GET("/u/:id", serves("u"))
		on.Any("/every", serves("every"))
		on.RouteNotFound("/every", serves("nothing"))
		on.Add("ODD", "/odd", serves("odd"))
		g := on.Group("/g", marks)
		g.GET("/x", serves("x"))
		h := on.Group("/h", marks) // a group whose entry is below a route of the group
		h.GET("/*", serves("h"))
		h.POST("/y", serves("y"))
		for _, row := range []struct{ method, path, want string }{
			{"GET", "/files/x", "files"},
			{"POST", "/files/x", ""},
			{"HEAD", "/files/x", ""},
			{"GET", "/any/x", "any"},
			{"POST", "/any/x", ""},
			{"DELETE", "/any/x", ""},
			{"GET", "/u/1", "u"},
			{"POST", "/u/1", ""},
			{"OPTIONS", "/u/1", ""},
			{"GET", "/every", "every"},
			{"PROPFIND", "/every", "every"},
			{"ODD", "/every", ""},
			{"ODD", "/odd", "odd"},
			{"GET", "/odd", ""},
			{"GET", "/g/x", "x"},
			{"GET", "/g/y", ""},
			{"POST", "/g/x", ""},
			{"GET", "/g", ""},
			{"GET", "/h/y", "h"},
			{"POST", "/h/y", "y"},
			{"PUT", "/h/y", ""},
			{"GET", "/h", ""},
			{"GET", "/none", ""},
		} {
			w := httptest.NewRecorder()
			e.ServeHTTP(w, httptest.NewRequest(row.method, row.path, http.NoBody))
			if got := w.Header().Get("Served"); got != row.want {
				t.Errorf("%s: got a response of %q for %s %s, want %q", place, got, row.method, row.path, row.want)
			}
		}
	}
}
