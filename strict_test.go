package bearer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// TestRefusedAlgorithms tests the error of New for an algorithm that is not allowed. The error
// must describe the problem with the algorithm.
func TestRefusedAlgorithms(t *testing.T) {
	issuer := newIssuer(t)
	cfg := testkit.Config(t, issuer)
	for alg, want := range map[string]string{
		"none": "proves nothing", "NONE": "proves nothing", "HS256": "shared secret", "hs512": "shared secret", "RS1": "not a supported algorithm", "": "not a supported algorithm",
	} {
		cfg.Algorithms = []string{alg}
		_, err := bearer.New(cfg)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got error %v, want %q in the text", alg, err, want)
		}
	}
}

// TestFailedNewStartsNothing tests that New starts no goroutine if it fails. synctest.Test
// fails if a goroutine is still running at the end.
func TestFailedNewStartsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, err := bearer.New(bearer.Config{Issuer: "https://issuer.example"}); err == nil {
			t.Error("Config without an audience: got a verifier, want an error")
		}
	})
}

// TestOneEvent tests that each request causes one event, even if a type that implements
// Observer wraps the verifier.
func TestOneEvent(t *testing.T) {
	issuer := newIssuer(t)
	recorder := &testkit.Recorder{}
	v := newVerifier(t, issuer, func(c *bearer.Config) { c.Observer = recorder })
	for _, token := range []string{issuer.Token(nil), issuer.Forge(nil, nil)} {
		for name, verifier := range map[string]bearer.Verifier{
			"plain verifier": v, "verifier in a wrapper with Observe": forwarding{v}, "verifier in a wrapper": bearer.VerifierFunc(v.Verify),
		} {
			for range 2 { // The second verdict on an accepted token comes from the cache.
				_, err := bearer.Decide(t.Context(), verifier, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All()})
				events := recorder.Take()
				if len(events) != 1 || (events[0].Reason == "") != (err == nil) {
					t.Errorf("%s: got events %+v and error %v, want one event with the same verdict", name, events, err)
				}
			}
		}
		_, err := v.Verify(t.Context(), token)
		if events := recorder.Take(); len(events) != 1 || (events[0].Reason == "") != (err == nil) {
			t.Errorf("Verify without a guard: got events %+v and error %v, want one event with the same verdict", events, err)
		}
	}
}

// forwarding wraps a verifier and forwards Verify and Observe to it.
type forwarding struct{ inner *bearer.JWTVerifier }

func (f forwarding) Verify(ctx context.Context, token string) (*bearer.Claims, error) {
	return f.inner.Verify(ctx, token)
}

func (f forwarding) Observe(ctx context.Context, e bearer.Event) { f.inner.Observe(ctx, e) }

// TestCredentialsAreBounded tests that Decide does not pass a token that is longer than
// 16 KiB to the verifier.
func TestCredentialsAreBounded(t *testing.T) {
	called := false
	v := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) {
		called = true
		return nil, bearer.UnknownKey
	})
	for length, want := range map[int]bool{1: true, 16 << 10: true, 16<<10 + 1: false, 16<<10 + 5: false, 17 << 10: false, 1 << 20: false} {
		called = false
		_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + strings.Repeat("a", length)}, Rule: scopes.All()})
		if called != want {
			t.Errorf("token of %d bytes: got a call of the verifier = %v, want %v; error: %v", length, called, want, err)
		}
	}
}

// TestAudienceTypes tests all JSON types of a claim that a profile uses as the
// audience.
func TestAudienceTypes(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, func(c *bearer.Config) { c.Profile.Audience = []string{"resource"} })
	for value, want := range map[string]bearer.Reason{
		`"deployment-api"`: "", `["x","deployment-api"]`: "", `"other"`: bearer.WrongAudience, `[]`: bearer.WrongAudience, `[""]`: bearer.WrongAudience,
		`1`: bearer.InvalidClaims, `{}`: bearer.InvalidClaims, `null`: bearer.InvalidClaims, `true`: bearer.InvalidClaims, `["deployment-api",1]`: bearer.InvalidClaims, `[["deployment-api"]]`: bearer.InvalidClaims,
	} {
		_, err := v.Verify(t.Context(), issuer.Token(map[string]any{"resource": raw(value)}))
		if got := reasonOf(t, err); got != want {
			t.Errorf("claim %s: got reason %q, want %q", value, got, want)
		}
	}
	if _, err := v.Verify(t.Context(), issuer.Token(nil)); reasonOf(t, err) != bearer.WrongAudience {
		t.Errorf("no claim: got error %v, want reason %q", err, bearer.WrongAudience)
	}
}

