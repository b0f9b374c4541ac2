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

// TestCredentials has Authorization values as a transport hands them over.
func TestCredentials(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, nil)
	token := issuer.Token(nil)
	for _, row := range []struct {
		name   string
		values []string
		want   bearer.Reason
	}{
		{"good", []string{"Bearer " + token}, ""},
		{"lower case", []string{"bearer " + token}, ""},
		{"upper case", []string{"BEARER " + token}, ""},
		{"two spaces", []string{"Bearer  " + token}, ""},
		{"none", nil, bearer.NoToken},
		{"empty", []string{""}, bearer.NoToken},
		{"Basic", []string{"Basic dXNlcjpwYXNz"}, bearer.NoToken},
		{"JWT scheme", []string{"JWT " + token}, bearer.NoToken},
		{"token alone", []string{token}, bearer.NoToken},
		{"scheme that begins like ours", []string{"BearerX " + token}, bearer.NoToken},
		{"Digest with commas", []string{`Digest username="u", realm="r"`}, bearer.NoToken},
		{"DPoP", []string{"DPoP " + token}, bearer.NoToken},
		{"scheme alone", []string{"Bearer"}, bearer.InvalidRequest},
		{"scheme and space", []string{"Bearer "}, bearer.InvalidRequest},
		{"tab", []string{"Bearer\t" + token}, bearer.InvalidRequest},
		{"two tokens", []string{"Bearer " + token + " x"}, bearer.InvalidRequest},
		{"trailing space", []string{"Bearer " + token + " "}, bearer.InvalidRequest},
		{"leading space", []string{" Bearer " + token}, bearer.InvalidRequest},
		{"quotes", []string{`Bearer "` + token + `"`}, bearer.InvalidRequest},
		{"non-ASCII", []string{"Bearer é" + token}, bearer.InvalidRequest},
		{"NUL", []string{"Bearer " + token + "\x00"}, bearer.InvalidRequest},
		{"list", []string{"Bearer " + token + ", Bearer " + token}, bearer.InvalidRequest},
		{"list behind Basic", []string{"Basic dXNlcjpwYXNz, Bearer " + token}, bearer.InvalidRequest},
		{"comma behind the scheme", []string{"Bearer," + token}, bearer.InvalidRequest},
		{"padding alone", []string{"Bearer =="}, bearer.InvalidRequest},
		{"two values", []string{"Bearer " + token, "Bearer " + token}, bearer.InvalidRequest},
		{"two values, one Basic", []string{"Basic dXNlcjpwYXNz", "Bearer " + token}, bearer.InvalidRequest},
		{"not a JWT", []string{"Bearer abc+/=="}, bearer.Malformed},
		{"1 MiB", []string{"Bearer " + strings.Repeat("a", 1<<20)}, bearer.Malformed},
		{"1 MiB of another scheme", []string{"Basic " + strings.Repeat("a", 1<<20)}, bearer.NoToken},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: row.values, Rule: scopes.All()})
			if got := reasonOf(t, err); got != row.want {
				t.Fatalf("got reason %q, want %q: %v", got, row.want, err)
			}
			if (ctx == nil) != (err != nil) {
				t.Errorf("got context %v beside error %v", ctx, err)
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
	knows := scopes.Func("knows the caller", func(ctx context.Context) error {
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
		{"granted", good, scopes.All("a", "b"), "", ""},
		{"one missing", good, scopes.All("a", "c"), bearer.MissingScope, "c"},
		{"any", good, scopes.Any("c", "b"), "", ""},
		{"none of any", good, scopes.Any("c", "d"), bearer.MissingScope, "c d"},
		{"no rule", good, scopes.Rule{}, bearer.MissingScope, ""},
		{"no rule, no token", nil, scopes.Rule{}, bearer.NoToken, ""},
		{"public", nil, scopes.Public(), "", ""},
		{"public, bad token", []string{"Bearer x"}, scopes.Public(), "", ""},
		{"rule that cannot work", good, scopes.All(""), bearer.Internal, ""},
		{"function", good, knows, "", ""},
		{"function says no", good, fails(errors.New("closed")), bearer.MissingScope, ""},
		{"function with a reason", good, fails(bearer.Revoked), bearer.Revoked, ""},
		{"function says no, scope missing too", good, scopes.And(scopes.All("c"), fails(bearer.Revoked)), bearer.Revoked, ""},
		{"function panics", good, scopes.Func("panics", func(context.Context) error { panic("boom") }), bearer.Internal, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: row.values, Rule: row.rule})
			if got := reasonOf(t, err); got != row.want {
				t.Fatalf("got reason %q, want %q: %v", got, row.want, err)
			}
			if e, ok := errors.AsType[*bearer.Error](err); ok && strings.Join(e.Missing, " ") != row.missing {
				t.Errorf("got missing scopes %q, want %q", e.Missing, row.missing)
			}
			if err == nil {
				if _, ok := bearer.FromContext(ctx); ok == row.rule.IsPublic() {
					t.Errorf("claims in the context: %v, public: %v", ok, row.rule.IsPublic())
				}
			}
		})
	}
}

