package bearer_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// states returns the checks of these names, each with its state and reason.
func states(x *bearer.Explanation, names ...string) string {
	var parts []string
	for _, c := range x.Checks {
		if slices.Contains(names, c.Name) {
			parts = append(parts, strings.TrimSpace(c.Name+" "+c.State+" "+string(c.Reason)))
		}
	}
	return strings.Join(parts, ", ")
}

// TestExplainModes wants what a mode waives told as that.
func TestExplainModes(t *testing.T) {
	issuer := newIssuer(t, "ES256")
	v := newVerifier(t, issuer, nil)
	token := []string{"Bearer " + issuer.Token(map[string]any{"scope": "read"})}
	expired := []string{"Bearer " + issuer.Token(map[string]any{"scope": "read", "exp": time.Now().Add(-time.Hour)})}
	for _, row := range []struct {
		name   string
		sent   []string
		rule   scopes.Rule
		reason bearer.Reason
		want   string
	}{
		{"good", token, scopes.All("read"), "", "credentials passed, rule passed"},
		{"on trial", token, scopes.ReportOnly(scopes.All("write")), "", "credentials passed, rule waived scope"},
		{"on trial, but expired", expired, scopes.ReportOnly(scopes.All("write")), "expired", "credentials passed, rule waived scope"},
		{"optional and not there", nil, scopes.Optional(scopes.All("write")), "", "credentials waived no_token"},
		{"optional and wrong", token, scopes.Optional(scopes.All("write")), "scope", "credentials passed, rule failed scope"},
		{"not there", nil, scopes.All(), "no_token", "credentials failed no_token"},
		{"twice there", append(token, token...), scopes.All(), "request", "credentials failed request"},
		{"public", nil, scopes.Public(), "", "rule passed"},
		{"no rule", token, scopes.Rule{}, "scope", "credentials passed, rule failed scope"},
		{"a rule that cannot work", token, scopes.Any(), "internal", "credentials passed, rule failed internal"},
		{"a function", token, scopes.Func("f", func(context.Context) error { return bearer.Revoked }), "revoked", "credentials passed, rule failed revoked"},
		{"a function that panics", token, scopes.Func("f", func(context.Context) error { panic("no") }), "internal", "credentials passed, rule failed internal"},
	} {
		x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: row.sent, Rule: row.rule})
		if got := states(x, "credentials", "rule"); x.Reason != row.reason || got != row.want {
			t.Errorf("%s: got %q, %s, want %q, %s", row.name, x.Reason, got, row.reason, row.want)
		}
	}
}

// TestExplainHooks wants hooks asked about tokens that are genuine and no others,
// and observers told nothing.
func TestExplainHooks(t *testing.T) {
	issuer := newIssuer(t, "ES256")
	asked := map[string]int{}
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Observer = bearer.ObserverFunc(func(context.Context, bearer.Event) { t.Error("got an observer told") })
		cfg.Custom = func([]byte) (any, error) { asked["custom"]++; return 1, nil }
		cfg.Validate = func(_ context.Context, c *bearer.Claims) error {
			asked["validate"]++
			if c.Subject() == "panic" {
				panic("no")
			}
			return errors.New("not today")
		}
	})
	function := scopes.Func("f", func(context.Context) error { asked["rule"]++; return nil })
	for _, row := range []struct {
		name, token string
		want        string
		asked       bool
	}{
		{"genuine", issuer.Token(nil), "custom claims passed, validation failed custom, rule passed", true},
		{"expired", issuer.Token(map[string]any{"exp": 1}), "custom claims passed, validation failed custom, rule passed", true},
		{"panic", issuer.Token(map[string]any{"sub": "panic"}), "custom claims passed, validation failed internal, rule passed", true},
		{"forged", issuer.Forge(nil, nil), "custom claims skipped, validation skipped, rule skipped", false},
		{"unknown key", issuer.Mint(map[string]any{"kid": "x"}, nil), "custom claims skipped, validation skipped, rule skipped", false},
	} {
		clear(asked)
		x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + row.token}, Rule: function})
		if got := states(x, "custom claims", "validation", "rule"); got != row.want || (len(asked) == 3) != row.asked || (len(asked) == 0) == row.asked {
			t.Errorf("%s: got %s and hooks asked %v, want %s and %v", row.name, got, asked, row.want, row.asked)
		}
	}
}

