package bearer_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// TestAddedCheck adds a row that depends on the time to the table, and nothing else. The
// row must be asked of new tokens, of remembered tokens, of tokens whose verification a
// concurrent request shares, and by Explain.
func TestAddedCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closing := time.Now().Add(2 * time.Minute)
		bearer.AddCheck(t, "opening hours", func(now time.Time) bool { return now.After(closing) })
		issuer, events := newIssuer(t, "EdDSA"), &testkit.Recorder{}
		v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Observer = events })
		token := issuer.Token(nil)
		for _, want := range []string{"ok", "ok, known"} {
			if got := seen(t, v, events, token); got != want {
				t.Errorf("before: got %s, want %s", got, want)
			}
		}
		time.Sleep(3 * time.Minute)
		for _, name := range []string{"remembered", "remembered, again"} {
			if got := seen(t, v, events, token); got != "revoked" {
				t.Errorf("%s: got %s, want revoked", name, got)
			}
		}
		if got := seen(t, v, events, issuer.Token(nil)); got != "revoked" {
			t.Errorf("a new token: got %s, want revoked", got)
		}
		x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All()})
		i := slices.IndexFunc(x.Checks, func(c bearer.CheckResult) bool { return c.Name == "opening hours" })
		if i < 0 || x.Checks[i].State != "failed" || x.Checks[i].Want != "a wanted time" || x.Reason != bearer.Revoked {
			t.Errorf("got %+v, want the row and its words", x)
		}
	})
}

// TestAddedCheckShared has the row fail while a concurrent request verifies the token: the
// request that waited is judged by the time at which it continues.
func TestAddedCheckShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closing := time.Now().Add(2 * time.Minute)
		bearer.AddCheck(t, "opening hours", func(now time.Time) bool { return now.After(closing) })
		issuer := newIssuer(t, "EdDSA")
		v := newVerifier(t, issuer, func(cfg *bearer.Config) {
			cfg.Custom = func([]byte) (any, error) { time.Sleep(3 * time.Minute); return 1, nil }
		})
		token, first := issuer.Token(nil), make(chan error)
		go func() {
			_, err := v.Verify(t.Context(), token)
			first <- err
		}()
		synctest.Wait()
		if _, err := v.Verify(t.Context(), token); reasonOf(t, err) != bearer.Revoked {
			t.Errorf("the request that waited: got %v, want revoked", err)
		}
		if err := <-first; err != nil {
			t.Errorf("the first request: got %v, want none: it passed the row in time", err)
		}
	})
}

// TestCheckTable requires every row to have a name of its own, a source, one function and
// all its words.
func TestCheckTable(t *testing.T) {
	for _, fault := range bearer.CheckFaults() {
		t.Error(fault)
	}
}

// TestCheckWords requires every row to say something of a good token and of a bad one. The
// explanations together contain every row.
func TestCheckWords(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, nil)
	foreign := bearer.VerifierFunc(v.Verify)
	left := bearer.CheckNames()
	for name, x := range map[string]*bearer.Explanation{
		"good":    explained(t, v, issuer.Token(map[string]any{"scope": "a"})),
		"bad":     explained(t, v, issuer.Forge(map[string]any{"typ": "JWT"}, map[string]any{"exp": 1, "nbf": int64(1) << 40, "aud": 1, "cnf": raw(`{"jkt":"x"}`)})),
		"foreign": explained(t, foreign, issuer.Token(map[string]any{"exp": 1})),
		"none":    explained(t, v, ""),
	} {
		for _, c := range x.Checks {
			left = slices.DeleteFunc(left, func(other string) bool { return other == c.Name })
			if c.Name == "" || c.Section == "" || c.Want == "" || c.Got == "" || (c.State == "failed") != (c.Advice != "" && c.Reason != "") {
				t.Errorf("%s: got %+v, want all words", name, c)
			}
		}
	}
	if len(left) > 0 {
		t.Errorf("no explanation has the rows %q", left)
	}
}

func explained(t *testing.T, v bearer.Verifier, token string) *bearer.Explanation {
	t.Helper()
	return bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All("a")})
}

// TestOnceReadsNoClock requires the functions of the table to get the time and not to read
// it: the verdict of a row that is asked once is remembered.
func TestOnceReadsNoClock(t *testing.T) {
	source, err := os.ReadFile("claimchecks.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, clock := range []string{"time.Now", "time.Since", "time.Until"} {
		if strings.Contains(string(source), clock) {
			t.Errorf("claimchecks.go reads the clock by %s, want the time that the verdict gives", clock)
		}
	}
}
