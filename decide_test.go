package bearer_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// TestCredentials decides requests with different values of the Authorization field.
func TestCredentials(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, nil)
	token := issuer.Token(nil)
	for _, row := range []struct {
		name   string
		values []string
		want   bearer.Reason
	}{
		{"valid token", []string{"Bearer " + token}, ""},
		{"scheme in lower case", []string{"bearer " + token}, ""},
		{"scheme in upper case", []string{"BEARER " + token}, ""},
		{"two spaces", []string{"Bearer  " + token}, ""},
		{"no value", nil, bearer.NoToken},
		{"empty value", []string{""}, bearer.NoToken},
		{"scheme Basic", []string{"Basic dXNlcjpwYXNz"}, bearer.NoToken},
		{"scheme JWT", []string{"JWT " + token}, bearer.NoToken},
		{"token without a scheme", []string{token}, bearer.NoToken},
		{"scheme BearerX", []string{"BearerX " + token}, bearer.NoToken},
		{"credentials with the scheme Digest contain commas", []string{`Digest username="u", realm="r"`}, bearer.NoToken},
		{"scheme DPoP", []string{"DPoP " + token}, bearer.NoToken},
		{"scheme without a token", []string{"Bearer"}, bearer.InvalidRequest},
		{"scheme and space without a token", []string{"Bearer "}, bearer.InvalidRequest},
		{"tab after the scheme", []string{"Bearer\t" + token}, bearer.InvalidRequest},
		{"token followed by a word", []string{"Bearer " + token + " x"}, bearer.InvalidRequest},
		{"trailing space", []string{"Bearer " + token + " "}, bearer.InvalidRequest},
		{"leading space", []string{" Bearer " + token}, bearer.InvalidRequest},
		{"quoted token", []string{`Bearer "` + token + `"`}, bearer.InvalidRequest},
		{"non-ASCII character", []string{"Bearer é" + token}, bearer.InvalidRequest},
		{"NUL after the token", []string{"Bearer " + token + "\x00"}, bearer.InvalidRequest},
		{"two tokens in one value", []string{"Bearer " + token + ", Bearer " + token}, bearer.InvalidRequest},
		{"Basic and Bearer in one value", []string{"Basic dXNlcjpwYXNz, Bearer " + token}, bearer.InvalidRequest},
		{"comma after the scheme", []string{"Bearer," + token}, bearer.InvalidRequest},
		{"token consists of padding", []string{"Bearer =="}, bearer.InvalidRequest},
		{"two values", []string{"Bearer " + token, "Bearer " + token}, bearer.InvalidRequest},
		{"two values, one with the scheme Basic", []string{"Basic dXNlcjpwYXNz", "Bearer " + token}, bearer.InvalidRequest},
		{"not a JWT", []string{"Bearer abc+/=="}, bearer.Malformed},
		{"token of 1 MiB", []string{"Bearer " + strings.Repeat("a", 1<<20)}, bearer.Malformed},
		{"1 MiB with a different scheme", []string{"Basic " + strings.Repeat("a", 1<<20)}, bearer.NoToken},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: row.values, Rule: scopes.All()})
			if got := reasonOf(t, err); got != row.want {
				t.Fatalf("got reason %q, want %q; error: %v", got, row.want, err)
			}
			if (ctx == nil) != (err != nil) {
				t.Errorf("got context %v and error %v, want exactly one of them", ctx, err)
			}
		})
	}
}

