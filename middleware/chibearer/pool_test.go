package chibearer_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/go-chi/chi/v5"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/chibearer"
	"github.com/bearerkit/bearer/scopes"
)

// adminGuard returns a guard that accepts only the token "admin".
func adminGuard(t *testing.T) *middleware.Guard {
	t.Helper()
	guard, err := middleware.New(bearer.VerifierFunc(func(_ context.Context, token string) (*bearer.Claims, error) {
		if token == "admin" {
			return bearertest.Claims(map[string]any{"sub": "root", "scope": "admin"}), nil
		}
		return nil, &bearer.Error{Reason: bearer.Malformed, Err: errors.New("another token")}
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

// timeout abandons a request after 100 ms. The handler of the request then runs on, and chi
// gives the context of the request to another request.
func timeout(next http.Handler) http.Handler {
	return http.TimeoutHandler(next, 100*time.Millisecond, "timeout")
}

// slow waits as long as the request says.
func slow(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wait, _ := time.ParseDuration(r.Header.Get("X-Wait"))
		time.Sleep(wait)
		next.ServeHTTP(w, r)
	})
}

// A timeoutPlace has a timeout and slow middleware around a guard, in the router or in a
// mounted router. There is no place with a timeout in front of a router whose mounted router
// has the guard, because there chi itself writes into the context of another request.
type timeoutPlace struct {
	name  string
	build func(r chi.Router, enforce use, routes func(chi.Router))
}

var timeoutPlaces = []timeoutPlace{
	{"timeout behind the guard", func(r chi.Router, enforce use, routes func(chi.Router)) {
		r.Use(enforce, timeout, slow)
		r.Route("/api", routes)
	}},
	{"slow in front of the guard", func(r chi.Router, enforce use, routes func(chi.Router)) {
		r.Use(timeout, slow, enforce)
		r.Route("/api", routes)
	}},
	{"slow behind the guard", func(r chi.Router, enforce use, routes func(chi.Router)) {
		r.Use(timeout, enforce, slow)
		r.Route("/api", routes)
	}},
	{"in a mounted router", func(r chi.Router, enforce use, routes func(chi.Router)) {
		r.Route("/api", func(r chi.Router) {
			r.Use(enforce, timeout, slow)
			routes(r)
		})
	}},
	{"slow in a mounted router", func(r chi.Router, enforce use, routes func(chi.Router)) {
		r.Use(enforce, timeout)
		r.Route("/api", func(r chi.Router) {
			r.Use(slow)
			routes(r)
		})
	}},
	{"With and Mount", func(r chi.Router, enforce use, routes func(chi.Router)) {
		r.With(enforce, timeout, slow).Route("/api", routes)
	}},
	{"Group", func(r chi.Router, enforce use, routes func(chi.Router)) {
		r.Route("/api", func(r chi.Router) {
			r.Group(func(r chi.Router) {
				r.Use(enforce, timeout, slow)
				routes(r)
			})
		})
	}},
}

// abandoned is a router whose requests can run on after their response.
type abandoned struct {
	t       *testing.T
	router  *chi.Mux
	served  sync.Map // the number of the request, to the path of the handler
	mu      sync.Mutex
	borrows map[*chi.Context]int // how many requests had chi's context
}

func newAbandoned(t *testing.T, place timeoutPlace) *abandoned {
	t.Helper()
	a := &abandoned{t: t, router: chi.NewRouter(), borrows: map[*chi.Context]int{}}
	enforce := chibearer.EnforceRoutes(adminGuard(t), scopes.Routes{"GET /api/public": scopes.Public(), "GET /api/admin": scopes.All("admin"), "DELETE /api/public": scopes.All("admin")})
	a.router.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a.mu.Lock()
			a.borrows[chi.RouteContext(r.Context())]++
			a.mu.Unlock()
			next.ServeHTTP(w, r)
		})
	})
	handle := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			a.served.Store(r.Header.Get("X-Number"), name)
			_, _ = w.Write([]byte(name))
		}
	}
	place.build(a.router, enforce, func(r chi.Router) {
		r.Get("/public", handle("public"))
		r.Delete("/public", handle("delete"))
		r.Get("/admin", handle("admin"))
	})
	return a
}

