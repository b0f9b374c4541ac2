package bearer_test

import (
	"context"
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

// TestAddedCheck adds a check to the table of checks, and changes no other code. The check
// depends on the time. It must run for new tokens, for cached tokens and in Explain.
func TestAddedCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closing := time.Now().Add(2 * time.Minute)
		bearer.AddCheck(t, "opening hours", func(now time.Time) bool { return now.After(closing) })
		issuer, events := newIssuer(t, "EdDSA"), &testkit.Recorder{}
		v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Observer = events })
		token := issuer.Token(nil)
		for _, want := range []string{"ok", "ok, cached"} {
			if got := verifyOnce(t, v, events, token); got != want {
				t.Errorf("before the check fails: got %q, want %q", got, want)
			}
		}
		time.Sleep(3 * time.Minute)
		for _, name := range []string{"cached token", "cached token in a second request"} {
			if got := verifyOnce(t, v, events, token); got != "revoked" {
				t.Errorf("%s: got outcome %q, want \"revoked\"", name, got)
			}
		}
		if got := verifyOnce(t, v, events, issuer.Token(nil)); got != "revoked" {
			t.Errorf("new token: got %q, want \"revoked\"", got)
		}
		x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All()})
		i := slices.IndexFunc(x.Checks, func(c bearer.CheckResult) bool { return c.Name == "opening hours" })
		if i < 0 || x.Checks[i].State != "failed" || x.Checks[i].Want != "a wanted time" || x.Reason != bearer.Revoked {
			t.Errorf("got explanation %+v, want an explanation that contains the failed check and the texts of the check", x)
		}
	})
}

// TestAddedCheckInSharedVerification adds a check that starts to fail during a verification
// that two requests share. For the request that waited, the check must run a second time,
// with the later time.
func TestAddedCheckInSharedVerification(t *testing.T) {
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
			t.Errorf("waiting request: got error %v, want reason %q", err, bearer.Revoked)
		}
		if err := <-first; err != nil {
			t.Errorf("first request: got error %v, want none, because the request passed the check in time", err)
		}
	})
}

// TestCheckTable tests that every check has a unique name, a section, exactly one function
// and all its texts.
func TestCheckTable(t *testing.T) {
	for _, fault := range bearer.CheckFaults() {
		t.Error(fault)
	}
}

// TestCheckTexts explains several tokens. Together, the explanations must contain every
// check. Each check must have all texts.
func TestCheckTexts(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, nil)
	foreign := bearer.VerifierFunc(v.Verify)
	bound := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Bindings = []bearer.Binding{{Member: "key", Scheme: "Key", Check: func(context.Context, bearer.Proof) error { return nil }}}
	})
	left := bearer.CheckNames()
	for name, x := range map[string]*bearer.Explanation{
		"valid token":                 explained(t, v, issuer.Token(map[string]any{"scope": "a"})),
		"invalid token":               explained(t, v, issuer.Forge(map[string]any{"typ": "JWT"}, map[string]any{"exp": 1, "nbf": int64(1) << 40, "aud": 1, "cnf": raw(`{"jkt":"x"}`)})),
		"verifier of another package": explained(t, foreign, issuer.Token(map[string]any{"exp": 1})),
		"no token":                    explained(t, v, ""),
		"bound token":                 explained(t, bound, issuer.Token(map[string]any{"cnf": raw(`{"key":"x"}`)})),
	} {
		for _, c := range x.Checks {
			left = slices.DeleteFunc(left, func(other string) bool { return other == c.Name })
			if c.Name == "" || c.Section == "" || c.Want == "" || c.Got == "" || (c.State == "failed") != (c.Advice != "" && c.Reason != "") {
				t.Errorf("%s: got check %+v, want a check with all texts", name, c)
			}
		}
	}
	if len(left) > 0 {
		t.Errorf("no explanation contains the checks %q, want each check in at least one explanation", left)
	}
}

func explained(t *testing.T, v bearer.Verifier, token string) *bearer.Explanation {
	t.Helper()
	return bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All("a")})
}

// TestChecksReadNoClock tests that the functions of the table use their time argument and do
// not read the clock. A function that runs once for each token has no time argument,
// because the cache stores the result of the function.
func TestChecksReadNoClock(t *testing.T) {
	source, err := os.ReadFile("claimchecks.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, clock := range []string{"time.Now", "time.Since", "time.Until"} {
		if strings.Contains(string(source), clock) {
			t.Errorf("claimchecks.go contains %s, want no function that reads the clock", clock)
		}
	}
}
