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

// TestRefusedAlgorithms wants errors of New that say why.
func TestRefusedAlgorithms(t *testing.T) {
	issuer := newIssuer(t)
	cfg := testkit.Config(t, issuer)
	for alg, want := range map[string]string{
		"none": "proves nothing", "NONE": "proves nothing", "HS256": "shared secret", "hs512": "shared secret", "RS1": "not an algorithm", "": "not an algorithm",
	} {
		cfg.Algorithms = []string{alg}
		_, err := bearer.New(cfg)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", alg, err, want)
		}
	}
}

// TestNothingRunsBehindAnError wants no cache left running by a New that fails:
// the bubble would tell.
func TestNothingRunsBehindAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, err := bearer.New(bearer.Config{Issuer: "https://issuer.example"}); err == nil {
			t.Error("got a verifier without an audience")
		}
	})
}

// TestOneEvent has a verifier around ours that tells outcomes itself, as tracers do.
// Each outcome is told once.
func TestOneEvent(t *testing.T) {
	issuer := newIssuer(t)
	told := &testkit.Recorder{}
	v := newVerifier(t, issuer, func(c *bearer.Config) { c.Observer = told })
	for _, token := range []string{issuer.Token(nil), issuer.Forge(nil, nil)} {
		for name, verifier := range map[string]bearer.Verifier{
			"ours": v, "around ours, observing": around{v}, "around ours": bearer.VerifierFunc(v.Verify),
		} {
			for range 2 { // the second time from memory
				_, err := bearer.Decide(t.Context(), verifier, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All()})
				events := told.Take()
				if len(events) != 1 || (events[0].Reason == "") != (err == nil) {
					t.Errorf("%s: got %d events %+v beside %v, want one", name, len(events), events, err)
				}
			}
		}
		_, err := v.Verify(t.Context(), token)
		if events := told.Take(); len(events) != 1 || (events[0].Reason == "") != (err == nil) {
			t.Errorf("without a guard: got %d events beside %v, want one", len(events), err)
		}
	}
}

// around is a verifier around another one.
type around struct{ inner *bearer.JWTVerifier }

func (a around) Verify(ctx context.Context, token string) (*bearer.Claims, error) {
	return a.inner.Verify(ctx, token)
}

func (a around) Observe(ctx context.Context, e bearer.Event) { a.inner.Observe(ctx, e) }

// TestCredentialsAreBounded wants nothing long to reach a verifier, whoever's it is.
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
			t.Errorf("%d bytes: got the verifier called %v, want %v: %v", length, called, want, err)
		}
	}
}

// TestAudienceOfAnotherForm has a claim that a profile takes for the audience, and
// that is no text.
func TestAudienceOfAnotherForm(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, func(c *bearer.Config) { c.Profile.Audience = []string{"resource"} })
	for value, want := range map[string]bearer.Reason{
		`"deployment-api"`: "", `["x","deployment-api"]`: "", `"other"`: bearer.WrongAudience, `[]`: bearer.WrongAudience, `[""]`: bearer.WrongAudience,
		`1`: bearer.InvalidClaims, `{}`: bearer.InvalidClaims, `null`: bearer.InvalidClaims, `true`: bearer.InvalidClaims, `["deployment-api",1]`: bearer.InvalidClaims, `[["deployment-api"]]`: bearer.InvalidClaims,
	} {
		_, err := v.Verify(t.Context(), issuer.Token(map[string]any{"resource": raw(value)}))
		if got := reasonOf(t, err); got != want {
			t.Errorf("%s: got %q, want %q", value, got, want)
		}
	}
	if _, err := v.Verify(t.Context(), issuer.Token(nil)); reasonOf(t, err) != bearer.WrongAudience {
		t.Errorf("without the claim: got %v, want %s", err, bearer.WrongAudience)
	}
}

