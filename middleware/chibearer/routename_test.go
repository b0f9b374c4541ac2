package chibearer_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware/chibearer"
	"github.com/bearerkit/bearer/scopes"
)

// TestRouteName checks the route that observers receive, with each way to declare a rule in chi.
// Only Require has no pattern, so its route is the pattern of chi, which has no method.
func TestRouteName(t *testing.T) {
	events := new(testkit.Recorder)
	_, guard := routertest.NewGuard(t, events)
	never := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("got a call of a handler, want a refusal") })
	r := chi.NewRouter()
	r.With(guard.RequireAt("POST /at/{id}", scopes.All())).Method(http.MethodPost, "/at/{id}", never)
	guard.Handle(r, "GET /handle/{id}", scopes.All(), never)
	guard.Handle(r, "/all/{id}", scopes.All(), never)
	r.With(guard.Require(scopes.All())).Get("/require/{id}", never)
	r.Route("/mounted/{tenant}", func(r chi.Router) {
		guard.Handle(r, "DELETE /handle/{id}", scopes.All(), never)
		r.With(guard.RequireAt("PATCH /at/{id}", scopes.All())).Patch("/at/{id}", never)
	})
	r.Group(func(r chi.Router) {
		r.Route("/listed", func(r chi.Router) {
			r.Use(chibearer.EnforceRoutes(guard, scopes.Routes{"PUT /listed/{id}": scopes.All()}))
			r.Put("/{id}", never)
		})
	})
	for _, row := range []struct{ method, path, want string }{
		{"POST", "/at/7", "POST /at/{id}"},
		{"GET", "/handle/7", "GET /handle/{id}"},
		{"GET", "/all/7", "/all/{id}"},
		{"DELETE", "/all/7", "/all/{id}"},
		{"GET", "/require/7", "/require/{id}"},
		{"DELETE", "/mounted/t/handle/7", "DELETE /mounted/{tenant}/handle/{id}"},
		{"PATCH", "/mounted/t/at/7", "PATCH /mounted/{tenant}/at/{id}"},
		{"PUT", "/listed/7", "PUT /listed/{id}"},
	} {
		r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(row.method, row.path, http.NoBody))
		if got := events.Take(); len(got) != 1 || got[0].Route != row.want {
			t.Errorf("%s %s: got the events %+v, want one event with the route %q", row.method, row.path, got, row.want)
		}
	}
}
