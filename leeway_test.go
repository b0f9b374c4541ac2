package bearer_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
)

// leewayRows are tokens at the limits of the time claims. The durations are relative to now, and
// the reasons belong to the Leeway of the row.
var leewayRows = []struct {
	name          string
	leeway        time.Duration
	iat, nbf, exp time.Duration
	want          bearer.Reason
}{
	{"exp is now, no Leeway", 0, -time.Hour, -time.Hour, 0, bearer.Expired},
	{"exp 29 s ago", 30 * time.Second, -time.Hour, -time.Hour, -29 * time.Second, ""},
	{"exp 30 s ago", 30 * time.Second, -time.Hour, -time.Hour, -30 * time.Second, bearer.Expired},
	{"exp 299 s ago", 5 * time.Minute, -time.Hour, -time.Hour, -299 * time.Second, ""},
	{"exp 300 s ago", 5 * time.Minute, -time.Hour, -time.Hour, -300 * time.Second, bearer.Expired},
	{"nbf in 60 s, no Leeway", 0, 0, 60 * time.Second, time.Hour, ""},
	{"nbf in 61 s, no Leeway", 0, 0, 61 * time.Second, time.Hour, bearer.NotYetValid},
	{"nbf in 90 s", 30 * time.Second, 0, 90 * time.Second, time.Hour, ""},
	{"nbf in 91 s", 30 * time.Second, 0, 91 * time.Second, time.Hour, bearer.NotYetValid},
	{"nbf in 360 s", 5 * time.Minute, 0, 360 * time.Second, time.Hour, ""},
	{"nbf in 361 s", 5 * time.Minute, 0, 361 * time.Second, time.Hour, bearer.NotYetValid},
	{"iat in 90 s", 30 * time.Second, 90 * time.Second, 0, time.Hour, ""},
	{"iat in 91 s", 30 * time.Second, 91 * time.Second, 0, time.Hour, bearer.NotYetValid},
	{"MaxAge has no Leeway", 5 * time.Minute, -2*time.Hour - time.Second, 0, 30 * time.Minute, bearer.Expired},
	{"MaxLifetime has no Leeway", 5 * time.Minute, 0, 0, 3*time.Hour + time.Second, bearer.InvalidClaims},
}

// TestLeeway tests the limits of the time claims with Config.Leeway, for a JWTVerifier and for an
// Issuers.
func TestLeeway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t, "EdDSA")
		for _, row := range leewayRows {
			now := time.Now()
			in := func(d time.Duration) int64 { return now.Add(d).Unix() }
			token := issuer.Token(members{"iat": in(row.iat), "nbf": in(row.nbf), "exp": in(row.exp)})
			cfg := testkit.Config(t, issuer)
			cfg.Leeway, cfg.MaxAge, cfg.MaxLifetime = row.leeway, 2*time.Hour, 3*time.Hour
			for kind, v := range oneAndSeveral(t, cfg) {
				if _, err := v.Verify(t.Context(), token); reasonOf(t, err) != row.want {
					t.Errorf("%s, %s: got error %v, want reason %q", kind, row.name, err, row.want)
				}
			}
		}
	})
}

// TestLeewayOfCachedTokens tests that a cached token is accepted until Leeway after "exp", and that
// the cache keeps it until then.
func TestLeewayOfCachedTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t, "EdDSA")
		v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Leeway = 4 * time.Minute })
		exp := time.Now().Add(10 * time.Second)
		token := issuer.Token(members{"exp": exp.Unix()})
		until := exp.Add(4 * time.Minute)
		claims, err := v.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if !claims.ExpiresAt().Equal(exp) || !claims.ValidUntil().Equal(until) {
			t.Errorf("got ExpiresAt %v and ValidUntil %v, want %v and %v", claims.ExpiresAt(), claims.ValidUntil(), exp, until)
		}
		for time.Until(until) > time.Second { // the cache removes expired tokens in the meantime
			time.Sleep(time.Second)
			if _, err := v.Verify(t.Context(), token); err != nil {
				t.Fatalf("%v after exp: %v", time.Since(exp), err)
			}
		}
		time.Sleep(time.Until(until) - 1)
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Errorf("1 ns before the end of the Leeway: got error %v, want none", err)
		}
		if status := v.Status()[0].Cache; status.Misses > 2 || status.Entries != 1 {
			t.Errorf("got %+v, want one cached token, and at most one more miss in the last second", status)
		}
		time.Sleep(time.Nanosecond)
		if _, err := v.Verify(t.Context(), token); reasonOf(t, err) != bearer.Expired {
			t.Errorf("at the end of the Leeway: got error %v, want reason %q", err, bearer.Expired)
		}
	})
}