// TestHintOnlyIfUseful tests the hints in the errors for refused tokens. An error must name a
// different profile only if the profile of the verifier causes the refusal.
func TestHintOnlyIfUseful(t *testing.T) {
	issuer := newIssuer(t)
	plain := newVerifier(t, issuer, nil)
	marked := newVerifier(t, issuer, func(c *bearer.Config) {
		c.Profile = bearer.Profile{Name: "mine", ForbiddenHeader: map[string]string{"x": "for another service"}}
	})
	for _, row := range []struct {
		name    string
		v       *bearer.JWTVerifier
		header  map[string]any
		claims  map[string]any
		advised string // the profile that the error must name, or ""
	}{
		{"token with typ JWT", plain, map[string]any{"typ": "JWT"}, nil, "Scalekit"},
		{"expired token", plain, nil, map[string]any{"exp": 1}, ""},
		{"expired token with typ JWT", plain, map[string]any{"typ": "JWT"}, map[string]any{"exp": 1}, "Scalekit"},
		{"token that is not yet valid", plain, nil, map[string]any{"nbf": int64(4000000000)}, ""},
		{"token bound to a client key", plain, nil, map[string]any{"cnf": map[string]any{"jkt": "x"}}, ""},
		{"DPoP proof", plain, map[string]any{"typ": "dpop+jwt"}, nil, ""},
		{"token with a forbidden header member", marked, map[string]any{"x": 1}, nil, ""},
		{"token without an audience", plain, map[string]any{"typ": "JWT"}, map[string]any{"aud": nil, "client_id": nil, "jti": nil}, ""},
		{"token with token_use id", plain, map[string]any{"typ": "JWT"}, map[string]any{"typ": "Bearer", "token_use": "id"}, ""},
	} {
		_, err := row.v.Verify(t.Context(), issuer.Mint(row.header, row.claims))
		if err == nil {
			t.Errorf("%s: the verifier accepted the token, want a refusal", row.name)
			continue
		}
		text := err.Error()
		if strings.Contains(text, "Config.Profile") != (row.advised != "") || !strings.Contains(text, row.advised) {
			t.Errorf("%s: got error %q, want an error with the profile name %q", row.name, text, row.advised)
		}
	}
}

// TestErrorsIsAndAsType tests errors.Is and errors.AsType on errors of Verify.
func TestErrorsIsAndAsType(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, nil)
	for name, row := range map[string]struct {
		token string
		is    bearer.Reason
	}{
		"malformed token": {"x", bearer.Malformed}, "expired token": {issuer.Token(map[string]any{"exp": 1}), bearer.Expired}, "empty token": {"", bearer.NoToken},
	} {
		_, err := v.Verify(t.Context(), row.token)
		if !errors.Is(err, row.is) || errors.Is(err, bearer.Revoked) || errors.Is(err, context.Canceled) || errors.Is(err, errors.New("x")) {
			t.Errorf("%s: got error %v, want errors.Is to find %q and nothing else", name, err, row.is)
		}
		if e, ok := errors.AsType[*bearer.Error](err); !ok || e.Reason != row.is {
			t.Errorf("%s: got *Error %v, want an *Error with reason %q", name, e, row.is)
		}
		if other, ok := errors.AsType[*jwks.UnavailableError](err); ok || other != nil {
			t.Errorf("%s: got *UnavailableError %v, want none", name, other)
		}
	}
	cause := errors.New("cause")
	v = newVerifier(t, issuer, func(c *bearer.Config) {
		c.Custom = func([]byte) (any, error) { return nil, cause }
	})
	if _, err := v.Verify(t.Context(), issuer.Token(nil)); !errors.Is(err, cause) || !errors.Is(err, bearer.InvalidCustom) {
		t.Errorf("failing hook: got error %v, want errors.Is to find the hook's error", err)
	}
	if _, err := v.Verify(t.Context(), issuer.Mint(map[string]any{"kid": "x"}, nil)); !errors.Is(err, jwks.ErrUnknownKey) {
		t.Errorf("unknown kid: got error %v, want errors.Is to find %v", err, jwks.ErrUnknownKey)
	}
}

