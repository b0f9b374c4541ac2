package bearer_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/refusal"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// TestForeignErrors tests that errors whose methods panic, lie or never end are refused as a
// fault of this service, wherever they come from, and that no mode of a rule waives them. The
// result of Decide then wraps no error that can end the process of its caller.
func TestForeignErrors(t *testing.T) {
	issuer := newIssuer(t, "ES256")
	token := []string{"Bearer " + issuer.Token(map[string]any{"scope": "granted"})}
	for name, make := range testkit.HostileErrors() {
		t.Run(name, func(t *testing.T) {
			hostile := make()
			fails := func(context.Context) error { return hostile.Err }
			f := scopes.Func("f", fails)
			plain := newVerifier(t, issuer, nil)
			for _, row := range []struct {
				name string
				v    bearer.Verifier
				rule scopes.Rule
			}{
				{"rule", plain, f},
				{"report-only rule", plain, scopes.ReportOnly(f)},
				{"And", plain, scopes.ReportOnly(scopes.And(scopes.All("x"), f))},
				{"Or", plain, scopes.Optional(scopes.ReportOnly(scopes.Or(scopes.All("x"), f)))},
				{"wrapped", plain, scopes.ReportOnly(scopes.Func("g", func(context.Context) error {
					return &bearer.Error{Reason: bearer.MissingScope, Err: errors.Join(errPlain, hostile.Err)}
				}))},
				{"Config.Validate", newVerifier(t, issuer, func(cfg *bearer.Config) {
					cfg.Validate = func(context.Context, *bearer.Claims) error { return hostile.Err }
				}), scopes.ReportOnly(scopes.All("x"))},
				{"Config.Custom", newVerifier(t, issuer, func(cfg *bearer.Config) {
					cfg.Custom = func([]byte) (any, error) { return nil, hostile.Err }
				}), scopes.All()},
				{"Verifier", testkit.Refuse(hostile.Err), scopes.ReportOnly(scopes.All("x"))},
				{"Verifier, no rule", testkit.Refuse(hostile.Err), scopes.Rule{}},
			} {
				req := bearer.Request{Authorization: token, Rule: row.rule, NoRule: "because"}
				hostile.Calls = 0
				_, err := bearer.Decide(t.Context(), row.v, req)
				if got := reasonOf(t, err); got != bearer.Internal {
					t.Errorf("%s: got the reason %q, want %q", row.name, got, bearer.Internal)
				}
				if hostile.Calls > testkit.MaxHostileCalls {
					t.Errorf("%s: got %d calls of the error's methods, want at most %d", row.name, hostile.Calls, testkit.MaxHostileCalls)
				}
				if hostile.Endless && errors.Is(err, bearer.MissingScope) { // the chain does not end
					t.Errorf("%s: the refusal has a second reason", row.name)
				}
				bearer.Explain(t.Context(), row.v, req)
				_, _ = row.v.Verify(t.Context(), issuer.Token(nil))
			}
		})
	}
}

// TestForeignErrorText tests that an error whose method Error panics ends no request and no
// process, with every observer and logger.
func TestForeignErrorText(t *testing.T) {
	issuer := newIssuer(t, "ES256")
	o, _ := newLog(t, nil)
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Logger, cfg.Observer = slog.New(slog.DiscardHandler), o
		cfg.Validate = func(context.Context, *bearer.Claims) error { return testkit.PanickingTextError{} }
	})
	for _, rule := range []scopes.Rule{scopes.All(), scopes.ReportOnly(scopes.All("x")), {}} {
		req := bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: rule, NoRule: "because"}
		if _, err := bearer.Decide(t.Context(), v, req); err == nil {
			t.Errorf("%v: got no error, want a refusal", rule)
		}
		if x := bearer.Explain(t.Context(), v, req); x.Reason == "" {
			t.Errorf("%v: got an explanation without a reason, want a refusal", rule)
		}
	}
}

// TestNoRuleOfAnotherRule tests that only the rule of the request decides whether the request
// has no rule. A hook or a function of the rule cannot.
func TestNoRuleOfAnotherRule(t *testing.T) {
	issuer := newIssuer(t, "ES256")
	token := []string{"Bearer " + issuer.Token(nil)}
	var none scopes.Rule
	tenant := scopes.Func("tenant", func(ctx context.Context) error { return none.Allow(ctx, scopes.Set{}) })
	plain := newVerifier(t, issuer, nil)
	hook := func(err error) bearer.Verifier {
		return newVerifier(t, issuer, func(cfg *bearer.Config) {
			cfg.Validate = func(context.Context, *bearer.Claims) error { return err }
		})
	}
	_, nested := bearer.Decide(t.Context(), plain, bearer.Request{Authorization: token, NoRule: "nested"})
	for _, row := range []struct {
		name   string
		v      bearer.Verifier
		rule   scopes.Rule
		noRule string
		want   string
	}{
		{"zero Rule", plain, none, "", "forbidden"},
		{"zero Rule with a cause", plain, none, "because", "forbidden"},
		{"zero Rule, hook", hook(bearer.MissingScope), none, "", "forbidden"},
		{"zero Rule, hook, with a cause", hook(bearer.MissingScope), none, "because", "forbidden"},
		{"function", plain, tenant, "", "insufficient_scope"},
		{"Or", plain, scopes.Or(scopes.All("admin"), tenant), "", "insufficient_scope"},
		{"And", plain, scopes.And(scopes.All("admin"), tenant), "", "insufficient_scope"},
		{"hook", hook(&bearer.Error{Reason: bearer.MissingScope, Missing: []string{"admin"}, Err: scopes.ErrNoRule}), scopes.All(), "", "insufficient_scope"},
		{"hook with a denial", hook(&bearer.Error{Reason: bearer.MissingScope, Err: &scopes.DeniedError{Err: scopes.ErrNoRule}}), scopes.All(), "", "insufficient_scope"},
		{"hook with another decision", hook(nested), scopes.All(), "", "insufficient_scope"},
	} {
		_, err := bearer.Decide(t.Context(), row.v, bearer.Request{Authorization: token, Rule: row.rule, NoRule: row.noRule})
		if got := refusal.Of(err); got.Error != row.want {
			t.Errorf("%s: got the code %q for %v, want %q", row.name, got.Error, err, row.want)
		}
		if got := refusal.Of(err).Scopes; (row.name == "Or" || row.name == "And") && len(got) != 1 {
			t.Errorf("%s: got the scopes %q, want admin", row.name, got)
		}
	}
}
