package echov4bearer_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware/echov4bearer"
	"github.com/bearerkit/bearer/scopes"
)

// TestKeyOfSecondGuard has two guards for one route. The value of Key is that of the last guard. A
// guard that found no token removes the claims of the guard before it, and no other value.
func TestKeyOfSecondGuard(t *testing.T) {
	issuer, guard := routertest.NewGuard(t, nil)
	token := issuer.Token(map[string]any{"aud": routertest.Audience, "sub": "caller", "client_id": "ci", "scope": "x"})
	optional := echov4bearer.Require(guard, scopes.Optional(scopes.All("x")))
	change := func(f func(c echo.Context)) echo.MiddlewareFunc {
		return func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error { f(c); return next(c) }
		}
	}
	remove := change(func(c echo.Context) { c.Request().Header.Del("Authorization") })
	other := change(func(c echo.Context) { c.Set(echov4bearer.Key, "user of other code") })
	for name, row := range map[string]struct {
		chain []echo.MiddlewareFunc
		want  string
	}{
		"same token":               {[]echo.MiddlewareFunc{optional, optional}, "caller"},
		"token removed in between": {[]echo.MiddlewareFunc{optional, remove, optional}, "none"},
		"value of other code":      {[]echo.MiddlewareFunc{remove, other, optional}, "user of other code"},
	} {
		engine, got := echo.New(), "no response"
		engine.GET("/x", func(c echo.Context) error {
			switch v := c.Get(echov4bearer.Key).(type) {
			case *bearer.Claims:
				got = v.Subject()
			case string:
				got = v
			case nil:
				got = "none"
			}
			return nil
		}, row.chain...)
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/x", nil)
		request.Header.Set("Authorization", "Bearer "+token)
		engine.ServeHTTP(httptest.NewRecorder(), request)
		if got != row.want {
			t.Errorf("%s: got %q for Key, want %q", name, got, row.want)
		}
	}
}