// TestModes has what the mode of a rule waives: its own verdict, or that there is
// no token, and nothing else.
func TestModes(t *testing.T) {
	issuer := newIssuer(t)
	var seen testkit.Recorder
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Observer = &seen
		cfg.Validate = func(_ context.Context, c *bearer.Claims) error {
			switch c.Subject() {
			case "barred":
				return bearer.MissingScope
			case "nobody":
				return bearer.NoToken
			}
			return nil
		}
	})
	bearerOf := func(claims members) []string { return []string{"Bearer " + issuer.Token(claims)} }
	a := scopes.All("a")
	for _, row := range []struct {
		name     string
		values   []string
		rule     scopes.Rule
		want     bearer.Reason // of the answer
		observed bearer.Reason
		reported bool // what the rule would have said is in the event's Err
		claims   bool
	}{
		{"report only, met", bearerOf(members{"scope": "a"}), scopes.ReportOnly(a), "", "", false, true},
		{"report only, not met", bearerOf(nil), scopes.ReportOnly(a), "", "", true, true},
		{"report only, no token", nil, scopes.ReportOnly(a), bearer.NoToken, bearer.NoToken, false, false},
		{"report only, expired", bearerOf(members{"exp": 1}), scopes.ReportOnly(a), bearer.Expired, bearer.Expired, false, false},
		{"report only, Validate says scope", bearerOf(members{"sub": "barred"}), scopes.ReportOnly(a), bearer.MissingScope, bearer.MissingScope, false, false},
		{"optional, met", bearerOf(members{"scope": "a"}), scopes.Optional(a), "", "", false, true},
		{"optional, not met", bearerOf(nil), scopes.Optional(a), bearer.MissingScope, bearer.MissingScope, false, false},
		{"optional, no token", nil, scopes.Optional(a), "", "", false, false},
		{"optional, Basic", []string{"Basic x"}, scopes.Optional(a), "", "", false, false},
		{"optional, expired", bearerOf(members{"exp": 1}), scopes.Optional(a), bearer.Expired, bearer.Expired, false, false},
		{"optional, two tokens", append(bearerOf(nil), bearerOf(nil)...), scopes.Optional(a), bearer.InvalidRequest, bearer.InvalidRequest, false, false},
		{"optional, Validate says no token", bearerOf(members{"sub": "nobody"}), scopes.Optional(a), bearer.NoToken, bearer.NoToken, false, false},
		{"both, no token", nil, scopes.ReportOnly(scopes.Optional(a)), "", "", false, false},
		{"both, not met", bearerOf(nil), scopes.Optional(scopes.ReportOnly(a)), "", "", true, true},
		{"inside of And", bearerOf(nil), scopes.And(scopes.ReportOnly(a)), bearer.MissingScope, bearer.MissingScope, false, false},
		{"of a rule that cannot work", bearerOf(nil), scopes.ReportOnly(scopes.All("")), bearer.Internal, bearer.Internal, false, false},
	} {
		ctx, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: row.values, Rule: row.rule})
		if got := reasonOf(t, err); got != row.want {
			t.Errorf("%s: got reason %q, want %q", row.name, got, row.want)
		}
		events := seen.Take()
		if len(events) != 1 || events[0].Reason != row.observed || (events[0].Err != nil) != (row.reported || err != nil) {
			t.Errorf("%s: told %+v, want once reason %q, reported %v", row.name, events, row.observed, row.reported)
		}
		if ctx != nil {
			if _, ok := bearer.FromContext(ctx); ok != row.claims {
				t.Errorf("%s: claims in the context: %v, want %v", row.name, ok, row.claims)
			}
		}
	}
}

