package bearer_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/scopes"
)

// TestNoRuleIsLogged tests that the log records of Config.Logger and of an observer tell why
// no rule applies, whatever the request is refused for. The reason and the chain of errors
// do not change.
func TestNoRuleIsLogged(t *testing.T) {
	issuer := newIssuer(t, "ES256")
	hookErr := errors.New(strings.Repeat("a hook's text ", 100))
	const why = "the request has no X-Forwarded-Method field"
	for _, row := range []struct {
		name   string
		values []string
		rule   scopes.Rule
		noRule string
		reason bearer.Reason
		want   []string // parts of the log record
		hidden []string // texts that the record must not contain
	}{
		{"valid token", []string{"Bearer " + issuer.Token(nil)}, scopes.Rule{}, why, bearer.MissingScope, []string{"there is no rule: " + why}, []string{"zero Rule"}},
		{"valid token, no text", []string{"Bearer " + issuer.Token(nil)}, scopes.Rule{}, "", bearer.MissingScope, []string{"there is no rule; the zero Rule"}, nil},
		{"valid token, long text", []string{"Bearer " + issuer.Token(nil)}, scopes.Rule{}, strings.Repeat("x", 300), bearer.MissingScope, []string{strings.Repeat("x", 300)}, nil},
		{"valid token, text without a limit", []string{"Bearer " + issuer.Token(nil)}, scopes.Rule{}, strings.Repeat("é", 5000), bearer.MissingScope, []string{strings.Repeat("é", 200)}, []string{strings.Repeat("é", 300)}},
		{"text with control characters", []string{"Bearer " + issuer.Token(nil)}, scopes.Rule{}, "a\x1b[31m\r\nb", bearer.MissingScope, []string{"there is no rule: a [31m ; b"}, []string{"\x1b"}},
		{"no token", nil, scopes.Rule{}, why, bearer.NoToken, []string{"there is no rule: " + why, "the request has no Authorization field"}, nil},
		{"no token, no text", nil, scopes.Rule{}, "", bearer.NoToken, []string{"the request has no Authorization field"}, []string{"no rule"}},
		{"not Bearer", []string{"Basic dXNlcjpwYXNz"}, scopes.Rule{}, why, bearer.NoToken, []string{why, "a scheme other than Bearer"}, nil},
		{"two values", []string{"Bearer a", "Bearer b"}, scopes.Rule{}, why, bearer.InvalidRequest, []string{why, "more than one Authorization value"}, nil},
		{"malformed", []string{"Bearer a"}, scopes.Rule{}, why, bearer.Malformed, []string{why}, nil},
		{"expired", []string{"Bearer " + issuer.Token(map[string]any{"exp": 1})}, scopes.Rule{}, why, bearer.Expired, []string{why, "exp"}, nil},
		{"hook", []string{"Bearer " + issuer.Token(map[string]any{"sub": "banned"})}, scopes.Rule{}, why, bearer.InvalidCustom, []string{why, "a hook's text"}, nil},
		{"panic in a hook", []string{"Bearer " + issuer.Token(map[string]any{"sub": "panic"})}, scopes.Rule{}, why, bearer.Internal, []string{why, "panic: "}, nil},
		{"the route has a rule", nil, scopes.All("x"), why, bearer.NoToken, []string{"no Authorization field"}, []string{why}},
		{"the rule is optional", []string{"Bearer " + issuer.Token(nil)}, scopes.Optional(scopes.All("x")), why, bearer.MissingScope, []string{"missing scope x"}, []string{why}},
	} {
		t.Run(row.name, func(t *testing.T) {
			o, book := newLog(t, nil)
			logger := &logBook{}
			v := newVerifier(t, issuer, func(cfg *bearer.Config) {
				cfg.Observer, cfg.Logger = o, slog.New(slog.NewJSONHandler(logger, nil))
				cfg.Validate = func(_ context.Context, c *bearer.Claims) error {
					switch c.Subject() {
					case "banned":
						return hookErr
					case "panic":
						panic(hookErr)
					}
					return nil
				}
			})
			bearer.ResetLog(false)
			_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: row.values, Rule: row.rule, NoRule: row.noRule})
			if reason := reasonOf(t, err); reason != row.reason || !errors.Is(err, row.reason) {
				t.Fatalf("got %v, want the reason %s", err, row.reason)
			}
			if got, want := errors.Is(err, scopes.ErrNoRule), row.rule.IsZero() && row.reason == bearer.MissingScope; got != want {
				t.Errorf("%v: ErrNoRule in the chain: got %v, want %v", err, got, want)
			}
			if row.reason == bearer.InvalidCustom && !errors.Is(err, hookErr) {
				t.Errorf("got %v, want an error that wraps the error of the hook", err)
			}
			for name, book := range map[string]*logBook{"observer": book, "Config.Logger": logger} {
				records := book.records(t)
				if len(records) != 1 || records[0]["reason"] != string(row.reason) {
					t.Fatalf("%s: got the records %v, want one with the reason %s", name, records, row.reason)
				}
				text, _ := records[0]["error"].(string)
				for _, want := range row.want {
					if !strings.Contains(text, want) {
						t.Errorf("%s: got the text %q, want %q in it", name, text, want)
					}
				}
				for _, hidden := range row.hidden {
					if strings.Contains(text, hidden) {
						t.Errorf("%s: got the text %q, want no %q in it", name, text, hidden)
					}
				}
			}
		})
	}
}