// TestRemoveTemplates adds two issuers that are templates and removes them one by one.
func TestRemoveTemplates(t *testing.T) {
	const one, two = "https://one.example/{tenantid}/", "https://two.example/{tenantid}/"
	const tenant = "8a8f3c9e-0b1c-4b7e-9a33-5d4c2f1e0a77"
	var several bearer.Issuers
	mints := make(map[string]func() string)
	for _, name := range []string{one, two} {
		issuer := newIssuer(t)
		cfg := testkit.Config(t, issuer)
		cfg.Issuer, cfg.InsecureAnyTenant = name, true
		if err := several.Add(cfg); err != nil {
			t.Fatal(err)
		}
		mints[name] = func() string {
			return issuer.Token(map[string]any{"iss": strings.ReplaceAll(name, "{tenantid}", tenant), "tid": tenant})
		}
		v, err := bearer.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.AuthorizationServers(); len(got) != 0 {
			t.Errorf("template: got authorization servers %q, want none", got)
		}
	}
	for _, step := range []struct {
		remove   string
		one, two bearer.Reason
	}{{"", "", ""}, {one, bearer.WrongIssuer, ""}, {two, bearer.WrongIssuer, bearer.WrongIssuer}} {
		if step.remove != "" && !several.Remove(step.remove) {
			t.Errorf("Remove(%q): got false, want true", step.remove)
		}
		for name, want := range map[string]bearer.Reason{one: step.one, two: step.two} {
			token := mints[name]() // The token is verified twice, because the second verdict on an accepted token comes from the cache.
			for range 2 {
				if _, err := several.Verify(t.Context(), token); reasonOf(t, err) != want {
					t.Errorf("after Remove(%q): token of %s: got error %v, want reason %q", step.remove, name, err, want)
				}
			}
		}
	}
}

// TestEmptyProfileValues tests that New returns an error for a profile with an empty value.
// For example, a token without "iss" matches an empty alias.
func TestEmptyProfileValues(t *testing.T) {
	issuer := newIssuer(t)
	cfg := testkit.Config(t, issuer)
	for name, profile := range map[string]bearer.Profile{
		"Aliases": {Aliases: []string{issuer.URL(), ""}}, "InertConfirmation": {InertConfirmation: []string{""}}, "RequiredValues": {RequiredValues: map[string][]string{"a": nil}},
	} {
		cfg.Profile = profile
		if _, err := bearer.New(cfg); err == nil {
			t.Errorf("empty value in %s: got a verifier, want an error", name)
		}
	}
}

// validating is a type of custom claims. The method Validate has a pointer receiver.
type validating struct {
	Level int `json:"level"`
}

func (v *validating) Validate() error {
	if v.Level < 0 {
		return errors.New("level is negative")
	}
	return nil
}

// validatingValue is a type of custom claims. The method Validate has a value receiver.
type validatingValue struct {
	Level int `json:"level"`
}

func (v validatingValue) Validate() error { return (*validating)(&v).Validate() }

// TestCustomValidate tests the verdicts on valid and invalid custom claims.
func TestCustomValidate(t *testing.T) {
	issuer := newIssuer(t)
	for name, row := range map[string]struct {
		custom func([]byte) (any, error)
		claims map[string]any
		want   bearer.Reason
	}{
		"pointer receiver, valid level":       {bearer.JSON[validating], map[string]any{"level": 1}, ""},
		"pointer receiver, invalid level":     {bearer.JSON[validating], map[string]any{"level": -1}, bearer.InvalidCustom},
		"value receiver, valid level":         {bearer.JSON[validatingValue], map[string]any{"level": 1}, ""},
		"value receiver, invalid level":       {bearer.JSON[validatingValue], map[string]any{"level": -1}, bearer.InvalidCustom},
		"Custom returns a value and an error": {func([]byte) (any, error) { return validatingValue{}, errors.New("no") }, nil, bearer.InvalidCustom},
		"Custom returns nil":                  {func([]byte) (any, error) { return nil, nil }, nil, ""},
		"member of a different type":          {bearer.JSON[validating], map[string]any{"level": "x"}, bearer.InvalidCustom},
		"JSONAt, valid level":                 {bearer.JSONAt[validating]("c"), map[string]any{"c": map[string]any{"level": 1}}, ""},
		"JSONAt, invalid level":               {bearer.JSONAt[validating]("c"), map[string]any{"c": map[string]any{"level": -1}}, bearer.InvalidCustom},
		"JSONAt, missing claim":               {bearer.JSONAt[validating]("c"), nil, bearer.InvalidCustom},
		"JSONAt, claim is null":               {bearer.JSONAt[validating]("c"), map[string]any{"c": raw("null")}, bearer.InvalidCustom},
		"JSONAt, nested claim":                {bearer.JSONAt[validating]("/c/d"), map[string]any{"c": map[string]any{"d": map[string]any{"level": 1}}}, ""},
		"JSONAt, missing nested claim":        {bearer.JSONAt[validating]("/c/e"), map[string]any{"c": map[string]any{"d": 1}}, bearer.InvalidCustom},
		"JSONAt, outer claim is a string":     {bearer.JSONAt[validating]("/c/e"), map[string]any{"c": "x"}, bearer.InvalidCustom},
	} {
		v := newVerifier(t, issuer, func(c *bearer.Config) { c.Custom = row.custom })
		c, err := v.Verify(t.Context(), issuer.Token(row.claims))
		if got := reasonOf(t, err); got != row.want || (c == nil) != (err != nil) {
			t.Errorf("%s: got error %v, want reason %q", name, err, row.want)
		}
	}
	if _, err := bearer.JSONAt[validating]("c")([]byte(`{"c":{"level":1}`)); err == nil {
		t.Error("invalid JSON: got custom claims, want an error")
	}
}