// TestExplainIssuers wants a token explained by the verifier of its issuer, and one
// of nobody by the list of those that there are.
func TestExplainIssuers(t *testing.T) {
	issuer := newIssuer(t, "ES256")
	cfg := testkit.Config(t, issuer)
	var issuers bearer.Issuers
	defer issuers.Close()
	for _, name := range []string{issuer.URL(), "https://b.example"} {
		cfg.Issuer = name
		if err := issuers.Add(cfg); err != nil {
			t.Fatal(err)
		}
	}
	explain := func(claims map[string]any) *bearer.Explanation {
		return bearer.Explain(t.Context(), &issuers, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(claims)}, Rule: scopes.All()})
	}
	if x := explain(nil); x.Reason != "" || x.Issuer != issuer.URL() || len(x.Checks) < 20 {
		t.Errorf("got %v, want it let through by the checks of its issuer", x)
	}
	x := explain(map[string]any{"iss": "https://c.example"})
	last := x.Checks[len(x.Checks)-1]
	if x.Reason != bearer.WrongIssuer || last.Name != "issuer" || last.Want != `iss one of "https://b.example", "https://issuer.example"` || last.Got != `iss "https://c.example"` {
		t.Errorf("got %q, %+v, want the issuers that there are", x.Reason, last)
	}
}

// brokenKeys is a KeySet that panics.
type brokenKeys struct{ bearer.KeySet }

// TestExplainPanics wants a fault of somebody's KeySet to be one more check, and no
// end of whoever asks.
func TestExplainPanics(t *testing.T) {
	issuer := newIssuer(t, "ES256")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Keys = brokenKeys{} })
	for _, v := range []bearer.Verifier{v, new(bearer.JWTVerifier)} {
		x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All()})
		last := x.Checks[len(x.Checks)-1]
		if got := states(x, "credentials", "verifier"); x.Reason != bearer.Internal || got != "credentials passed, verifier failed internal" || !strings.HasPrefix(last.Got, "panic: ") {
			t.Errorf("got %q, %s, %q, want the panic told", x.Reason, got, last.Got)
		}
	}
}

// TestExplainForeign wants the verdict of somebody else's verifier explained as far
// as it can be.
func TestExplainForeign(t *testing.T) {
	v := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, bearer.Revoked })
	x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer opaque"}, Rule: scopes.All()})
	if got := states(x, "credentials", "verifier"); x.Reason != bearer.Revoked || got != "credentials passed, verifier failed revoked" {
		t.Errorf("got %q, %s", x.Reason, got)
	}
	own := newVerifier(t, newIssuer(t), nil)
	v = func(ctx context.Context, token string) (*bearer.Claims, error) { return own.Verify(ctx, token) }
	x = bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer a.b.c"}, Rule: scopes.All()})
	if x.Reason != bearer.Malformed {
		t.Errorf("got %q, want %q", x.Reason, bearer.Malformed)
	}
	issuer := newIssuer(t)
	own = newVerifier(t, issuer, nil)
	x = bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All("read")})
	if got := states(x, "verifier", "rule"); x.Reason != bearer.MissingScope || got != "verifier passed, rule failed scope" {
		t.Errorf("got %q, %s", x.Reason, got)
	}
}

// TestExplainKeys wants keys named, with their age, and our side's fault told as
// that.
func TestExplainKeys(t *testing.T) {
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: "https://issuer.example", Audience: []string{audience}, Algorithms: []string{"ES256"}})
	defer issuer.Close()
	cache, err := jwks.New(issuer.KeysURL(), &jwks.Options{Transport: issuer.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	if err := cache.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	explain := func(token string, keys bearer.KeySet) bearer.CheckResult {
		v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Keys = keys })
		x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All()})
		for _, c := range x.Checks {
			if c.Name == "key" {
				return c
			}
		}
		t.Fatalf("got no check of the key in\n%s", x)
		return bearer.CheckResult{}
	}
	old := issuer.SigningKey("").ID()
	issuer.Rotate()
	for _, id := range []string{old, issuer.SigningKey("").ID()} {
		c := explain(issuer.Mint(map[string]any{"kid": id}, nil), cache)
		if c.State != "passed" || !strings.Contains(c.Got, `"`+id+`"`) || !strings.Contains(c.Got, "fetched ") {
			t.Errorf("%s: got %+v, want it found and named", id, c)
		}
	}
	issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Status: http.StatusInternalServerError})
	down, err := jwks.New(issuer.KeysURL(), &jwks.Options{Transport: issuer.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	defer down.Close()
	_ = down.Refresh(t.Context())
	if c := explain(issuer.Token(nil), down); c.Reason != bearer.KeysUnavailable || c.Got != "there are no keys" || !strings.HasPrefix(c.Advice, "This service is at fault") {
		t.Errorf("got %+v, want this service's fault", c)
	}
}