func TestDecideRules(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, nil)
	good := []string{"Bearer " + issuer.Token(members{"scope": "a b"})}
	fails := func(err error) scopes.Rule {
		return scopes.Func("check", func(context.Context) error { return err })
	}
	seesClaims := scopes.Func("sees claims", func(ctx context.Context) error {
		if claims, ok := bearer.FromContext(ctx); !ok || claims.Subject() == "" {
			return errors.New("no claims in the context")
		}
		return nil
	})
	for _, row := range []struct {
		name    string
		values  []string
		rule    scopes.Rule
		want    bearer.Reason
		missing string
	}{
		{"all scopes present", good, scopes.All("a", "b"), "", ""},
		{"one scope missing", good, scopes.All("a", "c"), bearer.MissingScope, "c"},
		{"one alternative present", good, scopes.Any("c", "b"), "", ""},
		{"no alternative present", good, scopes.Any("c", "d"), bearer.MissingScope, "c"},
		{"zero rule", good, scopes.Rule{}, bearer.MissingScope, ""},
		{"zero rule, request without a token", nil, scopes.Rule{}, bearer.NoToken, ""},
		{"public rule, request without a token", nil, scopes.Public(), "", ""},
		{"public rule, invalid token", []string{"Bearer x"}, scopes.Public(), "", ""},
		{"invalid rule", good, scopes.All(""), bearer.Internal, ""},
		{"function returns nil", good, seesClaims, "", ""},
		{"function returns an error", good, fails(errors.New("closed")), bearer.MissingScope, ""},
		{"function returns a reason", good, fails(bearer.Revoked), bearer.Revoked, ""},
		{"function returns a reason, and a scope is missing", good, scopes.And(scopes.All("c"), fails(bearer.Revoked)), bearer.Revoked, ""},
		{"function panics", good, scopes.Func("panics", func(context.Context) error { panic("boom") }), bearer.Internal, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: row.values, Rule: row.rule})
			if got := reasonOf(t, err); got != row.want {
				t.Fatalf("got reason %q, want %q; error: %v", got, row.want, err)
			}
			if e, ok := errors.AsType[*bearer.Error](err); ok && strings.Join(e.Missing, " ") != row.missing {
				t.Errorf("got missing scopes %q, want %q", e.Missing, row.missing)
			}
			if err == nil {
				if _, ok := bearer.FromContext(ctx); ok == row.rule.IsPublic() {
					t.Errorf("got claims in the context = %v, want %v", ok, !row.rule.IsPublic())
				}
			}
		})
	}
}

// TestModes tests the modes of rules. ReportOnly allows a request that does not satisfy the
// rule. Optional allows a request without a token. Neither mode allows a request with an
// invalid token.
func TestModes(t *testing.T) {
	issuer := newIssuer(t)
	var seen testkit.Recorder
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Observer = &seen
		cfg.Validate = func(_ context.Context, c *bearer.Claims) error {
			switch c.Subject() {
			case "out of scope":
				return bearer.MissingScope
			case "no token":
				return bearer.NoToken
			}
			return nil
		}
	})
	credentialsWith := func(claims members) []string { return []string{"Bearer " + issuer.Token(claims)} }
	a := scopes.All("a")
	for _, row := range []struct {
		name     string
		values   []string
		rule     scopes.Rule
		want     bearer.Reason // reason of the error that Decide returns
		observed bearer.Reason // reason of the event
		reported bool          // the event's Err contains the rule's error
		claims   bool          // the context contains claims
	}{
		{"report-only rule is satisfied", credentialsWith(members{"scope": "a"}), scopes.ReportOnly(a), "", "", false, true},
		{"report-only rule is not satisfied", credentialsWith(nil), scopes.ReportOnly(a), "", "", true, true},
		{"report-only rule, request without a token", nil, scopes.ReportOnly(a), bearer.NoToken, bearer.NoToken, false, false},
		{"report-only rule, expired token", credentialsWith(members{"exp": 1}), scopes.ReportOnly(a), bearer.Expired, bearer.Expired, false, false},
		{"report-only rule, Validate returns scope", credentialsWith(members{"sub": "out of scope"}), scopes.ReportOnly(a), bearer.MissingScope, bearer.MissingScope, false, false},
		{"optional rule is satisfied", credentialsWith(members{"scope": "a"}), scopes.Optional(a), "", "", false, true},
		{"optional rule is not satisfied", credentialsWith(nil), scopes.Optional(a), bearer.MissingScope, bearer.MissingScope, false, false},
		{"optional rule, request without a token", nil, scopes.Optional(a), "", "", false, false},
		{"optional rule, credentials with the scheme Basic", []string{"Basic x"}, scopes.Optional(a), "", "", false, false},
		{"optional rule, expired token", credentialsWith(members{"exp": 1}), scopes.Optional(a), bearer.Expired, bearer.Expired, false, false},
		{"optional rule, request with two tokens", append(credentialsWith(nil), credentialsWith(nil)...), scopes.Optional(a), bearer.InvalidRequest, bearer.InvalidRequest, false, false},
		{"optional rule, Validate returns no_token", credentialsWith(members{"sub": "no token"}), scopes.Optional(a), bearer.NoToken, bearer.NoToken, false, false},
		{"rule with both modes, request without a token", nil, scopes.ReportOnly(scopes.Optional(a)), "", "", false, false},
		{"rule with both modes is not satisfied", credentialsWith(nil), scopes.Optional(scopes.ReportOnly(a)), "", "", true, true},
		{"report-only rule inside And", credentialsWith(nil), scopes.And(scopes.ReportOnly(a)), bearer.MissingScope, bearer.MissingScope, false, false},
		{"invalid rule that is report-only", credentialsWith(nil), scopes.ReportOnly(scopes.All("")), bearer.Internal, bearer.Internal, false, false},
	} {
		ctx, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: row.values, Rule: row.rule})
		if got := reasonOf(t, err); got != row.want {
			t.Errorf("%s: got reason %q, want %q", row.name, got, row.want)
		}
		events := seen.Take()
		if len(events) != 1 || events[0].Reason != row.observed || (events[0].Err != nil) != (row.reported || err != nil) {
			t.Errorf("%s: got events %+v, want one event with reason %q; error in the event: want %v", row.name, events, row.observed, row.reported || err != nil)
		}
		if ctx != nil {
			if _, ok := bearer.FromContext(ctx); ok != row.claims {
				t.Errorf("%s: got claims in the context = %v, want %v", row.name, ok, row.claims)
			}
		}
	}
}