// send sends a request and returns its response.
func (a *abandoned) send(number, method, path, token string, wait time.Duration) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, http.NoBody)
	r.Header.Set("X-Number", number)
	r.Header.Set("X-Wait", wait.String())
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	a.router.ServeHTTP(w, r)
	return w
}

// reused reports whether two requests had the same context of chi.
func (a *abandoned) reused() bool {
	for _, n := range a.borrows {
		if n > 1 {
			return true
		}
	}
	return false
}

// TestAbandonedRequest has a request that runs on after its timeout. The next request gets
// chi's context of this request, and must get its own handler.
func TestAbandonedRequest(t *testing.T) {
	for _, place := range timeoutPlaces {
		for _, first := range []string{"GET /api/admin", "DELETE /api/public"} {
			t.Run(place.name+" "+first, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a := newAbandoned(t, place)
					method, path := http.MethodGet, "/api/admin"
					if first != "GET /api/admin" {
						method, path = http.MethodDelete, "/api/public"
					}
					for range 40 {
						a.served.Clear()
						if w := a.send("1", method, path, "admin", 150*time.Millisecond); w.Code != http.StatusServiceUnavailable {
							t.Fatalf("got status %d for the slow request, want 503", w.Code)
						}
						// The first request goes on while the second one waits, 50 ms from now.
						w := a.send("2", "GET", "/api/public", "", 70*time.Millisecond)
						if got := w.Body.String(); w.Code != http.StatusOK || got != "public" {
							t.Fatalf("got status %d and response %q for the second request, want 200 and the response of the public route", w.Code, got)
						}
						if got, ok := a.served.Load("2"); !ok || got != "public" {
							t.Fatalf("got handler %v for the second request, want the public one", got)
						}
						synctest.Wait()
					}
					if !a.reused() {
						t.Error("got no context of chi that two requests had, want one, or the test proves nothing")
					}
				})
			})
		}
	}
}

// TestManyAbandonedRequests sends requests with random waits, shorter and longer than the
// timeout.
func TestManyAbandonedRequests(t *testing.T) {
	for _, place := range timeoutPlaces {
		t.Run(place.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAbandoned(t, place)
				var group sync.WaitGroup
				for i := range 40 {
					group.Go(func() {
						random := rand.New(rand.NewPCG(17, uint64(i))) //nolint:gosec // the same waits in each run
						for range 25 {
							method, path, token := "GET", "/api/public", ""
							if i%2 == 1 {
								method, path, token = []string{"GET", "DELETE"}[i/2%2], []string{"/api/admin", "/api/public"}[i/2%2], "admin"
							}
							// Never 100 ms, because then the order of the events is unknown.
							wait := time.Duration(2*random.IntN(80)+1)*time.Millisecond + time.Duration(random.IntN(1000))
							w := a.send("", method, path, token, wait)
							if got := w.Body.String(); token == "" && got != "public" && w.Code != http.StatusServiceUnavailable {
								t.Errorf("got status %d and response %q without a token, want the public route or a timeout", w.Code, got)
							}
						}
					})
				}
				group.Wait()
				synctest.Wait()
				if !a.reused() {
					t.Error("got no context of chi that two requests had, want one")
				}
			})
		})
	}
}