// TestVerifiersOfOthers wants a closed set of reasons whatever a Verifier of
// somebody else's returns, and never an acceptance by mistake.
func TestVerifiersOfOthers(t *testing.T) {
	for _, row := range []struct {
		name string
		v    bearer.VerifierFunc
		want bearer.Reason
	}{
		{"a reason", func(context.Context, string) (*bearer.Claims, error) { return nil, bearer.Revoked }, bearer.Revoked},
		{"an Error", func(context.Context, string) (*bearer.Claims, error) {
			return nil, &bearer.Error{Reason: bearer.Expired}
		}, bearer.Expired},
		{"a reason of its own", func(context.Context, string) (*bearer.Claims, error) { return nil, bearer.Reason("user@example") }, bearer.Internal},
		{"the empty reason", func(context.Context, string) (*bearer.Claims, error) { return nil, &bearer.Error{} }, bearer.Internal},
		{"any error", func(context.Context, string) (*bearer.Claims, error) { return nil, errors.New("x") }, bearer.Internal},
		{"claims beside an error", func(context.Context, string) (*bearer.Claims, error) {
			return &bearer.Claims{}, errors.New("x")
		}, bearer.Internal},
		{"nothing at all", func(context.Context, string) (*bearer.Claims, error) { return nil, nil }, bearer.Internal},
		{"a panic", func(context.Context, string) (*bearer.Claims, error) { panic("boom") }, bearer.Internal},
	} {
		ctx, err := bearer.Decide(t.Context(), row.v, bearer.Request{Authorization: []string{"Bearer x"}, Rule: scopes.All()})
		if got := reasonOf(t, err); got != row.want || ctx != nil {
			t.Errorf("%s: got reason %q and context %v, want %q and none", row.name, got, ctx, row.want)
		}
	}
}

// TestHooks has what Config.Custom and Config.Validate can do to a token.
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
		{"custom passes", custom(nil), ""},
		{"custom fails", custom(errors.New("x")), bearer.InvalidCustom},
		{"custom panics", func(cfg *bearer.Config) { cfg.Custom = func([]byte) (any, error) { panic("boom") } }, bearer.Internal},
		{"validate passes", validate(nil), ""},
		{"validate fails", validate(errors.New("x")), bearer.InvalidCustom},
		{"validate says revoked", validate(bearer.Revoked), bearer.Revoked},
		{"validate says scope", validate(&bearer.Error{Reason: bearer.MissingScope}), bearer.MissingScope},
		{"validate says internal", validate(bearer.Internal), bearer.Internal},
		{"validate panics", func(cfg *bearer.Config) {
			cfg.Validate = func(context.Context, *bearer.Claims) error { panic("boom") }
		}, bearer.Internal},
	} {
		_, err := newVerifier(t, issuer, row.change).Verify(t.Context(), issuer.Token(nil))
		if got := reasonOf(t, err); got != row.want {
			t.Errorf("%s: got reason %q, want %q", row.name, got, row.want)
		}
	}
}