// TestHintsAreOfUse wants no profile named where that would be wrong advice.
func TestHintsAreOfUse(t *testing.T) {
	issuer := newIssuer(t)
	plain := newVerifier(t, issuer, nil)
	marked := newVerifier(t, issuer, func(c *bearer.Config) {
		c.Profile = bearer.Profile{Name: "mine", ForbiddenHeader: map[string]string{"x": "for nobody"}}
	})
	for _, row := range []struct {
		name    string
		v       *bearer.JWTVerifier
		header  map[string]any
		claims  map[string]any
		advised string // a profile that is named, or ""
	}{
		{"another typ", plain, map[string]any{"typ": "JWT"}, nil, "Scalekit"},
		{"expired", plain, nil, map[string]any{"exp": 1}, ""},
		{"expired, of another typ", plain, map[string]any{"typ": "JWT"}, map[string]any{"exp": 1}, "Scalekit"},
		{"not valid yet", plain, nil, map[string]any{"nbf": int64(4000000000)}, ""},
		{"bound", plain, nil, map[string]any{"cnf": map[string]any{"jkt": "x"}}, ""},
		{"a proof", plain, map[string]any{"typ": "dpop+jwt"}, nil, ""},
		{"for nobody", marked, map[string]any{"x": 1}, nil, ""},
		{"of no audience", plain, map[string]any{"typ": "JWT"}, map[string]any{"aud": nil, "client_id": nil, "jti": nil}, ""},
		{"an ID token of another kind", plain, map[string]any{"typ": "JWT"}, map[string]any{"typ": "Bearer", "token_use": "id"}, ""},
	} {
		_, err := row.v.Verify(t.Context(), issuer.Mint(row.header, row.claims))
		if err == nil {
			t.Errorf("%s: got it accepted", row.name)
			continue
		}
		text := err.Error()
		if strings.Contains(text, "Config.Profile") != (row.advised != "") || !strings.Contains(text, row.advised) {
			t.Errorf("%s: got %q, want %q advised", row.name, text, row.advised)
		}
	}
}

// TestReasonsOfErrors asks errors for reasons as code does.
func TestReasonsOfErrors(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, nil)
	for name, row := range map[string]struct {
		token string
		is    bearer.Reason
	}{
		"shared by all requests": {"x", bearer.Malformed}, "of its own": {issuer.Token(map[string]any{"exp": 1}), bearer.Expired}, "empty": {"", bearer.NoToken},
	} {
		_, err := v.Verify(t.Context(), row.token)
		if !errors.Is(err, row.is) || errors.Is(err, bearer.Revoked) || errors.Is(err, context.Canceled) || errors.Is(err, errors.New("x")) {
			t.Errorf("%s: got %v, want it to be %s and nothing else", name, err, row.is)
		}
		if e, ok := errors.AsType[*bearer.Error](err); !ok || e.Reason != row.is {
			t.Errorf("%s: got %v for an *Error, want %s", name, e, row.is)
		}
		if other, ok := errors.AsType[*jwks.UnavailableError](err); ok || other != nil {
			t.Errorf("%s: got an error of another type, %v", name, other)
		}
	}
	cause := errors.New("cause")
	v = newVerifier(t, issuer, func(c *bearer.Config) {
		c.Custom = func([]byte) (any, error) { return nil, cause }
	})
	if _, err := v.Verify(t.Context(), issuer.Token(nil)); !errors.Is(err, cause) || !errors.Is(err, bearer.InvalidCustom) {
		t.Errorf("got %v, want the hook's error in it", err)
	}
	if _, err := v.Verify(t.Context(), issuer.Mint(map[string]any{"kid": "x"}, nil)); !errors.Is(err, jwks.ErrUnknownKey) {
		t.Errorf("got %v, want the cache's error in it", err)
	}
}

