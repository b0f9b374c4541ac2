package echov5bearer_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v5"

	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/echov5bearer"
	"github.com/bearerkit/bearer/scopes"
)

// A gated server has a time limit and middleware that waits. The request "late" waits for
// longer than the time limit, and then runs on. Echo gives its context to the next request.
type gated struct {
	server  *echo.Echo
	entered chan string
	gates   map[string]chan bool
	left    chan bool
}

// newGated returns a server whose limit and waiting middleware are in front of all others.
func newGated() *gated {
	g := &gated{echo.New(), make(chan string), map[string]chan bool{"late": make(chan bool), "next": make(chan bool)}, make(chan bool)}
	limits := map[string]time.Duration{"late": time.Millisecond, "next": time.Hour}
	g.server.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			limit := limits[c.Request().Header.Get("X-Id")]
			return echo.WrapMiddleware(func(h http.Handler) http.Handler { return http.TimeoutHandler(h, limit, "timeout") })(next)(c)
		}
	}, func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			id := c.Request().Header.Get("X-Id")
			g.entered <- id
			<-g.gates[id]
			err := next(c)
			if id == "late" {
				g.left <- true
			}
			return err
		}
	})
	return g
}

// send sends a request without a token.
func (g *gated) send(id, path string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, http.NoBody)
	r.Header.Set("X-Id", id)
	g.server.ServeHTTP(w, r)
	return w
}

// overtake sends a late request for /admin, and then a request for /public, which gets the
// context of the late one. It returns the response for /public.
func (g *gated) overtake() *httptest.ResponseRecorder {
	late, next := make(chan bool), make(chan *httptest.ResponseRecorder)
	go func() { g.send("late", "/admin"); late <- true }()
	<-g.entered
	<-late
	go func() { next <- g.send("next", "/public") }()
	<-g.entered
	g.gates["late"] <- true
	<-g.left
	g.gates["next"] <- true
	return <-next
}

// TestTimeoutInFront shows the safe places for a rule behind a time limit that runs the next
// handler in another goroutine: a late request is judged by the rule of its own handler.
func TestTimeoutInFront(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
	for name, declare := range map[string]func(g *middleware.Guard, e *echo.Echo, public, admin echo.HandlerFunc){
		"Require": func(g *middleware.Guard, e *echo.Echo, public, admin echo.HandlerFunc) {
			e.GET("/public", public, echov5bearer.Require(g, scopes.Public()))
			e.GET("/admin", admin, echov5bearer.Require(g, scopes.All("admin")))
		},
		"Require of a group": func(g *middleware.Guard, e *echo.Echo, public, admin echo.HandlerFunc) {
			e.GET("/public", public, echov5bearer.Require(g, scopes.Public()))
			e.Group("", echov5bearer.Require(g, scopes.All("admin"))).GET("/admin", admin)
		},
		"EnforceRoutes": func(g *middleware.Guard, e *echo.Echo, public, admin echo.HandlerFunc) {
			e.Use(echov5bearer.EnforceRoutes(g, scopes.Routes{"GET /public": scopes.Public(), "GET /admin": scopes.All("admin")}))
			e.GET("/public", public)
			e.GET("/admin", admin)
		},
		"Handle": func(g *middleware.Guard, e *echo.Echo, public, admin echo.HandlerFunc) {
			echov5bearer.Handle(g, e, "GET", "/public", scopes.Public(), public)
			echov5bearer.Handle(g, e, "GET", "/admin", scopes.All("admin"), admin)
		},
	} {
		g, secret, reused, contexts := newGated(), false, false, map[*echo.Context]bool{}
		g.server.Pre(func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c *echo.Context) error {
				reused = reused || contexts[c]
				contexts[c] = true
				return next(c)
			}
		})
		declare(guard, g.server, func(c *echo.Context) error { return c.String(http.StatusOK, "public") },
			func(*echo.Context) error { secret = true; return nil })
		for range 40 {
			g.overtake()
		}
		if secret || !reused {
			t.Errorf("%s: got secret handler called %t and a context of two requests %t, want false and true", name, secret, reused)
		}
	}
}