// TestObserver wants each outcome told once, by whoever knows most of it.
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
		{"algorithm", v, "Bearer " + issuer.Mint(members{"alg": "none"}, nil), bearer.WrongAlgorithm, issuer.URL(), false},
		{"other issuer", v, "Bearer " + issuer.Token(members{"iss": "x"}), bearer.WrongIssuer, "", false},
		{"missing scope", v, "Bearer " + issuer.Token(nil), bearer.MissingScope, issuer.URL(), true},
		{"wrapped", wrapped, good, "", issuer.URL(), true},
	} {
		_, err := bearer.Decide(t.Context(), row.v, bearer.Request{
			Transport: "http", Route: "GET /x", Authorization: []string{row.value}, Rule: scopes.All("a"),
		})
		events := seen.Take()
		if len(events) != 1 {
			t.Errorf("%s: told %d times, want once", row.name, len(events))
			continue
		}
		e := events[0]
		if e.Transport != "http" || e.Route != "GET /x" || e.Reason != row.want || e.Issuer != row.issuer ||
			(e.Claims != nil) != row.verified || (e.Err != nil) != (err != nil) || e.Duration < 0 {
			t.Errorf("%s: got %+v", row.name, e)
		}
	}
	if _, err := v.Verify(t.Context(), issuer.Token(nil)); err != nil {
		t.Fatal(err)
	}
	if events := seen.Take(); len(events) != 1 || events[0].Transport != "" || events[0].Reason != "" {
		t.Errorf("Verify without a guard: got %+v, want one event without transport and reason", events)
	}
}

// TestObserverPanics must not let anybody in, nor reach other requests.
func TestObserverPanics(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Observer = bearer.ObserverFunc(func(context.Context, bearer.Event) { panic("boom") })
	})
	ctx, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All()})
	if got := reasonOf(t, err); got != bearer.Internal || ctx != nil {
		t.Errorf("Decide: got reason %q and context %v, want %q and none", got, ctx, bearer.Internal)
	}
	claims, err := v.Verify(t.Context(), issuer.Token(nil))
	if got := reasonOf(t, err); got != bearer.Internal || claims != nil {
		t.Errorf("Verify: got reason %q and claims %v, want %q and none", got, claims, bearer.Internal)
	}
}

// TestErrorText wants what goes to logs on one line, cut and escaped.
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
			t.Fatal("accepted")
		}
		if text := err.Error(); strings.ContainsAny(text, "\r\n") || len(text) > 700 {
			t.Errorf("got %d bytes, or a line break: %q", len(text), text)
		}
	}
	e := &bearer.Error{Reason: bearer.KeysUnavailable, Err: jwks.ErrUnavailable}
	if !errors.Is(e, bearer.KeysUnavailable) || !errors.Is(e, jwks.ErrUnavailable) || errors.Is(e, bearer.Expired) {
		t.Error("errors.Is does not find the reason and the cause, and those only")
	}
}

// TestErrorsAreOnesOwn changes what a refused request got, and what claims were
// decoded from: the next one must not see it.
func TestErrorsAreOnesOwn(t *testing.T) {
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
			t.Errorf("%.20q: got %v, want reason %q again", values, err, reason)
		}
	}
	bad := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) {
		return nil, &bearer.Error{Reason: bearer.MissingScope, Missing: []string{"a", "b\"\r\nX: y"}}
	})
	_, err := bearer.Decide(t.Context(), bad, bearer.Request{Authorization: []string{"Bearer x"}, Rule: scopes.All()})
	if e, ok := errors.AsType[*bearer.Error](err); !ok || strings.Join(e.Missing, " ") != "a" {
		t.Errorf("a scope that is none is told: %+v", e)
	}
	claims, err := v.Verify(t.Context(), issuer.Token(members{"role": "aaaa"}))
	if err != nil {
		t.Fatal(err)
	}
	var into struct {
		Role scribbler `json:"role"`
	}
	if err := claims.Decode(&into); err != nil {
		t.Fatal(err)
	}
	if value, _ := claims.Value("role"); string(value) != `"aaaa"` {
		t.Errorf("decoding changed the claims to %s", value)
	}
}

// scribbler writes into what it is decoded from.
type scribbler struct{}

func (*scribbler) UnmarshalJSON(data []byte) error {
	for i := range data {
		data[i] = 'Z'
	}
	return nil
}

// TestPanicIsNoReason has a hook panic with an error of this package: who goes by
// errors.Is must not take that for a request without a token.
func TestPanicIsNoReason(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Validate = func(context.Context, *bearer.Claims) error { panic(bearer.NoToken) }
	})
	_, err := v.Verify(t.Context(), issuer.Token(nil))
	if !errors.Is(err, bearer.Internal) || errors.Is(err, bearer.NoToken) {
		t.Errorf("got %v, want internal and no other reason", err)
	}
}