// TestTemplatesGo removes one of two issuers that are templates.
func TestTemplatesGo(t *testing.T) {
	const one, two = "https://one.example/{tenantid}/", "https://two.example/{tenantid}/"
	const tenant = "8a8f3c9e-0b1c-4b7e-9a33-5d4c2f1e0a77"
	var several bearer.Issuers
	mints := make(map[string]func() string)
	for _, name := range []string{one, two} {
		issuer := newIssuer(t)
		cfg := testkit.Config(t, issuer)
		cfg.Issuer = name
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
			t.Errorf("got %q for the authorization servers of a template, want none", got)
		}
	}
	for _, step := range []struct {
		remove   string
		one, two bearer.Reason
	}{{"", "", ""}, {one, bearer.WrongIssuer, ""}, {two, bearer.WrongIssuer, bearer.WrongIssuer}} {
		if step.remove != "" && !several.Remove(step.remove) {
			t.Errorf("got %q not there", step.remove)
		}
		for name, want := range map[string]bearer.Reason{one: step.one, two: step.two} {
			token := mints[name]() // one that nobody remembers, and then one that is remembered
			for range 2 {
				if _, err := several.Verify(t.Context(), token); reasonOf(t, err) != want {
					t.Errorf("after %q was removed, %s: got %v, want %q", step.remove, name, err, want)
				}
			}
		}
	}
}

// TestEmptyAliases wants a profile with an empty alias refused: a token without
// "iss" names it.
func TestEmptyAliases(t *testing.T) {
	issuer := newIssuer(t)
	cfg := testkit.Config(t, issuer)
	for name, profile := range map[string]bearer.Profile{
		"alias": {Aliases: []string{issuer.URL(), ""}}, "inert confirmation": {InertConfirmation: []string{""}}, "values": {RequiredValues: map[string][]string{"a": nil}},
	} {
		cfg.Profile = profile
		if _, err := bearer.New(cfg); err == nil {
			t.Errorf("an empty %s: got a verifier", name)
		}
	}
}

// validating is custom claims that judge themselves by pointer.
type validating struct {
	Level int `json:"level"`
}

func (v *validating) Validate() error {
	if v.Level < 0 {
		return errors.New("below nought")
	}
	return nil
}

// judging is custom claims that judge themselves by value.
type judging struct {
	Level int `json:"level"`
}

func (j judging) Validate() error { return (*validating)(&j).Validate() }

// TestCustomIsJudged has the ways in which custom claims can be wrong.
func TestCustomIsJudged(t *testing.T) {
	issuer := newIssuer(t)
	for name, row := range map[string]struct {
		custom func([]byte) (any, error)
		claims map[string]any
		want   bearer.Reason
	}{
		"good":                  {bearer.JSON[validating], map[string]any{"level": 1}, ""},
		"refused by a method":   {bearer.JSON[validating], map[string]any{"level": -1}, bearer.InvalidCustom},
		"good by value":         {bearer.JSON[judging], map[string]any{"level": 1}, ""},
		"refused by value":      {bearer.JSON[judging], map[string]any{"level": -1}, bearer.InvalidCustom},
		"a value and an error":  {func([]byte) (any, error) { return judging{}, errors.New("no") }, nil, bearer.InvalidCustom},
		"no value":              {func([]byte) (any, error) { return nil, nil }, nil, ""},
		"of another type":       {bearer.JSON[validating], map[string]any{"level": "x"}, bearer.InvalidCustom},
		"inside, good":          {bearer.JSONAt[validating]("c"), map[string]any{"c": map[string]any{"level": 1}}, ""},
		"inside, refused":       {bearer.JSONAt[validating]("c"), map[string]any{"c": map[string]any{"level": -1}}, bearer.InvalidCustom},
		"inside, missing":       {bearer.JSONAt[validating]("c"), nil, bearer.InvalidCustom},
		"inside, null":          {bearer.JSONAt[validating]("c"), map[string]any{"c": raw("null")}, bearer.InvalidCustom},
		"deep inside":           {bearer.JSONAt[validating]("/c/d"), map[string]any{"c": map[string]any{"d": map[string]any{"level": 1}}}, ""},
		"deep inside, no such":  {bearer.JSONAt[validating]("/c/e"), map[string]any{"c": map[string]any{"d": 1}}, bearer.InvalidCustom},
		"deep inside of a text": {bearer.JSONAt[validating]("/c/e"), map[string]any{"c": "x"}, bearer.InvalidCustom},
	} {
		v := newVerifier(t, issuer, func(c *bearer.Config) { c.Custom = row.custom })
		c, err := v.Verify(t.Context(), issuer.Token(row.claims))
		if got := reasonOf(t, err); got != row.want || (c == nil) != (err != nil) {
			t.Errorf("%s: got %v, want %q", name, err, row.want)
		}
	}
	if _, err := bearer.JSONAt[validating]("c")([]byte(`{"c":{"level":1}`)); err == nil {
		t.Error("got custom claims of what is no JSON")
	}
}

