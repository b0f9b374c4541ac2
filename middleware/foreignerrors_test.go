package middleware_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// TestForeignErrors checks that errors whose methods panic, lie or never end get the status
// 500, if a rule returns them and if a program passes them to Deny or Refusal.
func TestForeignErrors(t *testing.T) {
	b := newFixture(t, nil)
	for name, make := range testkit.HostileErrors() {
		hostile := make()
		r := b.request(http.MethodGet, "/", "x")
		rule := scopes.ReportOnly(scopes.Func("f", func(context.Context) error { return hostile.Err }))
		_, err := b.guard.Check(r, rule)
		if got := b.guard.Refusal(r, err).Status; err == nil || got != http.StatusInternalServerError {
			t.Errorf("%s: got %v and status %d, want status 500", name, err, got)
		}
		if w := serve(b.guard.Require(rule)(unreachable(t)), r); w.Code != http.StatusInternalServerError {
			t.Errorf("%s: got status %d from a route, want 500", name, w.Code)
		}
		for _, err := range []error{hostile.Err, errors.Join(errors.New("plain"), hostile.Err)} {
			hostile.Calls = 0
			w := httptest.NewRecorder()
			b.guard.Deny(w, r, err)
			if got := b.guard.Refusal(r, err).Status; w.Code != http.StatusInternalServerError || got != w.Code {
				t.Errorf("%s: got status %d from Deny and %d from Refusal, want 500", name, w.Code, got)
			}
			if hostile.Calls > testkit.MaxHostileCalls {
				t.Errorf("%s: got %d calls of the error's methods, want at most %d", name, hostile.Calls, testkit.MaxHostileCalls)
			}
		}
		// The guard needs only the reason, so it calls no method of the detail.
		for _, err := range []error{
			&bearer.Error{Reason: bearer.MissingScope, Err: hostile.Err},
			errors.Join(&bearer.Error{Reason: bearer.MissingScope, Err: hostile.Err}, &bearer.Error{Reason: bearer.MissingScope, Err: errors.New("plain")}),
		} {
			if got := b.guard.Refusal(r, err).Status; got != http.StatusForbidden {
				t.Errorf("%s: got status %d for the detail of a refusal, want 403", name, got)
			}
		}
	}
}
