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

// states returns the checks with these names, each with its state and reason.
func states(x *bearer.Explanation, names ...string) string {
	var parts []string
	for _, c := range x.Checks {
		if slices.Contains(names, c.Name) {
			parts = append(parts, strings.TrimSpace(c.Name+" "+c.State+" "+string(c.Reason)))
		}
	}
	return strings.Join(parts, ", ")
}

// TestExplainModes tests that a check has the state "waived" if the rule's mode ignores its
// failure.
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
		{"satisfied rule", token, scopes.All("read"), "", "credentials passed, rule passed"},
		{"report-only rule, missing scope", token, scopes.ReportOnly(scopes.All("write")), "", "credentials passed, rule waived scope"},
		{"report-only rule, expired token", expired, scopes.ReportOnly(scopes.All("write")), "expired", "credentials passed, rule waived scope"},
		{"optional rule, request without a token", nil, scopes.Optional(scopes.All("write")), "", "credentials waived no_token"},
		{"optional rule, missing scope", token, scopes.Optional(scopes.All("write")), "scope", "credentials passed, rule failed scope"},
		{"no token", nil, scopes.All(), "no_token", "credentials failed no_token"},
		{"two Authorization fields", append(token, token...), scopes.All(), "request", "credentials failed request"},
		{"public rule, request without a token", nil, scopes.Public(), "", "rule passed"},
		{"zero rule", token, scopes.Rule{}, "scope", "credentials passed, rule failed scope"},
		{"invalid rule", token, scopes.Any(), "internal", "credentials passed, rule failed internal"},
		{"function returns a reason", token, scopes.Func("f", func(context.Context) error { return bearer.Revoked }), "revoked", "credentials passed, rule failed revoked"},
		{"function panics", token, scopes.Func("f", func(context.Context) error { panic("no") }), "internal", "credentials passed, rule failed internal"},
	} {
		x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: row.sent, Rule: row.rule})
		if got := states(x, "credentials", "rule"); x.Reason != row.reason || got != row.want {
			t.Errorf("%s: got reason %q and checks %q, want reason %q and checks %q", row.name, x.Reason, got, row.reason, row.want)
		}
	}
}

// TestExplainNoRule tests that the explanation of a request without a rule names the cause,
// whatever else is wrong with the request.
func TestExplainNoRule(t *testing.T) {
	issuer := newIssuer(t, "ES256")
	v := newVerifier(t, issuer, nil)
	foreign := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, bearer.Expired })
	const why = `no pattern of the table matches GET "/x"`
	for _, row := range []struct {
		name     string
		verifier bearer.Verifier
		sent     []string
		noRule   string
		reason   bearer.Reason
		got      string
	}{
		{"valid token", v, []string{"Bearer " + issuer.Token(nil)}, why, bearer.MissingScope, "there is no rule: " + why},
		{"valid token, no text", v, []string{"Bearer " + issuer.Token(nil)}, "", bearer.MissingScope, "there is no rule"},
		{"no token", v, nil, why, bearer.NoToken, "there is no rule: " + why},
		{"malformed token", v, []string{"Bearer x"}, why, bearer.Malformed, "there is no rule: " + why},
		{"claims of wrong types", v, []string{"Bearer " + issuer.Token(map[string]any{"exp": "never"})}, why, bearer.InvalidClaims, "there is no rule: " + why},
		{"unknown issuer", v, []string{"Bearer " + issuer.Token(map[string]any{"iss": "https://x.example"})}, why, bearer.WrongIssuer, "there is no rule: " + why},
		{"verifier of another package", foreign, []string{"Bearer x"}, why, bearer.Expired, "there is no rule: " + why},
	} {
		x := bearer.Explain(t.Context(), row.verifier, bearer.Request{Authorization: row.sent, NoRule: row.noRule})
		last := x.Checks[len(x.Checks)-1]
		if x.Reason != row.reason || last.Name != "rule" || last.Got != row.got || last.Want != "a rule" || last.Reason != bearer.MissingScope || !strings.Contains(last.Advice, "no scope helps") {
			t.Errorf("%s: got reason %q and last check %+v, want reason %q and a failed check of the rule with %q", row.name, x.Reason, last, row.reason, row.got)
		}
		if row.noRule != "" && !strings.Contains(x.Detail, row.got) {
			t.Errorf("%s: got the detail %q, want %q in it", row.name, x.Detail, row.got)
		}
	}
}

// TestExplainHooks tests that Explain calls hooks only for tokens with a valid signature
// and never calls an observer.
func TestExplainHooks(t *testing.T) {
	issuer := newIssuer(t, "ES256")
	called := map[string]int{}
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Observer = bearer.ObserverFunc(func(context.Context, bearer.Event) { t.Error("got a call of the observer, want none") })
		cfg.Custom = func([]byte) (any, error) { called["custom"]++; return 1, nil }
		cfg.Validate = func(_ context.Context, c *bearer.Claims) error {
			called["validate"]++
			if c.Subject() == "panic" {
				panic("no")
			}
			return errors.New("the client is blocked")
		}
	})
	function := scopes.Func("f", func(context.Context) error { called["rule"]++; return nil })
	for _, row := range []struct {
		name, token string
		want        string
		hooks       int // number of hooks that Explain must call
	}{
		{"valid token", issuer.Token(nil), "custom claims passed, validation failed custom, rule passed", 3},
		{"expired token", issuer.Token(map[string]any{"exp": 1}), "custom claims passed, validation failed custom, rule passed", 3},
		{"Validate panics", issuer.Token(map[string]any{"sub": "panic"}), "custom claims passed, validation failed internal, rule passed", 3},
		{"forged token", issuer.Forge(nil, nil), "custom claims skipped, validation skipped, rule skipped", 0},
		{"token with an unknown kid", issuer.Mint(map[string]any{"kid": "x"}, nil), "custom claims skipped, validation skipped, rule skipped", 0},
	} {
		clear(called)
		x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + row.token}, Rule: function})
		if got := states(x, "custom claims", "validation", "rule"); got != row.want || len(called) != row.hooks {
			t.Errorf("%s: got checks %q and calls of %d hooks, want checks %q and calls of %d hooks", row.name, got, len(called), row.want, row.hooks)
		}
	}
}