// TestLongAgo has times before the first year, and near the edges of those that
// there are.
func TestLongAgo(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, nil)
	for value, want := range map[string]bearer.Reason{
		"-253402300799": "", "-253402300800": bearer.InvalidClaims, "-9223372036854775808": bearer.InvalidClaims, "-1e12": bearer.InvalidClaims, "-2.53402300799e11": "",
		`"NaN"`: bearer.InvalidClaims, `"1"`: bearer.InvalidClaims, "1e-999": "",
	} {
		_, err := v.Verify(t.Context(), issuer.Token(map[string]any{"nbf": raw(value)}))
		if got := reasonOf(t, err); got != want {
			t.Errorf("nbf %s: got %q, want %q", value, got, want)
		}
	}
}

// TestBoundsNeedIssuedAt has a token that does not say when it was issued, where a
// bound depends on that.
func TestBoundsNeedIssuedAt(t *testing.T) {
	issuer := newIssuer(t)
	for name, row := range map[string]struct {
		lifetime, age time.Duration
		want          bearer.Reason
	}{"no bound": {0, 0, ""}, "lifetime": {time.Hour, 0, bearer.InvalidClaims}, "age": {0, time.Hour, bearer.InvalidClaims}, "both": {time.Hour, time.Hour, bearer.InvalidClaims}} {
		v := newVerifier(t, issuer, func(c *bearer.Config) {
			c.MaxLifetime, c.MaxAge, c.Profile.Required = row.lifetime, row.age, []string{}
		})
		for range 2 {
			if _, err := v.Verify(t.Context(), issuer.Token(map[string]any{"iat": nil, "exp": time.Now().Add(time.Minute)})); reasonOf(t, err) != row.want {
				t.Errorf("%s: got %v, want %q", name, err, row.want)
			}
		}
	}
}

// TestEveryCharacterOfCredentials puts a character that does not belong into every
// place of credentials of every length.
func TestEveryCharacterOfCredentials(t *testing.T) {
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
			t.Errorf("%d characters: got %s", length, reason)
		}
		for place := range text {
			for _, c := range []byte("\x00\t!\"(,:;@[`{\x7f\x80\xff") {
				text[place] = c
				if reason := decide(text); reason != bearer.InvalidRequest || called {
					t.Errorf("%q: got %s and the verifier called %v, want %s", text, reason, called, bearer.InvalidRequest)
				}
			}
			text[place] = 'a'
		}
	}
}

// opaque is custom claims that nobody else can copy.
type opaque struct{ hidden []string }

// TestCustomOfUnknownInside has claims that are decoded once more for each handler,
// and what comes of it where that fails.
func TestCustomOfUnknownInside(t *testing.T) {
	issuer := newIssuer(t)
	for name, row := range map[string]struct {
		again func() (any, error)
		want  bool
	}{
		"again the same":          {func() (any, error) { return opaque{[]string{"a"}}, nil }, true},
		"an error":                {func() (any, error) { return opaque{[]string{"a"}}, errors.New("no") }, false},
		"a value of another type": {func() (any, error) { return "x", nil }, false},
		"no value":                {func() (any, error) { return nil, nil }, false},
	} {
		calls := 0
		v := newVerifier(t, issuer, func(c *bearer.Config) {
			c.Custom = func([]byte) (any, error) {
				if calls++; calls == 1 {
					return opaque{[]string{"a"}}, nil
				}
				return row.again()
			}
		})
		ctx, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All()})
		if err != nil {
			t.Fatal(err)
		}
		got, ok := bearer.Custom[opaque](ctx)
		if ok != row.want || ok != (len(got.hidden) == 1) {
			t.Errorf("%s: got %v, %v, want %v", name, got, ok, row.want)
		}
	}
}