// TestForeignVerifiers decides requests with Verifiers of other packages. Decide must refuse
// each request with one of the reasons that this package defines.
func TestForeignVerifiers(t *testing.T) {
	for _, row := range []struct {
		name string
		v    bearer.VerifierFunc
		want bearer.Reason
	}{
		{"Verify returns a reason", func(context.Context, string) (*bearer.Claims, error) { return nil, bearer.Revoked }, bearer.Revoked},
		{"Verify returns an *Error", func(context.Context, string) (*bearer.Claims, error) {
			return nil, &bearer.Error{Reason: bearer.Expired}
		}, bearer.Expired},
		{"Verify returns an unknown reason", func(context.Context, string) (*bearer.Claims, error) { return nil, bearer.Reason("user@example") }, bearer.Internal},
		{"Verify returns an empty reason", func(context.Context, string) (*bearer.Claims, error) { return nil, &bearer.Error{} }, bearer.Internal},
		{"Verify returns an error without a reason", func(context.Context, string) (*bearer.Claims, error) { return nil, errors.New("x") }, bearer.Internal},
		{"Verify returns claims and an error", func(context.Context, string) (*bearer.Claims, error) {
			return &bearer.Claims{}, errors.New("x")
		}, bearer.Internal},
		{"Verify returns no claims and no error", func(context.Context, string) (*bearer.Claims, error) { return nil, nil }, bearer.Internal},
		{"Verify panics", func(context.Context, string) (*bearer.Claims, error) { panic("boom") }, bearer.Internal},
	} {
		ctx, err := bearer.Decide(t.Context(), row.v, bearer.Request{Authorization: []string{"Bearer x"}, Rule: scopes.All()})
		if got := reasonOf(t, err); got != row.want || ctx != nil {
			t.Errorf("%s: got reason %q and context %v, want reason %q and no context", row.name, got, ctx, row.want)
		}
	}
}

