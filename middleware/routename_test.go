package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// TestRouteName checks the route that observers receive with Require and RequireAt. Routers such as
// chi set a pattern without the method in the request, and http.ServeMux sets the pattern of the
// declaration.
func TestRouteName(t *testing.T) {
	for _, row := range []struct {
		set      string // the pattern that the router sets in the request
		declared string // the pattern of RequireAt; "" for Require
		method   string
		want     string
	}{
		{"", "", "GET", ""},
		{"", "GET /x/{id}", "GET", "GET /x/{id}"},
		{"/x/{id}", "", "GET", "/x/{id}"},
		{"GET /x/{id}", "", "GET", "GET /x/{id}"},
		{"GET /x/{id}", "GET /x/{id}", "GET", "GET /x/{id}"},
		{"GET /x/{id}", "POST /y", "GET", "GET /x/{id}"},
		{"/x/{id}", "GET /x/{id}", "GET", "GET /x/{id}"},
		{"/x/{id}", "GET /x/{id}", "HEAD", "GET /x/{id}"},
		{"/api/x/{id}", "GET /x/{id}", "GET", "GET /api/x/{id}"}, // the router is mounted
		{"/x/{id}", "GET example.com/x/{id}", "GET", "GET /x/{id}"},
		{"example.com/x", "GET /x", "GET", "GET example.com/x"},
		{"/x/{id}", "/x/{id}", "GET", "/x/{id}"}, // the route has all methods
		{"/x/{id}", "GET /x/{id}", "POST", "/x/{id}"},
		{"/x/{id}", "POST /x/{id}", "HEAD", "/x/{id}"},
		{"/x/{id}", "GET /x/{id}", "get", "/x/{id}"},
		{"/x/{id}", "PROPFIND /x/{id}", "PROPFIND", "PROPFIND /x/{id}"},
		{"/x/{id}", "GET\t/x/{id}", "GET", "GET /x/{id}"},
		{"/x/{id:[a z]+}", "GET /x/{id:[a z]+}", "GET", "GET /x/{id:[a z]+}"},
	} {
		events := new(testkit.Recorder)
		guard := newGuard(t, &middleware.Options{Observer: events})
		require := guard.Require(scopes.All())
		if row.declared != "" {
			require = guard.RequireAt(row.declared, scopes.All())
		}
		r := httptest.NewRequest(http.MethodGet, "/x/7", http.NoBody)
		r.Method, r.Pattern = row.method, row.set
		require(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
		if got := events.Take(); len(got) != 1 || got[0].Route != row.want {
			t.Errorf("%+v: got the events %+v, want one event with the route %q", row, got, row.want)
		}
		if r.Pattern != row.set {
			t.Errorf("%+v: got the pattern %q in the request, want no change", row, r.Pattern)
		}
	}
}