// TestLeewayOfEachIssuer tests that the Leeway of one issuer has no effect on another issuer, and
// that Replace changes the Leeway of tokens that are cached.
func TestLeewayOfEachIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		named := func(url string) *bearertest.Issuer {
			return bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: url, Audience: []string{audience}, Algorithms: []string{"EdDSA"}})
		}
		strict, lax := named("https://strict.example"), named("https://lax.example")
		config := func(issuer *bearertest.Issuer, leeway time.Duration) bearer.Config {
			cfg := testkit.Config(t, issuer)
			cfg.Leeway = leeway
			return cfg
		}
		var issuers bearer.Issuers
		if err := issuers.Add(config(strict, 0), config(lax, time.Minute)); err != nil {
			t.Fatal(err)
		}
		exp := time.Now().Add(time.Minute).Unix()
		tokens := map[string]string{"strict": strict.Token(members{"exp": exp}), "lax": lax.Token(members{"exp": exp})}
		check := func(when string, want map[string]bearer.Reason) {
			t.Helper()
			for name, token := range tokens {
				if _, err := issuers.Verify(t.Context(), token); reasonOf(t, err) != want[name] {
					t.Errorf("%s: %s: got error %v, want reason %q", when, name, err, want[name])
				}
			}
		}
		check("new", nil)
		time.Sleep(90 * time.Second)
		check("30 s after exp", map[string]bearer.Reason{"strict": bearer.Expired})
		if err := issuers.Replace(config(strict, time.Minute), config(lax, 0)); err != nil {
			t.Fatal(err)
		}
		check("after Replace", map[string]bearer.Reason{"lax": bearer.Expired})
	})
}

// TestLeewayErrors tests the values that New refuses.
func TestLeewayErrors(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	for _, row := range []struct {
		leeway time.Duration
		want   string
	}{
		{-1, "Config.Leeway: -1ns is negative"},
		{-time.Minute, "Config.Leeway: -1m0s is negative"},
		{5*time.Minute + 1, "is more than 5m0s; correct the clocks"},
		{time.Hour, "Config.Leeway: 1h0m0s is more than 5m0s"},
		{60, "Config.Leeway: 60 is 60ns, which is too short; did you mean 60*time.Second?"},
		{0, ""},
		{20 * time.Millisecond, ""},
		{5 * time.Minute, ""},
	} {
		cfg := testkit.Config(t, issuer)
		cfg.Leeway = row.leeway
		_, err := bearer.New(cfg)
		switch {
		case (err == nil) != (row.want == ""):
			t.Errorf("Leeway %v: got error %v, want %q", row.leeway, err, row.want)
		case err != nil && !strings.Contains(err.Error(), row.want):
			t.Errorf("Leeway %v: got error %v, want %q in the text", row.leeway, err, row.want)
		}
	}
}

// TestValidUntil tests the end of a token with Config.MaxAge, and without a verifier.
func TestValidUntil(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	now := time.Now().Truncate(time.Second)
	for _, row := range []struct {
		name             string
		leeway, age, exp time.Duration
		want             time.Duration
	}{
		{"exp", 0, 0, time.Hour, time.Hour},
		{"Leeway", time.Minute, 0, time.Hour, time.Hour + time.Minute},
		{"MaxAge is earlier", time.Minute, 30 * time.Minute, time.Hour, 30 * time.Minute},
		{"MaxAge is between exp and the end of the Leeway", 5 * time.Minute, time.Hour + 2*time.Minute, time.Hour, time.Hour + 2*time.Minute},
		{"MaxAge is later", time.Minute, 2 * time.Hour, time.Hour, time.Hour + time.Minute},
	} {
		v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Leeway, cfg.MaxAge = row.leeway, row.age })
		claims, err := v.Verify(t.Context(), issuer.Token(members{"iat": now.Unix(), "exp": now.Add(row.exp).Unix()}))
		if err != nil {
			t.Fatal(err)
		}
		if got := claims.ValidUntil().Sub(now); got != row.want {
			t.Errorf("%s: got %v after iat, want %v", row.name, got, row.want)
		}
		if got := claims.WithCustom(1).ValidUntil().Sub(now); got != row.want {
			t.Errorf("%s: got %v after iat for the result of WithCustom, want %v", row.name, got, row.want)
		}
	}
	claims, err := bearer.Profile{}.Claims([]byte(`{"exp":4102444800}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := claims.ValidUntil().Unix(); got != 4102444800 {
		t.Errorf("Profile.Claims: got %d, want exp", got)
	}
	if !new(bearer.Claims).ValidUntil().IsZero() {
		t.Error("zero Claims: got a time, want the zero Time")
	}
}

// TestLeewayTexts tests the texts of a refusal and of an explanation with a Leeway.
func TestLeewayTexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t, "EdDSA")
		v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Leeway = 90 * time.Second })
		now := time.Now() // midnight of 2000-01-01 UTC
		for _, row := range []struct {
			claims       members
			detail, want string
		}{
			{members{"exp": now.Add(-90 * time.Second).Unix()}, "exp was 1999-12-31T23:58:30Z, more than 1m30s ago (Config.Leeway)", "exp after 1999-12-31T23:58:30Z, which is 1m30s behind this machine's clock (Config.Leeway)"},
			{members{"nbf": now.Add(151 * time.Second).Unix()}, "nbf is 2000-01-01T00:02:31Z, more than 2m30s (60 s and Config.Leeway) ahead of this machine's clock", "no nbf, or nbf not after 2000-01-01T00:02:30Z, which is 2m30s (60 s and Config.Leeway) ahead of this machine's clock"},
			{members{"iat": now.Add(151 * time.Second).Unix()}, "iat is 2000-01-01T00:02:31Z, more than 2m30s (60 s and Config.Leeway) ahead of this machine's clock", "no iat, or iat not after 2000-01-01T00:02:30Z, which is 2m30s (60 s and Config.Leeway) ahead of this machine's clock"},
		} {
			token := issuer.Token(row.claims)
			x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}})
			if !strings.Contains(x.Detail, row.detail) {
				t.Errorf("got detail %q, want %q in it", x.Detail, row.detail)
			}
			if !strings.Contains(x.String(), row.want) {
				t.Errorf("got explanation %s, want %q in it", x, row.want)
			}
		}
	})
}