// TestNotBeforeRange tests values of "nbf" near the lower limit, which is before the year 1.
// It also tests values of wrong types.
func TestNotBeforeRange(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, nil)
	for value, want := range map[string]bearer.Reason{
		"-253402300799": "", "-253402300800": bearer.InvalidClaims, "-9223372036854775808": bearer.InvalidClaims, "-1e12": bearer.InvalidClaims, "-2.53402300799e11": "",
		`"NaN"`: bearer.InvalidClaims, `"1"`: bearer.InvalidClaims, "1e-999": "",
	} {
		_, err := v.Verify(t.Context(), issuer.Token(map[string]any{"nbf": raw(value)}))
		if got := reasonOf(t, err); got != want {
			t.Errorf("nbf %s: got reason %q, want %q", value, got, want)
		}
	}
}

// TestLimitsRequireIssuedAt verifies a token without "iat". If Config.MaxLifetime or
// Config.MaxAge is set, the verifier must refuse the token.
func TestLimitsRequireIssuedAt(t *testing.T) {
	issuer := newIssuer(t)
	for name, row := range map[string]struct {
		lifetime, age time.Duration
		want          bearer.Reason
	}{"no limit": {0, 0, ""}, "MaxLifetime": {time.Hour, 0, bearer.InvalidClaims}, "MaxAge": {0, time.Hour, bearer.InvalidClaims}, "MaxLifetime and MaxAge": {time.Hour, time.Hour, bearer.InvalidClaims}} {
		v := newVerifier(t, issuer, func(c *bearer.Config) {
			c.MaxLifetime, c.MaxAge, c.Profile.Required = row.lifetime, row.age, []string{}
		})
		for range 2 {
			if _, err := v.Verify(t.Context(), issuer.Token(map[string]any{"iat": nil, "exp": time.Now().Add(time.Minute)})); reasonOf(t, err) != row.want {
				t.Errorf("%s: got error %v, want reason %q", name, err, row.want)
			}
		}
	}
}

// TestForbiddenCharactersInToken puts each of several forbidden characters at each position
// of tokens with 1 to 40 characters. Decide must refuse the request and must not call the
// verifier.
func TestForbiddenCharactersInToken(t *testing.T) {
	called := false
	v := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) {
		called = true
		return nil, bearer.UnknownKey
	})
	decide := func(text []byte) bearer.Reason {
		called = false
		_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + string(text)}, Rule: scopes.All()})
		return reasonOf(t, err)
	}
	for length := 1; length <= 40; length++ {
		text := []byte(strings.Repeat("a", length))
		if reason := decide(text); reason != bearer.UnknownKey || !called {
			t.Errorf("token of %d characters: got reason %q (call of the verifier: %v), want reason %q (call of the verifier: true)", length, reason, called, bearer.UnknownKey)
		}
		for place := range text {
			for _, c := range []byte("\x00\t!\"(,:;@[`{\x7f\x80\xff") {
				text[place] = c
				if reason := decide(text); reason != bearer.InvalidRequest || called {
					t.Errorf("%q: got reason %q (call of the verifier: %v), want reason %q (call of the verifier: false)", text, reason, called, bearer.InvalidRequest)
				}
			}
			text[place] = 'a'
		}
	}
}

// opaque is a type of custom claims that Custom cannot copy.
type opaque struct{ hidden []string }

// TestCustomSecondDecoding tests custom claims that Custom cannot copy. Custom decodes such
// claims a second time. If the second decoding fails, Custom must return no custom claims.
func TestCustomSecondDecoding(t *testing.T) {
	issuer := newIssuer(t)
	for name, row := range map[string]struct {
		second func() (any, error) // result of the second decoding
		want   bool
	}{
		"same value":            {func() (any, error) { return opaque{[]string{"a"}}, nil }, true},
		"value and error":       {func() (any, error) { return opaque{[]string{"a"}}, errors.New("no") }, false},
		"value of another type": {func() (any, error) { return "x", nil }, false},
		"no value":              {func() (any, error) { return nil, nil }, false},
	} {
		calls := 0
		v := newVerifier(t, issuer, func(c *bearer.Config) {
			c.Custom = func([]byte) (any, error) {
				if calls++; calls == 1 {
					return opaque{[]string{"a"}}, nil
				}
				return row.second()
			}
		})
		ctx, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All()})
		if err != nil {
			t.Fatal(err)
		}
		got, ok := bearer.Custom[opaque](ctx)
		if ok != row.want || ok != (len(got.hidden) == 1) {
			t.Errorf("%s: got ok=%v and custom claims %v, want ok=%v, and custom claims only if ok is true", name, ok, got, row.want)
		}
	}
}
