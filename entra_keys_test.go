package bearer_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

const (
	entraTenant  = "8a0671e2-3a30-4d30-9cb9-ad709b9c744a"
	otherTenant  = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	entraIssuer1 = "https://sts.windows.net/" + entraTenant + "/"
	entraIssuer2 = "https://login.microsoftonline.com/" + entraTenant + "/v2.0"
)

// entraToken returns a token of Entra ID. Its version is 1 if the issuer has a slash at the end.
func entraToken(key *bearertest.Key, iss string) string {
	client := `"azp":"c","ver":"2.0"`
	if strings.HasSuffix(iss, "/") {
		client = `"appid":"c","ver":"1.0"`
	}
	return key.Sign(fmt.Appendf(nil, `{"alg":%q,"typ":"JWT","kid":%q}`, key.Algorithm(), key.ID()), fmt.Appendf(nil,
		`{"iss":%q,"tid":%q,"aud":%q,"sub":"s","iat":1,"exp":4102444800,%s}`, iss, entraTenant, audience, client))
}

// TestClouds verifies tokens of Entra ID's clouds with keys that name the issuers of all clouds. A
// token of version 1 is accepted only if the key names the version 2 issuer of the same cloud and
// of the same tenant. The version 1 issuer of the public cloud and of the US government is the
// same.
func TestClouds(t *testing.T) {
	clouds := []struct{ v1, v2 string }{
		{"https://sts.windows.net/{tenantid}/", "https://login.microsoftonline.com/{tenantid}/v2.0"},
		{"https://sts.windows.net/{tenantid}/", "https://login.microsoftonline.us/{tenantid}/v2.0"},
		{"https://sts.chinacloudapi.cn/{tenantid}/", "https://login.partner.microsoftonline.cn/{tenantid}/v2.0"},
		{"", "https://login.chinacloudapi.cn/{tenantid}/v2.0"}, // endpoints that no token has as its issuer
		{"", "https://login.microsoftonline.com.evil.example/{tenantid}/v2.0"},
		{"", "https://evil.example/{tenantid}/v2.0"},
		{"", "https://login.microsoftonline.com/x/{tenantid}/v2.0"},
	}
	of := func(form, tid string) string { return strings.ReplaceAll(form, "{tenantid}", tid) }
	key := bearertest.NewKey("EdDSA", "k")
	accepted := 0
	for _, own := range clouds[:3] {
		for _, form := range []string{own.v1, own.v2} {
			profile := bearer.EntraV2
			if form == own.v1 {
				profile = bearer.EntraV1
			}
			for _, signer := range clouds {
				for _, named := range []struct {
					issuer string
					mine   bool // the key is for all tenants, or for the tenant of the token
				}{{signer.v2, true}, {of(signer.v2, entraTenant), true}, {of(signer.v2, otherTenant), false}} {
					keys, err := jwks.Parse([]byte(`{"keys":[` + withIssuer(key, named.issuer) + `]}`))
					if err != nil {
						t.Fatal(err)
					}
					want := bearer.WrongIssuer
					if named.mine && (form == signer.v1 || form == signer.v2) {
						want, accepted = "", accepted+1
					}
					for _, configured := range []string{form, of(form, entraTenant)} {
						v, err := bearer.New(bearer.Config{Issuer: configured, Audience: []string{audience}, Keys: keys, Profile: profile, InsecureAnyTenant: configured == form, Logger: slog.New(slog.DiscardHandler)})
						if err != nil {
							t.Fatal(err)
						}
						_, err = v.Verify(t.Context(), entraToken(key, of(form, entraTenant)))
						if got := reasonOf(t, err); got != want {
							t.Errorf("Config.Issuer %s, key of %s: got reason %q, want %q; error: %v", configured, named.issuer, got, want, err)
						}
					}
				}
			}
		}
	}
	if accepted < 10 {
		t.Errorf("got %d accepted keys, want at least 10", accepted)
	}
}

