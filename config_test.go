package bearer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// TestNewErrors tests that New returns one error for all problems of a configuration. The
// error must name the field and the value of each problem.
func TestNewErrors(t *testing.T) {
	keys := &jwks.Set{}
	ok := bearer.Config{Issuer: "https://issuer.example", Audience: []string{"a"}, Keys: keys}
	with := func(change func(*bearer.Config)) bearer.Config {
		cfg := ok
		change(&cfg)
		return cfg
	}
	for _, row := range []struct {
		name string
		cfg  bearer.Config
		want []string
	}{
		{"empty Config", bearer.Config{}, []string{"Config.Issuer", "Config.Audience"}},
		{"algorithm none", with(func(c *bearer.Config) { c.Algorithms = []string{"none", "RS256"} }), []string{"Config.Algorithms", `"none"`}},
		{"algorithm None", with(func(c *bearer.Config) { c.Algorithms = []string{"None"} }), []string{`"None"`}},
		{"algorithm HS256", with(func(c *bearer.Config) { c.Algorithms = []string{"HS256"} }), []string{`"HS256"`, "shared secret"}},
		{"algorithm hs512", with(func(c *bearer.Config) { c.Algorithms = []string{"hs512"} }), []string{`"hs512"`}},
		{"unknown algorithm", with(func(c *bearer.Config) { c.Algorithms = []string{"ES256K"} }), []string{`"ES256K"`}},
		{"empty list of algorithms", with(func(c *bearer.Config) { c.Algorithms = []string{} }), []string{"Config.Algorithms"}},
		{"empty audience", with(func(c *bearer.Config) { c.Audience = []string{"a", ""} }), []string{"Config.Audience"}},
		{"durations without a unit", with(func(c *bearer.Config) { c.MaxLifetime, c.MaxAge = 3600, 15 }), []string{"Config.MaxLifetime: 3600 is 3.6µs, which is too short; did you mean 3600*time.Second?", "Config.MaxAge: 15 is 15ns, which is too short; did you mean 15*time.Minute?"}},
		{"negative durations", with(func(c *bearer.Config) { c.MaxLifetime, c.MaxAge = -1, -time.Second }), []string{"Config.MaxLifetime: -1ns", "Config.MaxAge: -1s"}},
		{"empty list of types", with(func(c *bearer.Config) { c.Profile.Types = []string{} }), []string{"Config.Profile.Types"}},
		{"empty claim names", with(func(c *bearer.Config) {
			c.Profile.Scopes, c.Profile.ClientID, c.Profile.Required = []string{""}, []string{""}, []string{""}
		}), []string{"Profile.Scopes", "Profile.ClientID", "Profile.Required"}},
		{"nil cache", with(func(c *bearer.Config) { c.Keys = (*jwks.Cache)(nil) }), []string{"Config.Keys: a nil *jwks.Cache"}},
		{"Config.Keys is nil and Config.Issuer is not a URL", with(func(c *bearer.Config) { c.Issuer, c.Keys = "acme", nil }), []string{"Config.Issuer", `"acme"`, "Config.Keys"}},
		{"Config.Keys is nil and Config.Issuer has the scheme http", with(func(c *bearer.Config) { c.Issuer, c.Keys = "http://issuer.example", nil }), []string{"http"}},
		{
			"several problems",
			bearer.Config{Algorithms: []string{"none", "HS256"}, MaxAge: -1},
			[]string{"Config.Issuer", "Config.Audience", `"none"`, `"HS256"`, "Config.MaxAge"},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			v, err := bearer.New(row.cfg)
			if err == nil || v != nil {
				t.Fatalf("got verifier %v and error %v, want no verifier and an error", v, err)
			}
			for _, want := range row.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got error %v, want %q in the text", err, want)
				}
			}
		})
	}
	if _, err := bearer.New(ok); err != nil {
		t.Errorf("valid configuration: got error %v, want none", err)
	}
}

// TestConfigIsCopied changes the slices of a configuration after New has returned. The
// verifier must not change.
func TestConfigIsCopied(t *testing.T) {
	issuer := newIssuer(t)
	audiences, algorithms, types := []string{audience}, []string{"RS256"}, []string{"at+jwt"}
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Audience, cfg.Algorithms, cfg.Profile.Types = audiences, algorithms, types
	})
	audiences[0], algorithms[0], types[0] = "x", "ES256", "x"
	if _, err := v.Verify(t.Context(), issuer.Token(nil)); err != nil {
		t.Errorf("got error %v, want none, because the verifier has a copy of the slices", err)
	}
}

// TestReady calls Ready with a fixed key set and with discovered keys.
func TestReady(t *testing.T) {
	if err := newVerifier(t, newIssuer(t), nil).Ready(t.Context()); err != nil {
		t.Errorf("fixed key set: got error %v, want none", err)
	}
	issuer := bearertest.NewIssuer(nil)
	defer issuer.Close()
	v, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Ready(t.Context()); err != nil {
		t.Errorf("discovered keys: got error %v, want none", err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), issuer.Token(members{"aud": audience})); !errors.Is(err, bearer.KeysUnavailable) {
		t.Errorf("after Close: got error %v, want reason %q", err, bearer.KeysUnavailable)
	}
}

// TestRequired tests that a token must contain the claims of Config.Required in addition to
// the claims that the profile requires.
func TestRequired(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Required = []string{"org_id", "/custom_claims/team"} })
	for _, row := range []struct {
		claims members
		want   bearer.Reason
		text   string
	}{
		{members{"org_id": "o", "custom_claims": members{"team": "t"}}, "", ""},
		{members{"org_id": "o", "custom_claims": members{}}, bearer.InvalidClaims, "team"},
		{members{"org_id": nil, "custom_claims": members{"team": "t"}}, bearer.InvalidClaims, "org_id"},
		{members{"org_id": raw("null"), "custom_claims": members{"team": "t"}}, bearer.InvalidClaims, "org_id"},
		{members{"org_id": "o", "custom_claims": members{"team": "t"}, "jti": nil}, bearer.InvalidClaims, "jti"}, // required by the profile
	} {
		_, err := v.Verify(t.Context(), issuer.Token(row.claims))
		if got := reasonOf(t, err); got != row.want || err != nil && !strings.Contains(err.Error(), row.text) {
			t.Errorf("%v: got error %v, want reason %q and %q in the text", row.claims, err, row.want, row.text)
		}
	}
	_, err := bearer.New(bearer.Config{Required: []string{"", "/a//b"}})
	if err == nil || strings.Count(err.Error(), "Config.Required") != 2 {
		t.Errorf("two invalid claim names: got error %v, want an error that reports both names", err)
	}
}
