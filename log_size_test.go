package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/scopes"
)

// TestLogSize tests that no record is larger than 8 KiB, as the guide states. The tokens
// contain long values, and a hook returns a long error.
func TestLogSize(t *testing.T) {
	const most = 8 << 10
	issuer := newIssuer(t, "ES256")
	for _, evil := range []string{"\x00", "\u202e", "\\", `"`, "\n", "\u00e9", "\U000e0001"} {
		long := strings.Repeat(evil, 3000/len(evil))
		evil = long[:240] // The value is short, so that the tokens do not exceed the maximum size.
		for name, handler := range map[string]func(io.Writer) slog.Handler{
			"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
			"JSON": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		} {
			book := &logBook{}
			o, err := bearer.NewLogObserver(slog.New(handler(book)), &bearer.LogOptions{Burst: -1})
			if err != nil {
				t.Fatal(err)
			}
			v := newVerifier(t, issuer, func(cfg *bearer.Config) {
				cfg.Observer = o
				cfg.Custom = func([]byte) (any, error) { return nil, errors.New(long) }
			})
			claims := map[string]any{"jti": evil, "client_id": evil, "sub": evil}
			for _, token := range []string{
				issuer.Token(claims),
				issuer.Mint(map[string]any{"kid": evil, "typ": evil}, claims),
				issuer.Mint(map[string]any{"kid": evil}, map[string]any{"jti": evil, "client_id": evil, "aud": []string{evil, evil, evil}}),
			} {
				if _, err := v.Verify(t.Context(), token); err == nil {
					t.Fatal("the verifier accepted the token, want a refusal")
				}
			}
			records := strings.Split(strings.TrimSuffix(book.String(), "\n"), "\n")
			if len(records) != 3 || strings.Contains(book.String(), "malformed") {
				t.Errorf("%s: got %d records, want 3 records, each with a reason other than malformed:\n%s", name, len(records), book)
			}
			for _, record := range records {
				if len(record) > most {
					t.Errorf("%s, %.6q: got a record of %d bytes, want at most %d", name, evil, len(record), most)
				}
			}
		}
	}
}

// TestConfigLoggerRuleTexts tests that the log contains the whole text of a refusal by a rule of
// this package, and of a rule with a mistake. The log contains at most 128 bytes of the error of
// a function that a user wrote, even if the function wraps an error of this package.
func TestConfigLoggerRuleTexts(t *testing.T) {
	role := bearer.HasRole("administrator-of-all-deployments-in-every-region-of-the-company")
	long := strings.Repeat("q", 200)
	with := func(text string, rule scopes.Rule) scopes.Rule {
		return scopes.Func("wrapper", func(ctx context.Context) error {
			return fmt.Errorf("%s: %w", text, rule.Allow(ctx, scopes.Set{}))
		})
	}
	for _, tt := range []struct {
		name  string
		rule  scopes.Rule
		whole bool
	}{
		{"role", role, true},
		{"scope or role", scopes.Or(scopes.All("deployments:write", "deployments:delete"), role), true},
		{"client, role and claim", scopes.And(bearer.ClientIs(long), role, bearer.ClaimEquals("region", long)), true},
		{"rule with two mistakes", scopes.And(scopes.Any(), bearer.ClientIs()), true},
		{"function of a user", scopes.Func("echo", func(context.Context) error { return errors.New(long) }), false},
		{"function of a user that wraps a rule of this package", with(long, role), false},
		{"function of a user that joins errors", scopes.Func("joiner", func(ctx context.Context) error {
			return errors.Join(role.Allow(ctx, scopes.Set{}), errors.New(long))
		}), false},
		{"function of a user and a role", scopes.And(role, with(long, role)), false},
	} {
		synctest.Test(t, func(t *testing.T) {
			bearer.ResetLog(false)
			v, book, token := refusalLog(t, nil)
			_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token(nil)}, Rule: tt.rule})
			refusal, ok := errors.AsType[*bearer.Error](err)
			if !ok {
				t.Fatalf("%s: got error %v, want a *bearer.Error", tt.name, err)
			}
			want := strings.ReplaceAll(refusal.Err.Error(), "\n", "; ")
			if len(want) <= 128 {
				t.Fatalf("%s: got a text of %d bytes, want a text of more than 128 bytes", tt.name, len(want))
			}
			if !tt.whole {
				want = want[:128]
			}
			if got := book.records(t)[0]["error"]; got != want {
				t.Errorf("%s: got the logged error\n%q, want\n%q", tt.name, got, want)
			}
		})
	}
}