// TestKeyOfOtherIssuer sends genuine tokens whose key names a different issuer. A newer key set
// cannot make a forged signature valid, and this signature is valid already. So the verdict is
// final: the verifier fetches no keys, and the refusals do not count as a flood of forged tokens.
func TestKeyOfOtherIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := bearertest.NewKey("EdDSA", "shared-kid")
		const named = "https://login.microsoftonline.com/" + otherTenant + "/v2.0"
		issuer := newIssuer(t)
		issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Body: []byte(`{"keys":[` + withIssuer(key, named) + `]}`)})
		events := &testkit.Recorder{}
		cache, err := jwks.New(issuer.KeysURL(), &jwks.Options{Transport: issuer.Transport(), Logger: slog.New(slog.DiscardHandler), RefuseNotAsked: true})
		if err != nil {
			t.Fatal(err)
		}
		defer cache.Close()
		v, err := bearer.New(bearer.Config{Issuer: entraIssuer2, Audience: []string{audience}, Keys: cache, Profile: bearer.EntraV2, Observer: events, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		token := entraToken(key, entraIssuer2)
		request := bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All()}
		for range 50 {
			if _, err := bearer.Decide(t.Context(), v, request); reasonOf(t, err) != bearer.WrongIssuer {
				t.Fatalf("got error %v, want reason %q", err, bearer.WrongIssuer)
			}
		}
		taken := events.Take()
		if len(taken) != 50 {
			t.Errorf("got %d events, want 50", len(taken))
		}
		for i, e := range taken {
			if e.Reason != bearer.WrongIssuer || !e.Unverified || e.Claims != nil {
				t.Fatalf("event %d: got reason %q, unverified %v, want reason %q, unverified", i, e.Reason, e.Unverified, bearer.WrongIssuer)
			}
			testkit.WantError(t, "event", e.Err, `"shared-kid"`, `"`+named+`"`, `"`+entraIssuer2+`"`) // the tenant at the end must not be cut
			if strings.Contains(e.Err.Error(), "valid") || strings.Contains(e.Err.Error(), "verifies") {
				t.Fatalf("event %d: got error %v, want no claim about the signature, because the event is unverified", i, e.Err)
			}
		}
		if got := cache.Status(); got.Fetches != 1 || got.Denied != 0 {
			t.Errorf("got %d fetches and %d denied fetches, want only the fetch at the start", got.Fetches, got.Denied)
		}
		x := bearer.Explain(t.Context(), v, request)
		if x.Reason != bearer.WrongIssuer {
			t.Errorf("explanation: got reason %q, want %q", x.Reason, bearer.WrongIssuer)
		}
		for _, c := range x.Checks {
			if c.Name == "signature" && (c.State != "failed" || c.Reason != bearer.WrongIssuer || !strings.Contains(c.Got, named) || !strings.Contains(c.Advice, "KeysURL") || strings.Contains(c.Advice, "valid")) {
				t.Errorf("explanation: got %+v, want a check that names %s, with advice about KeysURL", c, named)
			}
			if c.Name != "signature" && c.State == "failed" {
				t.Errorf("explanation: the check %q failed too: %+v", c.Name, c)
			}
		}

		// A forged token is still a bad signature.
		forged := entraToken(bearertest.NewKey("EdDSA", "shared-kid"), entraIssuer2)
		if _, err := v.Verify(t.Context(), forged); reasonOf(t, err) == bearer.WrongIssuer || err == nil {
			t.Errorf("forged token: got error %v, want a refusal without reason %q", err, bearer.WrongIssuer)
		}
	})
}

// TestKeyIssuerChanges publishes a key with several issuers in turn. Only the keys that the
// issuer publishes now decide about a token, and a cached token is verified again.
func TestKeyIssuerChanges(t *testing.T) {
	key, twin := bearertest.NewKey("EdDSA", "k"), bearertest.NewKey("EdDSA", "k")
	const template = "https://login.microsoftonline.com/{tenantid}/v2.0"
	other := strings.Replace(template, "{tenantid}", otherTenant, 1)
	issuer := newIssuer(t)
	publish := func(keys ...string) {
		issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Body: []byte(`{"keys":[` + strings.Join(keys, ",") + `]}`)})
	}
	publish(withIssuer(key, other))
	cache, err := jwks.New(issuer.KeysURL(), &jwks.Options{Transport: issuer.Transport(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	v, err := bearer.New(bearer.Config{Issuer: entraIssuer1, Audience: []string{audience}, Keys: cache, Profile: bearer.EntraV1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), entraToken(key, entraIssuer1)); reasonOf(t, err) != bearer.WrongIssuer {
		t.Errorf("first token, before the first fetch: got error %v, want reason %q", err, bearer.WrongIssuer)
	}
	for _, row := range []struct {
		name      string
		published []string
		want      bearer.Reason
	}{
		{"all tenants", []string{withIssuer(key, template)}, ""},
		{"a different tenant", []string{withIssuer(key, other)}, bearer.WrongIssuer},
		{"no issuer", []string{string(key.JWK())}, ""},
		{"a second key with this kid, for a different tenant", []string{withIssuer(twin, other), withIssuer(key, template)}, ""},
		{"a second key with this kid, for the tenant", []string{withIssuer(twin, template), withIssuer(key, other)}, bearer.WrongIssuer},
		{"the same key twice", []string{withIssuer(key, other), withIssuer(key, template)}, ""},
	} {
		publish(row.published...)
		if err := cache.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := v.Verify(t.Context(), entraToken(key, entraIssuer1)); reasonOf(t, err) != row.want {
				t.Errorf("%s: got error %v, want reason %q", row.name, err, row.want)
			}
		}
	}
}