// TestHooks tests the verdict for each result of Config.Custom and Config.Validate.
func TestHooks(t *testing.T) {
	issuer := newIssuer(t)
	custom := func(err error) func(*bearer.Config) {
		return func(cfg *bearer.Config) { cfg.Custom = func([]byte) (any, error) { return nil, err } }
	}
	validate := func(err error) func(*bearer.Config) {
		return func(cfg *bearer.Config) {
			cfg.Validate = func(context.Context, *bearer.Claims) error { return err }
		}
	}
	for _, row := range []struct {
		name   string
		change func(*bearer.Config)
		want   bearer.Reason
	}{
		{"Custom returns nil", custom(nil), ""},
		{"Custom returns an error", custom(errors.New("x")), bearer.InvalidCustom},
		{"Custom panics", func(cfg *bearer.Config) { cfg.Custom = func([]byte) (any, error) { panic("boom") } }, bearer.Internal},
		{"Validate returns nil", validate(nil), ""},
		{"Validate returns an error", validate(errors.New("x")), bearer.InvalidCustom},
		{"Validate returns revoked", validate(bearer.Revoked), bearer.Revoked},
		{"Validate returns scope", validate(&bearer.Error{Reason: bearer.MissingScope}), bearer.MissingScope},
		{"Validate returns internal", validate(bearer.Internal), bearer.Internal},
		{"Validate panics", func(cfg *bearer.Config) {
			cfg.Validate = func(context.Context, *bearer.Claims) error { panic("boom") }
		}, bearer.Internal},
	} {
		_, err := newVerifier(t, issuer, row.change).Verify(t.Context(), issuer.Token(nil))
		if got := reasonOf(t, err); got != row.want {
			t.Errorf("%s: got reason %q, want %q", row.name, got, row.want)
		}
	}
}

// TestObserver tests that each request causes exactly one event, with and without a guard.
// The event must contain the route, the reason, the issuer and the verified claims.
func TestObserver(t *testing.T) {
	issuer := newIssuer(t)
	var seen testkit.Recorder
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Observer = &seen })
	wrapped := bearer.VerifierFunc(v.Verify)
	good := "Bearer " + issuer.Token(members{"scope": "a"})
	for _, row := range []struct {
		name     string
		v        bearer.Verifier
		value    string
		want     bearer.Reason
		issuer   string
		verified bool
	}{
		{"accepted", v, good, "", issuer.URL(), true},
		{"no token", v, "", bearer.NoToken, "", false},
		{"malformed", v, "Bearer x", bearer.Malformed, "", false},
		{"expired", v, "Bearer " + issuer.Token(members{"exp": 1}), bearer.Expired, issuer.URL(), false},
		{"alg none", v, "Bearer " + issuer.Mint(members{"alg": "none"}, nil), bearer.WrongAlgorithm, issuer.URL(), false},
		{"other issuer", v, "Bearer " + issuer.Token(members{"iss": "x"}), bearer.WrongIssuer, "", false},
		{"missing scope", v, "Bearer " + issuer.Token(nil), bearer.MissingScope, issuer.URL(), true},
		{"wrapped verifier", wrapped, good, "", issuer.URL(), true},
	} {
		_, err := bearer.Decide(t.Context(), row.v, bearer.Request{
			Transport: "http", Route: "GET /x", Authorization: []string{row.value}, Rule: scopes.All("a"),
		})
		events := seen.Take()
		if len(events) != 1 {
			t.Errorf("%s: got %d events, want 1", row.name, len(events))
			continue
		}
		e := events[0]
		if e.Transport != "http" || e.Route != "GET /x" || e.Reason != row.want || e.Issuer != row.issuer ||
			(e.Claims != nil) != row.verified || (e.Err != nil) != (err != nil) || e.Duration < 0 {
			t.Errorf("%s: got event %+v, want an event with reason %q and issuer %q; claims in the event: want %v", row.name, e, row.want, row.issuer, row.verified)
		}
	}
	if _, err := v.Verify(t.Context(), issuer.Token(nil)); err != nil {
		t.Fatal(err)
	}
	if events := seen.Take(); len(events) != 1 || events[0].Transport != "" || events[0].Reason != "" {
		t.Errorf("Verify without a guard: got events %+v, want one event without a transport and without a reason", events)
	}
}

// TestObserverPanics uses an observer that panics. Decide and Verify must refuse the request
// with reason Internal.
func TestObserverPanics(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Observer = bearer.ObserverFunc(func(context.Context, bearer.Event) { panic("boom") })
	})
	ctx, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All()})
	if got := reasonOf(t, err); got != bearer.Internal || ctx != nil {
		t.Errorf("Decide: got reason %q and context %v, want reason %q and no context", got, ctx, bearer.Internal)
	}
	claims, err := v.Verify(t.Context(), issuer.Token(nil))
	if got := reasonOf(t, err); got != bearer.Internal || claims != nil {
		t.Errorf("Verify: got reason %q and claims %v, want reason %q and no claims", got, claims, bearer.Internal)
	}
}

