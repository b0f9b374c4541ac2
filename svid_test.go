package bearer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

const (
	domainA  = "spiffe://a.example"
	domainB  = "spiffe://b.example"
	workload = "/ns/prod/sa/billing"
)

// bundleKey returns the public key as a JWK with this "use", or without "use" if it is empty.
func bundleKey(t *testing.T, key *bearertest.Key, use string) json.RawMessage {
	t.Helper()
	var jwk members
	if err := json.Unmarshal(key.JWK(), &jwk); err != nil {
		t.Fatal(err)
	}
	delete(jwk, "alg") // bundles have no alg
	if jwk["use"] = use; use == "" {
		delete(jwk, "use")
	}
	text, err := json.Marshal(jwk)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// bundleOf returns a SPIFFE bundle with the keys.
func bundleOf(t *testing.T, keys ...json.RawMessage) *jwks.Set {
	t.Helper()
	text, err := json.Marshal(members{"keys": keys, "spiffe_sequence": 12, "spiffe_refresh_hint": 300})
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwks.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// mintSVID returns a JWT-SVID of a workload in the trust domain A, with the changes.
func mintSVID(t *testing.T, key *bearertest.Key, headerChanges, claimChanges members) string {
	t.Helper()
	header := members{"alg": key.Algorithm(), "kid": key.ID(), "typ": "JWT"}
	claims := members{"sub": domainA + workload, "aud": []string{audience}, "exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix()}
	var parts [2][]byte
	for i, part := range []struct{ base, changes members }{{header, headerChanges}, {claims, claimChanges}} {
		maps.Copy(part.base, part.changes)
		maps.DeleteFunc(part.base, func(_ string, v any) bool { return v == nil })
		text, err := json.Marshal(part.base)
		if err != nil {
			t.Fatal(err)
		}
		parts[i] = text
	}
	return key.Sign(parts[0], parts[1])
}

// TestSVIDSubject verifies JWT-SVIDs with different values of "sub" and "iss".
func TestSVIDSubject(t *testing.T) {
	key := bearertest.NewKey("ES256", "k")
	cfg := bearer.Config{Issuer: domainA, Audience: []string{audience}, Profile: bearer.SPIFFE, Keys: bundleOf(t, bundleKey(t, key, "jwt-svid"))}
	type row struct {
		claims members
		want   bearer.Reason
	}
	rows := []row{
		{nil, ""},
		{members{"iat": nil}, ""},
		{members{"jti": "x"}, ""},
		{members{"scope": "read"}, ""},
		{members{"iss": "https://spire.example"}, ""},
		{members{"iss": domainA}, ""},
		{members{"iss": domainB}, ""},
		{members{"iss": ""}, ""},
		{members{"iss": raw("null")}, bearer.WrongIssuer},
		{members{"iss": 1}, bearer.WrongIssuer},
		{members{"iss": []string{domainA}}, bearer.WrongIssuer},
		{members{"iss": members{}}, bearer.WrongIssuer},
		{members{"sub": nil}, bearer.WrongIssuer},
		{members{"sub": raw("null")}, bearer.WrongIssuer},
		{members{"sub": 1}, bearer.WrongIssuer},
		{members{"sub": []string{domainA + workload}}, bearer.WrongIssuer},
		{members{"exp": nil}, bearer.InvalidClaims},
		{members{"exp": 1}, bearer.Expired},
		{members{"aud": nil}, bearer.WrongAudience},
		{members{"aud": domainA}, bearer.WrongAudience},
		{members{"nonce": "x"}, bearer.InvalidClaims},
		{members{"cnf": members{"jwk": members{}}}, bearer.WrongBinding},
	}
	for sub, want := range map[string]bearer.Reason{
		domainA + "/a": "", domainA + "/A.b-c_9/..a/...": "",
		domainA: bearer.InvalidClaims, domainA + "/": bearer.InvalidClaims, domainA + "//a": bearer.InvalidClaims, domainA + "/a/": bearer.InvalidClaims,
		domainA + "/.": bearer.InvalidClaims, domainA + "/a/../b": bearer.InvalidClaims, domainA + "/a b": bearer.InvalidClaims, domainA + "/a%2fb": bearer.InvalidClaims,
		domainA + "/a?x": bearer.InvalidClaims, domainA + "/a#x": bearer.InvalidClaims, domainA + "/ä": bearer.InvalidClaims, domainA + "/a\x00": bearer.InvalidClaims,
		domainA + "/a:b": bearer.InvalidClaims, domainA + "/a*": bearer.InvalidClaims,
		domainB + "/a": bearer.WrongIssuer, domainA + ".evil.example/a": bearer.WrongIssuer, domainA + "x/a": bearer.WrongIssuer, domainA + ":443/a": bearer.WrongIssuer,
		"spiffe://u@a.example/a": bearer.WrongIssuer, "spiffe://A.example/a": bearer.WrongIssuer, "SPIFFE://a.example/a": bearer.WrongIssuer, "spiffe:/a.example/a": bearer.WrongIssuer,
		"https://a.example/a": bearer.WrongIssuer, "a.example/a": bearer.WrongIssuer, " " + domainA + "/a": bearer.WrongIssuer, "": bearer.WrongIssuer, "spiffe://": bearer.WrongIssuer, "spiffe:///a": bearer.WrongIssuer,
		domainA + "?x/a": bearer.WrongIssuer, domainA + "#/a": bearer.WrongIssuer, domainA + `\/a`: bearer.WrongIssuer,
	} {
		rows = append(rows, row{members{"sub": sub}, want})
	}
	for name, v := range oneAndSeveral(t, cfg) {
		for _, row := range rows {
			for _, state := range []string{"new", "cached"} {
				claims, err := v.Verify(t.Context(), mintSVID(t, key, nil, row.claims))
				if got := reasonOf(t, err); got != row.want {
					t.Errorf("%s, %s, %v: got error %v, want reason %q", name, state, row.claims, err, row.want)
				}
				if err == nil && (claims.Issuer() != domainA || claims.Scopes().Len() != 0 || claims.ClientID() != "") {
					t.Errorf("%s, %v: got issuer %q, scopes %q and client %q, want issuer %q and nothing else", name, row.claims, claims.Issuer(), claims.Scopes(), claims.ClientID(), domainA)
				}
			}
		}
	}
}

// TestSVIDHeaders verifies JWT-SVIDs with different headers. A header "iss" without the claim "iss",
// or with a different value, is refused.
func TestSVIDHeaders(t *testing.T) {
	key := bearertest.NewKey("ES384", "k")
	cfg := bearer.Config{Issuer: domainA, Audience: []string{audience}, Profile: bearer.SPIFFE, Keys: bundleOf(t, bundleKey(t, key, "jwt-svid"))}
	for _, row := range []struct {
		header, claims members
		want           bearer.Reason
	}{
		{nil, nil, ""},
		{members{"typ": "JOSE"}, nil, ""},
		{members{"typ": nil}, nil, ""},
		{members{"kid": nil}, nil, ""},
		{members{"typ": "at+jwt"}, nil, bearer.WrongType},
		{members{"typ": "JWT-SVID"}, nil, bearer.WrongType},
		{members{"typ": ""}, nil, bearer.WrongType},
		{members{"iss": "x"}, members{"iss": "x"}, ""},
		{members{"iss": "x"}, nil, bearer.InvalidClaims},
		{members{"iss": "x"}, members{"iss": "y"}, bearer.InvalidClaims},
		{members{"sub": domainA + workload}, nil, ""},
		{members{"sub": domainB + workload}, nil, bearer.InvalidClaims},
		{members{"kid": "other"}, nil, bearer.UnknownKey},
	} {
		for name, v := range oneAndSeveral(t, cfg) {
			if _, err := v.Verify(t.Context(), mintSVID(t, key, row.header, row.claims)); reasonOf(t, err) != row.want {
				t.Errorf("%s, header %v, claims %v: got error %v, want reason %q", name, row.header, row.claims, err, row.want)
			}
		}
	}
	ed := bearertest.NewKey("EdDSA", "k")
	cfg.Keys = bundleOf(t, bundleKey(t, ed, "jwt-svid"))
	for name, v := range oneAndSeveral(t, cfg) {
		if _, err := v.Verify(t.Context(), mintSVID(t, ed, nil, nil)); reasonOf(t, err) != bearer.WrongAlgorithm {
			t.Errorf("%s, EdDSA: got error %v, want reason %q", name, err, bearer.WrongAlgorithm)
		}
	}
}

// TestSVIDKeys verifies tokens of two profiles with keys of each "use". A key for JWT-SVIDs must not
// verify a token of a different profile, and a key for certificates must not verify any token.
func TestSVIDKeys(t *testing.T) {
	key, spare := bearertest.NewKey("ES256", "k"), bearertest.NewKey("ES256", "spare")
	other := bearer.Profile{Name: "Own", Types: []string{"JWT"}, Required: []string{"sub"}}
	for _, row := range []struct {
		uses        string
		svid, plain bearer.Reason
	}{
		{"jwt-svid", "", bearer.BadSignature},
		{"sig", "", ""},
		{"none", "", ""},
		{"jwt-svid sig", "", ""},
		{"sig jwt-svid", "", ""},
		{"x509-svid jwt-svid", "", bearer.BadSignature},
		{"x509-svid", bearer.UnknownKey, bearer.UnknownKey},
		{"wit-svid", bearer.UnknownKey, bearer.UnknownKey},
		{"JWT-SVID", bearer.UnknownKey, bearer.UnknownKey},
		{"enc", bearer.UnknownKey, bearer.UnknownKey},
	} {
		keys := []json.RawMessage{bundleKey(t, spare, "sig")}
		for use := range strings.FieldsSeq(row.uses) {
			keys = append(keys, bundleKey(t, key, strings.TrimPrefix(use, "none")))
		}
		set := bundleOf(t, keys...)
		for _, kid := range []any{"k", nil} {
			for _, side := range []struct {
				cfg  bearer.Config
				want bearer.Reason
			}{{bearer.Config{Issuer: domainA, Profile: bearer.SPIFFE}, row.svid}, {bearer.Config{Issuer: "https://a.example", Profile: other}, row.plain}} {
				side.cfg.Keys, side.cfg.Audience = set, []string{audience}
				want := side.want
				if kid == nil && want == bearer.UnknownKey {
					want = bearer.BadSignature // the spare key fits
				}
				for name, v := range oneAndSeveral(t, side.cfg) {
					_, err := v.Verify(t.Context(), mintSVID(t, key, members{"kid": kid}, members{"iss": "https://a.example"}))
					if got := reasonOf(t, err); got != want {
						t.Errorf("use %q, kid %v, profile %s, %s: got error %v, want reason %q", row.uses, kid, side.cfg.Profile.Name, name, err, want)
					}
					if told := err != nil && strings.Contains(err.Error(), "has the use jwt-svid"); told != (err != nil && strings.Contains(row.uses, "jwt-svid")) {
						t.Errorf("use %q, kid %v, profile %s, %s: got error %v, want the use in the text: %v", row.uses, kid, side.cfg.Profile.Name, name, err, !told)
					}
				}
			}
		}
	}
}

// TestSVIDRouting verifies every combination of signer, "iss" and "sub" with two trust domains and an
// ordinary issuer, and compares the verdict with a model. No key may verify a token of a different
// trust domain or issuer.
func TestSVIDRouting(t *testing.T) {
	const issuer, guid = "https://issuer.example", "8a0671e2-3a30-4d30-9cb9-ad709b9c744a"
	const template, filled = "https://login.example/{tenantid}", "https://login.example/" + guid
	own := bearer.Profile{Name: "Own", Types: []string{"JWT"}, Required: []string{"sub"}}
	keys, set := map[string]*bearertest.Key{}, new(bearer.Issuers)
	for _, name := range []string{domainA, domainB, issuer, template} {
		keys[name] = bearertest.NewKey("ES256", "same")
		cfg := bearer.Config{Issuer: name, Audience: []string{audience}, Profile: own, Keys: bundleOf(t, bundleKey(t, keys[name], ""))}
		if name == template {
			cfg.InsecureAnyTenant = true
		}
		if strings.HasPrefix(name, "spiffe:") {
			cfg.Profile = bearer.SPIFFE
		}
		if err := set.Add(cfg); err != nil {
			t.Fatal(err)
		}
	}
	defer set.Close()
	accepted, refused := 0, 0
	for signer, key := range keys {
		for _, iss := range []any{nil, issuer, filled, "https://unknown.example", domainA, domainB} {
			for _, sub := range []any{nil, domainA + workload, domainB + workload, "spiffe://c.example/x", "client"} {
				routed := ""
				switch domain, _, _ := strings.Cut(fmt.Sprint(sub), "/ns"); {
				case iss == issuer:
					routed = issuer
				case iss == filled:
					routed = template
				case domain == domainA || domain == domainB:
					routed = domain
				}
				token := mintSVID(t, key, nil, members{"iss": iss, "sub": sub, "tid": guid})
				want := routed != "" && routed == signer && sub != nil
				for _, state := range []string{"new", "cached"} {
					claims, err := set.Verify(t.Context(), token)
					if (err == nil) != want || err == nil && routed != template && claims.Issuer() != routed {
						t.Errorf("%s: signer %s, iss %v, sub %v: got %v and error %v, want accepted: %v", state, signer, iss, sub, claims, err, want)
					}
				}
				if want {
					accepted++
				} else {
					refused++
				}
			}
		}
	}
	if accepted < 10 || refused < 90 {
		t.Errorf("got %d accepted and %d refused tokens, want at least 10 and 90", accepted, refused)
	}
}

// TestSVIDRoutingAfterAdd adds an issuer after its "iss" was cached for a trust domain. The new issuer
// takes precedence. After it is removed, the trust domain accepts the token again.
func TestSVIDRoutingAfterAdd(t *testing.T) {
	const iss, guid = "https://login.example/8a0671e2-3a30-4d30-9cb9-ad709b9c744a", "8a0671e2-3a30-4d30-9cb9-ad709b9c744a"
	key := bearertest.NewKey("ES256", "k")
	for _, added := range []string{iss, "https://login.example/{tenantid}"} {
		set := new(bearer.Issuers)
		defer set.Close()
		cfg := bearer.Config{Issuer: domainA, Audience: []string{audience}, Profile: bearer.SPIFFE, Keys: bundleOf(t, bundleKey(t, key, "jwt-svid"))}
		if err := set.Add(cfg); err != nil {
			t.Fatal(err)
		}
		token := mintSVID(t, key, nil, members{"iss": iss, "tid": guid})
		step := func(name string, want bearer.Reason) {
			t.Helper()
			if _, err := set.Verify(t.Context(), token); reasonOf(t, err) != want {
				t.Errorf("%s, %s: got error %v, want reason %q", added, name, err, want)
			}
		}
		step("new", "")
		step("cached", "")
		cfg.Issuer, cfg.Profile, cfg.InsecureAnyTenant = added, bearer.Profile{}, strings.Contains(added, "{")
		if err := set.Add(cfg); err != nil {
			t.Fatal(err)
		}
		step("after Add", bearer.WrongType)
		set.Remove(added)
		step("after Remove", "")
		set.Remove(domainA)
		step("without the trust domain", bearer.WrongIssuer)
	}
}

// TestSVIDConfig requires an error of New for configurations that cannot work.
func TestSVIDConfig(t *testing.T) {
	bundle := &jwks.Options{KeysURL: "https://spire.example/bundle"}
	discovery := &jwks.Options{MetadataURL: "https://spire.example/.well-known/openid-configuration", MetadataIssuer: "https://spire.example"}
	for _, row := range []struct {
		issuer     string
		opts       *jwks.Options
		algorithms []string
		want       string // part of the error; empty means no error
	}{
		{domainA, bundle, nil, ""},
		{domainA, discovery, nil, ""},
		{domainA, bundle, []string{"ES512", "PS384"}, ""},
		{domainA, nil, nil, "Config.KeyOptions.KeysURL or Config.Keys: required"},
		{"", bundle, nil, "Config.Issuer: required"},
		{"https://spire.example", nil, nil, "Config.KeyOptions.MetadataURL"},
		{"a.example", bundle, nil, `does not begin with "spiffe://"`},
		{"SPIFFE://a.example", bundle, nil, `does not begin with "spiffe://"`},
		{"spiffe://", bundle, nil, "the trust domain is missing"},
		{domainA + "/", bundle, nil, `the trust domain is "` + domainA + `"`},
		{domainA + workload, bundle, nil, `the trust domain is "` + domainA + `"`},
		{"spiffe://A.example", bundle, nil, "lower-case"},
		{"spiffe://a.example:8443", bundle, nil, "lower-case"},
		{"spiffe://{tenantid}", bundle, nil, "lower-case"},
		{"spiffe://*", bundle, nil, "lower-case"},
		{domainA, bundle, []string{"ES256", "EdDSA"}, `Config.Algorithms: "EdDSA"`},
		{domainA, bundle, []string{"Ed25519"}, `Config.Algorithms: "Ed25519"`},
		{domainA, bundle, []string{}, "Config.Algorithms: the list is empty"},
	} {
		v, err := bearer.New(bearer.Config{Issuer: row.issuer, Audience: []string{audience}, Profile: bearer.SPIFFE, KeyOptions: row.opts, Algorithms: row.algorithms})
		if err == nil {
			_ = v.Close()
		}
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("issuer %q, algorithms %q: got error %v, want %q", row.issuer, row.algorithms, err, row.want)
		}
	}
	v, err := bearer.New(bearer.Config{Issuer: domainA, Audience: []string{audience}, Profile: bearer.SPIFFE, Keys: new(jwks.Set)})
	if err != nil {
		t.Fatal(err)
	}
	if got := v.AuthorizationServers(); got != nil {
		t.Errorf("AuthorizationServers: got %q, want none, because a trust domain is no authorization server", got)
	}
}

// TestSVIDAdvice compares the texts for JWT-SVIDs that the configuration does not expect.
func TestSVIDAdvice(t *testing.T) {
	key := bearertest.NewKey("ES256", "k")
	keys := bundleOf(t, bundleKey(t, key, "jwt-svid"))
	spiffe := bearer.Config{Issuer: domainA, Audience: []string{audience}, Profile: bearer.SPIFFE, Keys: keys}
	plain := bearer.Config{Issuer: "https://a.example", Audience: []string{audience}, Keys: keys}
	const isSVID = "so it is a JWT-SVID"
	for _, row := range []struct {
		cfg                  bearer.Config
		claims               members
		check, text, advice  string
		reason               bearer.Reason
		notForSeveralIssuers bool
	}{
		{plain, nil, "issuer", "set Config.Profile to SPIFFE and Config.Issuer to the trust domain", isSVID, bearer.WrongIssuer, false},
		{plain, members{"sub": "client"}, "issuer", "", "has no iss, so its issuer is unknown", bearer.WrongIssuer, false},
		{plain, members{"iss": "https://b.example"}, "issuer", "", "If this iss is the issuer", bearer.WrongIssuer, false},
		{spiffe, members{"sub": domainB + workload}, "issuer", `want a SPIFFE ID of "spiffe://a.example"`, "copy it into Config.Issuer", bearer.WrongIssuer, true},
		{spiffe, members{"sub": nil}, "issuer", "no sub", "copy it into Config.Issuer", bearer.WrongIssuer, true},
		{spiffe, members{"sub": domainA}, "subject", "names a trust domain and no workload", "does not have the form", bearer.InvalidClaims, false},
	} {
		for name, v := range oneAndSeveral(t, row.cfg) {
			if name == "Issuers" && row.notForSeveralIssuers {
				continue
			}
			token := mintSVID(t, key, nil, row.claims)
			_, err := v.Verify(t.Context(), token)
			if !errors.Is(err, row.reason) || !strings.Contains(err.Error(), row.text) || row.text == "" && strings.Contains(err.Error(), "SPIFFE") {
				t.Errorf("%s, %v: got error %v, want reason %q and the text %q", name, row.claims, err, row.reason, row.text)
			}
			x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}})
			found := false
			for _, check := range x.Checks {
				found = found || check.Name == row.check && strings.Contains(check.Advice, row.advice)
			}
			if !found {
				t.Errorf("%s, %v: got explanation\n%s\nwant the check %q with the advice %q", name, row.claims, x, row.check, row.advice)
			}
		}
	}
}
