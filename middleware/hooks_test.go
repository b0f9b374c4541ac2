package middleware_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// These types are custom claims with methods that panic.
type (
	badUnmarshal struct{}
	badValidate  struct{}
	badClone     struct{ Names []string }
)

func (*badUnmarshal) UnmarshalJSON([]byte) error { panic("secret") }
func (badValidate) Validate() error              { panic("secret") }
func (badClone) Clone() badClone                 { panic("secret") }

// TestHooksPanic checks that the guard answers 500 and does not call the handler if a hook
// of the user panics. The next request must get the same answer.
func TestHooksPanic(t *testing.T) {
	issuer := testkit.NewIssuer(t, "EdDSA")
	for _, row := range []struct {
		name string
		hook func(cfg *bearer.Config)
		rule scopes.Rule
	}{
		{"Custom panics", func(cfg *bearer.Config) { cfg.Custom = func([]byte) (any, error) { panic("secret") } }, scopes.All()},
		{"UnmarshalJSON panics", func(cfg *bearer.Config) { cfg.Custom = bearer.JSON[badUnmarshal] }, scopes.All()},
		{"Validate of the custom claims panics", func(cfg *bearer.Config) { cfg.Custom = bearer.JSON[badValidate] }, scopes.All()},
		{"Clone panics", func(cfg *bearer.Config) { cfg.Custom = bearer.JSON[badClone] }, scopes.All()},
		{"Config.Validate panics", func(cfg *bearer.Config) {
			cfg.Validate = func(context.Context, *bearer.Claims) error { panic("secret") }
		}, scopes.All()},
		{"Observer panics", func(cfg *bearer.Config) {
			cfg.Observer = bearer.ObserverFunc(func(context.Context, bearer.Event) { panic("secret") })
		}, scopes.All()},
		{"function in a rule panics", nil, scopes.Func("panics", func(context.Context) error { panic("secret") })},
		{"function in a report-only rule panics", nil, scopes.ReportOnly(scopes.Func("panics", func(context.Context) error { panic("secret") }))},
		{"function in Or panics", nil, scopes.Or(scopes.Func("panics", func(context.Context) error { panic("secret") }), scopes.All())},
	} {
		guard, err := middleware.New(testkit.NewVerifier(t, issuer, row.hook), nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+issuer.Token(nil))
		for range 2 { // the second request may find the token in the cache
			w := serve(guard.Require(row.rule)(unreachable(t)), r)
			if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%s: got status %d and body %s, want status 500 and a body without the text of the panic", row.name, w.Code, w.Body)
			}
		}
	}
}