// TestLeakedContext has a handler that gives its context to work that outlives the request.
// This work must not change the context of another request.
func TestLeakedContext(t *testing.T) {
	for _, path := range []string{"/api/a", "/other"} {
		var leaked context.Context
		ask, same, pools := false, false, map[*chi.Context]bool{}
		r := chi.NewRouter()
		r.Use(func(next http.Handler) http.Handler { // middleware in front of the guard, in which the other work runs
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				same = same || pools[chi.RouteContext(r.Context())] //nolint:contextcheck // it is read from the request
				pools[chi.RouteContext(r.Context())] = true         //nolint:contextcheck // it is read from the request
				if ask {
					_ = chi.URLParamFromCtx(leaked, "id")
				}
				next.ServeHTTP(w, r)
			})
		}, chibearer.EnforceRoutes(newGuard(t, nil), scopes.Routes{"GET /api/a": scopes.Public(), "GET /api/b/{id}": scopes.Public(), "GET /other": scopes.Public()}))
		leak := func(_ http.ResponseWriter, r *http.Request) { leaked = context.WithoutCancel(r.Context()) } //nolint:fatcontext // the test is about this
		r.Get("/other", leak)
		r.Route("/api", func(r chi.Router) {
			r.Get("/a", leak)
			r.Get("/b/{id}", serves("/api/b/{id}"))
		})
		for range 40 {
			ask = false
			get(r, "GET "+path)
			ask = true
			if got, want := get(r, "GET /api/b/2"), "GET /api/b/{id}"; got != want {
				t.Fatalf("got response %q after a request for %s, want %q", got, path, want)
			}
		}
		if !same {
			t.Error("got no context of chi that two requests had, want one")
		}
	}
}

// TestPatternInFront checks that middleware in front of the guard, for example of a metric,
// can read the pattern from chi's context, and that a request with a time limit changes
// nothing there.
func TestPatternInFront(t *testing.T) {
	for _, row := range []struct {
		path, want string
		limited    bool
	}{
		{"/users/7", "/users/{id}", false},
		{"/users/7", "", true},
		{"/users/", "/users", false},
		{"/files/x", "/files/*", false},
		{"/none", "", false},
		{"/in/7", "/in/{id}", false},
		{"/group/7", "/group/{id}", true}, // chi has found the route before the guard
	} {
		enforce := chibearer.EnforceRoutes(newGuard(t, nil), scopes.Routes{"/users/{id}": scopes.Public(), "/users/": scopes.Public(), "/files/*": scopes.Public(), "/in/{id}": scopes.Public(), "/group/{id}": scopes.Public()})
		got := ""
		r := chi.NewRouter()
		r.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				outer := r
				if row.limited {
					ctx, cancel := context.WithTimeout(r.Context(), time.Hour)
					defer cancel()
					r = r.WithContext(ctx)
				}
				next.ServeHTTP(w, r)
				got = chi.RouteContext(outer.Context()).RoutePattern()
			})
		})
		r.Group(func(r chi.Router) { r.Use(enforce); r.Get("/group/{id}", serves("/group/{id}")) })
		r.Route("/in", func(r chi.Router) { r.Use(enforce); r.Get("/{id}", serves("/in/{id}")) })
		outer := chi.NewRouter()
		outer.Use(r.Middlewares()...)
		outer.Use(enforce)
		outer.Route("/users", func(r chi.Router) { r.Get("/", serves("/users/")); r.Get("/{id}", serves("/users/{id}")) })
		outer.Mount("/files", serves("/files/*"))
		h := http.Handler(outer)
		if row.path == "/in/7" || row.path == "/group/7" {
			h = r
		}
		get(h, "GET "+row.path)
		if got != row.want {
			t.Errorf("got pattern %q for %s (limited: %t), want %q", got, row.path, row.limited, row.want)
		}
	}
}

// TestForgottenRouters checks that the middleware does not keep all routers that used it.
func TestForgottenRouters(t *testing.T) {
	enforce := chibearer.EnforceRoutes(newGuard(t, nil), scopes.Routes{"GET /a": scopes.Public()})
	routers := make([]weak.Pointer[chi.Mux], 300)
	for i := range routers {
		r := chi.NewRouter()
		r.Use(enforce)
		r.Get("/a", serves("/a"))
		if got := get(r, "GET /a"); got != "GET /a" {
			t.Fatalf("got response %q from router %d, want the response of its route", got, i)
		}
		routers[i] = weak.Make(r)
	}
	kept := 0
	for range 4 { // the first collections also empty the pools
		runtime.GC()
	}
	for _, r := range routers {
		if r.Value() != nil {
			kept++
		}
	}
	if kept > 64 {
		t.Errorf("got %d of %d routers in memory, want at most 64", kept, len(routers))
	}
	runtime.KeepAlive(enforce)
}