// TestExplainIssuers tests that Issuers explains a token with the verifier of its issuer,
// and that the explanation of a token of an unknown issuer lists the known issuers.
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
		t.Errorf("got explanation %v, want the checks of the token's issuer and no reason", x)
	}
	x := explain(map[string]any{"iss": "https://c.example"})
	last := x.Checks[len(x.Checks)-1]
	if x.Reason != bearer.WrongIssuer || last.Name != "issuer" || last.Want != `iss one of "https://b.example", "https://issuer.example"` || last.Got != `iss "https://c.example"` {
		t.Errorf("got reason %q and check %+v, want reason %q and a check with both known issuers", x.Reason, last, bearer.WrongIssuer)
	}
}

// brokenKeys is a KeySet whose methods panic.
type brokenKeys struct{ bearer.KeySet }

// TestExplainPanics tests that Explain reports a panic of the KeySet or the verifier as a
// failed check and does not panic itself.
func TestExplainPanics(t *testing.T) {
	issuer := newIssuer(t, "ES256")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Keys = brokenKeys{} })
	for _, v := range []bearer.Verifier{v, new(bearer.JWTVerifier)} {
		x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All()})
		last := x.Checks[len(x.Checks)-1]
		if got := states(x, "credentials", "verifier"); x.Reason != bearer.Internal || got != "credentials passed, verifier failed internal" || !strings.HasPrefix(last.Got, "panic: ") {
			t.Errorf("got reason %q, checks %q and value %q, want reason internal and the text of the panic", x.Reason, got, last.Got)
		}
	}
}

// TestExplainForeign explains verdicts of Verifiers of other packages. The explanation must
// contain only the checks of Decide and the result of the verifier.
func TestExplainForeign(t *testing.T) {
	v := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, bearer.Revoked })
	x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer opaque"}, Rule: scopes.All()})
	if got := states(x, "credentials", "verifier"); x.Reason != bearer.Revoked || got != "credentials passed, verifier failed revoked" {
		t.Errorf("got reason %q and checks %q, want reason %q from the verifier", x.Reason, got, bearer.Revoked)
	}
	own := newVerifier(t, newIssuer(t), nil)
	v = func(ctx context.Context, token string) (*bearer.Claims, error) { return own.Verify(ctx, token) }
	x = bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer a.b.c"}, Rule: scopes.All()})
	if x.Reason != bearer.Malformed {
		t.Errorf("got reason %q, want %q", x.Reason, bearer.Malformed)
	}
	issuer := newIssuer(t)
	own = newVerifier(t, issuer, nil)
	x = bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All("read")})
	if got := states(x, "verifier", "rule"); x.Reason != bearer.MissingScope || got != "verifier passed, rule failed scope" {
		t.Errorf("got reason %q and checks %q, want reason %q from the rule", x.Reason, got, bearer.MissingScope)
	}
}

// TestExplainKeys tests that Explain names the key and the time since the key was fetched.
// If there are no keys, Explain must report a fault of this service.
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
		t.Fatalf("there is no check \"key\", want one in\n%s", x)
		return bearer.CheckResult{}
	}
	old := issuer.SigningKey("").ID()
	issuer.Rotate()
	for _, id := range []string{old, issuer.SigningKey("").ID()} {
		c := explain(issuer.Mint(map[string]any{"kid": id}, nil), cache)
		if c.State != "passed" || !strings.Contains(c.Got, `"`+id+`"`) || !strings.Contains(c.Got, "fetched ") {
			t.Errorf("%s: got check %+v, want a passed check that names the key", id, c)
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
		t.Errorf("got check %+v, want a check that reports a fault of this service", c)
	}
}

// TestExplainWithoutIssuedAt explains a token without "iat". The lifetime and the age of such
// a token are unknown, so the checks of Config.MaxLifetime and Config.MaxAge must report the
// missing "iat".
func TestExplainWithoutIssuedAt(t *testing.T) {
	issuer := newIssuer(t, "ES256")
	token := issuer.Token(map[string]any{"iat": nil})
	for _, row := range []struct {
		maxLifetime, maxAge time.Duration
		want                string
	}{
		{0, 0, "lifetime passed: no limit, want any; age passed: no limit, want any; "},
		{time.Hour, 0, "lifetime failed: no iat, want exp at most 1h0m0s after iat; age passed: no limit, want any; "},
		{0, time.Hour, "lifetime failed: no iat, want iat, because Config.MaxAge is set; age failed: no iat, want iat within the last 1h0m0s; "},
	} {
		v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.MaxLifetime, cfg.MaxAge = row.maxLifetime, row.maxAge })
		x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All()})
		got := ""
		for _, c := range x.Checks {
			if c.Name == "lifetime" || c.Name == "age" {
				got += c.Name + " " + c.State + ": " + c.Got + ", want " + c.Want + "; "
			}
		}
		if got != row.want {
			t.Errorf("MaxLifetime %v, MaxAge %v: got\n%s\nwant\n%s", row.maxLifetime, row.maxAge, got, row.want)
		}
	}
}