// TestErrorText tests that the text of an error is one line of at most 700 bytes, even if the
// token contains long values with line breaks.
func TestErrorText(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, nil)
	long := strings.Repeat("x", 5000) + "\r\nSet-Cookie: a=b"
	for _, token := range []string{
		issuer.Mint(members{"kid": "\r\n" + long}, nil),
		issuer.Mint(members{"typ": "\r\n" + long}, nil),
		issuer.Mint(members{"alg": "\r\n" + long}, nil),
		issuer.Token(members{"iss": "\r\n" + long}),
		issuer.Token(members{"aud": []string{"\r\n" + long, long, long, long, long}}),
		issuer.Token(members{"cnf": members{"\r\n" + long[:4000]: 1}}),
	} {
		_, err := v.Verify(t.Context(), token)
		if err == nil {
			t.Fatal("the verifier accepted the token, want a refusal")
		}
		if text := err.Error(); strings.ContainsAny(text, "\r\n") || len(text) > 700 {
			t.Errorf("got error of %d bytes, want one line of at most 700 bytes: %q", len(text), text)
		}
	}
	e := &bearer.Error{Reason: bearer.KeysUnavailable, Err: jwks.ErrUnavailable}
	if !errors.Is(e, bearer.KeysUnavailable) || !errors.Is(e, jwks.ErrUnavailable) || errors.Is(e, bearer.Expired) {
		t.Errorf("%v: want errors.Is to find only the reason and the underlying error", e)
	}
}

// TestErrorsAreNotShared changes the error of a refused request. It also overwrites the
// bytes that Claims.Decode passes to an unmarshaler. Neither change may affect later calls.
func TestErrorsAreNotShared(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, nil)
	for _, values := range [][]string{nil, {"Bearer x"}, {"Bearer a.b.c.d.e"}, {"a", "b"}, {"Bearer " + strings.Repeat("a", 1<<15)}} {
		req := bearer.Request{Authorization: values, Rule: scopes.All()}
		_, err := bearer.Decide(t.Context(), v, req)
		first, ok := errors.AsType[*bearer.Error](err)
		if !ok {
			t.Fatal(err)
		}
		reason := first.Reason
		first.Reason = bearer.KeysUnavailable
		if _, err := bearer.Decide(t.Context(), v, req); reasonOf(t, err) != reason {
			t.Errorf("%.20q: got error %v, want reason %q, as before", values, err, reason)
		}
	}
	bad := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) {
		return nil, &bearer.Error{Reason: bearer.MissingScope, Missing: []string{"a", "b\"\r\nX: y"}}
	})
	_, err := bearer.Decide(t.Context(), bad, bearer.Request{Authorization: []string{"Bearer x"}, Rule: scopes.All()})
	if e, ok := errors.AsType[*bearer.Error](err); !ok || strings.Join(e.Missing, " ") != "a" {
		t.Errorf("got error %+v, want an error whose field Missing contains only valid scope names", e)
	}
	claims, err := v.Verify(t.Context(), issuer.Token(members{"role": "aaaa"}))
	if err != nil {
		t.Fatal(err)
	}
	var into struct {
		Role overwriter `json:"role"`
	}
	if err := claims.Decode(&into); err != nil {
		t.Fatal(err)
	}
	if value, _ := claims.Value("role"); string(value) != `"aaaa"` {
		t.Errorf("got claim %s after Decode, want the unchanged claim", value)
	}
}

// overwriter overwrites the bytes that its method UnmarshalJSON receives.
type overwriter struct{}

func (*overwriter) UnmarshalJSON(data []byte) error {
	for i := range data {
		data[i] = 'Z'
	}
	return nil
}

// TestPanicWithReason uses a hook that panics with a Reason. errors.Is must find Internal, and
// must not find the Reason of the panic.
func TestPanicWithReason(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Validate = func(context.Context, *bearer.Claims) error { panic(bearer.NoToken) }
	})
	_, err := v.Verify(t.Context(), issuer.Token(nil))
	if !errors.Is(err, bearer.Internal) || errors.Is(err, bearer.NoToken) {
		t.Errorf("got error %v, want reason %q only", err, bearer.Internal)
	}
}
