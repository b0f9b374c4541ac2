package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// TestClaimEqualsValues compares claims with equal and almost equal values, in different JSON
// spellings.
func TestClaimEqualsValues(t *testing.T) {
	issuer := newIssuer(t)
	key := issuer.SigningKey("")
	v := newVerifier(t, issuer, nil)
	for _, row := range []struct {
		claim string
		want  any
		ok    bool
	}{
		{`"a"`, "a", true},
		{`"\u0061"`, "a", true},
		{`"production\u005fus"`, "production_us", true},
		{`"a/b"`, "a/b", true},
		{`"a\/b"`, "a/b", true},
		{`"\u0061"`, "b", false},
		{`"A"`, "a", false},
		{`""`, "a", false},
		{`""`, "", true},
		{`"\u0061"`, "\\u0061", false},
		{`""`, 74, false},
		{`"74"`, 74, false},
		{`"\u0037"`, 7, false},
		{`74`, "74", false},
		{`["a"]`, "a", false},
		{`{"a":1}`, "a", false},
		{`3`, 3, true},
		{`3.0`, 3, true},
		{`3e0`, 3, true},
		{`30e-1`, 3, true},
		{`-3`, -3, true},
		{`-3.0`, -3, true},
		{`-0`, 0, true},
		{`0.0`, 0, true},
		{`-0.0`, 0, true},
		{`3`, 4, false},
		{`3.0`, 4, false},
		{`3e0`, 30, false},
		{`-3`, 3, false},
		{`3`, -3, false},
		{`3`, 0, false},
		{`5`, 0, false},
		{`3.5`, 3, false},
		{`1e999`, 3, false},
		{`-0`, 3, false},
		{`true`, true, true},
		{`false`, false, true},
		{`true`, false, false},
		{`1`, true, false},
		{`"true"`, true, false},
		{`null`, false, false},
		{`null`, "", false},
		{`null`, 0, false},
	} {
		// Sign the claim exactly as written, because an encoder changes the spelling.
		claims := fmt.Appendf(nil, `{"iss":%q,"aud":%q,"sub":"s","client_id":"c","iat":1,"exp":4102444800,"jti":"j","x":%s}`, issuer.URL(), audience, row.claim)
		token := key.Sign(fmt.Appendf(nil, `{"alg":%q,"kid":%q,"typ":"at+jwt"}`, key.Algorithm(), key.ID()), claims)
		_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: bearer.ClaimEquals("x", row.want)})
		if (err == nil) != row.ok {
			t.Errorf("claim %s, rule with value %#v: got allowed = %v, want %v; error: %v", row.claim, row.want, err == nil, row.ok, err)
		}
	}
}

// TestRequiredEmptyString uses a profile that requires the empty string as the value of a
// claim. A value of another type must not count as the empty string.
func TestRequiredEmptyString(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, func(c *bearer.Config) { c.Profile.RequiredValues = map[string][]string{"kind": {""}} })
	for value, want := range map[string]bearer.Reason{`""`: "", `"x"`: bearer.InvalidClaims, `1`: bearer.InvalidClaims, `null`: bearer.InvalidClaims, `[]`: bearer.InvalidClaims} {
		if _, err := v.Verify(t.Context(), issuer.Token(map[string]any{"kind": raw(value)})); reasonOf(t, err) != want {
			t.Errorf("%s: got error %v, want reason %q", value, err, want)
		}
	}
}

// TestRulesWithoutClaims evaluates rules on a context without claims.
func TestRulesWithoutClaims(t *testing.T) {
	for _, rule := range []scopes.Rule{bearer.ClientIs("a"), bearer.HasRole("a"), bearer.ClaimEquals("iss", "a")} {
		if err := rule.Allow(context.Background(), scopes.Set{}); err == nil {
			t.Errorf("%v: got no error for a context without claims, want one", rule)
		}
	}
}

// TestTemplateForms verifies tokens whose issuer matches a template, and tokens whose issuer
// almost matches the template. In most tokens, "tid" equals the tenant in the issuer.
func TestTemplateForms(t *testing.T) {
	const prefix, suffix = "https://login.example/", "/v2.0"
	const tenant = "8a8f3c9e-0b1c-4b7e-9a33-5d4c2f1e0a77"
	issuer := newIssuer(t)
	cfg := testkit.Config(t, issuer)
	cfg.Issuer, cfg.InsecureAnyTenant = prefix+"{tenantid}"+suffix, true
	verifiers := oneAndSeveral(t, cfg)
	for _, row := range []struct {
		iss, tid string
		want     bearer.Reason
	}{
		{prefix + tenant + suffix, tenant, ""},
		{prefix + strings.ToUpper(tenant) + suffix, strings.ToUpper(tenant), ""},
		{tenant + suffix, tenant, bearer.WrongIssuer},
		{prefix + tenant, tenant, bearer.WrongIssuer},
		{prefix + tenant + suffix + "/", tenant, bearer.WrongIssuer},
		{"x" + prefix + tenant + suffix, tenant, bearer.WrongIssuer},
		{prefix + tenant + suffix, "", bearer.WrongIssuer},
		{prefix + tenant + suffix, strings.ToUpper(tenant), bearer.WrongIssuer},
		{prefix + suffix, "", bearer.WrongIssuer},
		{prefix + "abc" + suffix, "abc", bearer.WrongIssuer},
		{prefix + "common" + suffix, "common", bearer.WrongIssuer},
		{prefix + tenant + "0" + suffix, tenant + "0", bearer.WrongIssuer},
		{prefix + strings.Replace(tenant, "-", "/", 1) + suffix, strings.Replace(tenant, "-", "/", 1), bearer.WrongIssuer},
		{prefix + strings.ReplaceAll(tenant, "-", "0") + suffix, strings.ReplaceAll(tenant, "-", "0"), bearer.WrongIssuer},
		{prefix + strings.Replace(tenant, "8", "-", 1) + suffix, strings.Replace(tenant, "8", "-", 1), bearer.WrongIssuer},
		{prefix + strings.Replace(tenant, "8", "g", 1) + suffix, strings.Replace(tenant, "8", "g", 1), bearer.WrongIssuer},
		{prefix + strings.Replace(tenant, "8", "/", 1) + suffix, strings.Replace(tenant, "8", "/", 1), bearer.WrongIssuer},
		{prefix + strings.Replace(tenant, "8", "G", 1) + suffix, strings.Replace(tenant, "8", "G", 1), bearer.WrongIssuer},
		{prefix + strings.Replace(tenant, "8", ":", 1) + suffix, strings.Replace(tenant, "8", ":", 1), bearer.WrongIssuer},
		{prefix + strings.Replace(tenant, "8", "@", 1) + suffix, strings.Replace(tenant, "8", "@", 1), bearer.WrongIssuer},
		{prefix + strings.Replace(tenant, "8", "`", 1) + suffix, strings.Replace(tenant, "8", "`", 1), bearer.WrongIssuer},
	} {
		token := issuer.Token(map[string]any{"iss": row.iss, "tid": row.tid})
		for name, verifier := range verifiers {
			if _, err := verifier.Verify(t.Context(), token); reasonOf(t, err) != row.want {
				t.Errorf("%s: iss %q, tid %q: got error %v, want reason %q", name, row.iss, row.tid, err, row.want)
			}
		}
	}
	for _, bad := range []string{prefix + "{tenantid}/{tenantid}", "http://login.example/{tenantid}", "{tenantid}"} {
		cfg.Issuer = bad
		if _, err := bearer.New(cfg); err == nil {
			t.Errorf("%s: got a verifier, want an error", bad)
		}
	}
}

// TestKeysNameIssuer tests keys with the member "issuer". If this member is a version 2 issuer
// of Entra ID, the key is valid for tokens of this issuer and for tokens of the version 1
// issuer of the same tenant. The key must not be valid for tokens of other issuers. A key
// without this member is valid for tokens of both issuers.
func TestKeysNameIssuer(t *testing.T) {
	const tenant, other = "8a8f3c9e-0b1c-4b7e-9a33-5d4c2f1e0a77", "00000000-0b1c-4b7e-9a33-5d4c2f1e0a77"
	const v1, v2 = "https://sts.windows.net/" + tenant + "/", "https://login.microsoftonline.com/" + tenant + "/v2.0"
	issuer := newIssuer(t)
	for _, row := range []struct {
		key, iss string
		want     bearer.Reason
	}{
		{"", v2, ""},
		{"", v1, ""},
		{v2, v2, ""},
		{strings.Replace(v2, tenant, "{tenantid}", 1), v2, ""},
		{v2, v1, ""},
		{strings.Replace(v2, tenant, "{tenantid}", 1), v1, ""},
		{strings.Replace(v2, tenant, other, 1), v2, bearer.WrongIssuer},
		{strings.Replace(v2, tenant, other, 1), v1, bearer.WrongIssuer},
		{"https://other.example/" + tenant + "/v2.0", v2, bearer.WrongIssuer},
		{"https://other.example/{tenantid}/v2.0", v2, bearer.WrongIssuer},
		{"https://login.microsoftonline.com/" + tenant + "/v1.0", v1, bearer.WrongIssuer},
		{"https://other.example/", v1, bearer.WrongIssuer},
	} {
		document := issuer.JWKS()
		if row.key != "" {
			document = []byte(strings.Replace(string(document), `"kty":`, fmt.Sprintf(`"issuer":%q,"kty":`, row.key), 1))
		}
		keys, err := jwks.Parse(document)
		if err != nil {
			t.Fatal(err)
		}
		v, err := bearer.New(bearer.Config{Issuer: row.iss, Audience: []string{audience}, Keys: keys, Profile: bearer.Profile{KeysNameIssuer: true}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(t.Context(), issuer.Token(map[string]any{"iss": row.iss, "tid": tenant})); reasonOf(t, err) != row.want {
			t.Errorf("key of issuer %q, token of issuer %s: got error %v, want reason %q", row.key, row.iss, err, row.want)
		}
	}
}

// TestEventAbandoned tests that Abandoned returns true only if the context of the request has
// ended and the reason is KeysUnavailable.
func TestEventAbandoned(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, reason := range []bearer.Reason{bearer.KeysUnavailable, bearer.Expired, bearer.Internal, ""} {
		e, want := bearer.Event{Reason: reason}, reason == bearer.KeysUnavailable
		if e.Abandoned(ended) != want || e.Abandoned(t.Context()) {
			t.Errorf("reason %q: got Abandoned = %v with an ended context and %v with a running context, want %v with an ended context and false with a running context", reason, e.Abandoned(ended), e.Abandoned(t.Context()), want)
		}
	}
}

// TestErrorDetail tests the texts of errors. For each row, the reason does not show the mistake
// of the client, so the text of the error must describe the mistake.
func TestErrorDetail(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	key := issuer.SigningKey("")
	header := fmt.Appendf(nil, `{"alg":%q,"kid":%q,"typ":"at+jwt"}`, key.Algorithm(), key.ID())
	claims := fmt.Appendf(nil, `{"iss":%q,"aud":%q,"sub":"s","client_id":"c","iat":1,"exp":4102444800,"jti":"j"}`, issuer.URL(), audience)
	// badLength extends the claims to a length that base64url cannot have.
	badLength := func(token string) string {
		parts := strings.Split(token, ".")
		return parts[0] + "." + parts[1] + "AAAAA"[:4-len(parts[1])%4+1] + "." + parts[2]
	}
	v := newVerifier(t, issuer, nil)
	for _, row := range []struct {
		name, token string
		rule        scopes.Rule
		want        string
	}{
		{"nbf is a word", issuer.Token(map[string]any{"nbf": "soon"}), scopes.All(), `"nbf" is not a number`},
		{"exp is an array", issuer.Token(map[string]any{"exp": []int{1}}), scopes.All(), `"exp" is not a number`},
		{"exp of 41 digits", issuer.Token(map[string]any{"exp": raw("1" + strings.Repeat("0", 40))}), scopes.All(), `"exp" is not a time`},
		{"claims are not base64url", badLength(key.Sign(header, claims)), scopes.All(), "claims: not base64url in canonical form, without padding"},
		{"header is an array", key.Sign([]byte(`["alg"]`), claims), scopes.All(), "the header is not a JSON object in base64url"},
		{"no client_id", issuer.Token(map[string]any{"client_id": nil}), bearer.ClientIs("a"), "the token has no client identifier in the claims that Config.Profile.ClientID names"},
		{"different client_id", issuer.Token(map[string]any{"client_id": "b"}), bearer.ClientIs("a"), `the client is "b"`},
		{"no roles", issuer.Token(nil), bearer.HasRole("a"), "the token has no roles in the claims that Config.Profile.Roles names"},
	} {
		if row.name == "no client_id" {
			v = newVerifier(t, issuer, func(c *bearer.Config) { c.Profile.Required = []string{} })
		}
		_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + row.token}, Rule: row.rule})
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got error %v, want %q in the text", row.name, err, row.want)
		}
	}
	nothing := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, nil })
	_, err := bearer.Decide(t.Context(), nothing, bearer.Request{Authorization: []string{"Bearer x"}, Rule: scopes.All()})
	if err == nil || !strings.Contains(err.Error(), "the verifier returned no claims and no error") {
		t.Errorf("verifier without claims and error: got error %v, want \"no claims and no error\" in the text", err)
	}
	var several bearer.Issuers
	if err := several.Add(bearer.Config{Issuer: "https://a.example", Audience: []string{audience}, Keys: &keySet{}}); err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]string{
		"opaque": "not three parts", "a.b": "not three parts", "a.b.c.d": "not three parts", "a.b.c.d.e": "five parts", ".b.c.d.e": "not three parts", "a..c": "the header is not",
	} {
		for name, v := range map[string]bearer.Verifier{"JWTVerifier": v, "Issuers": &several} {
			if _, err := v.Verify(t.Context(), token); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s, token %q: got error %v, want %q in the text", name, token, err, want)
			}
		}
	}
	for iss, slash := range map[string]bool{"https://a.example/": true, "https://b.example": false, "https://a.example//": false} {
		_, err := several.Verify(t.Context(), issuer.Token(map[string]any{"iss": iss}))
		if got := strings.Contains(fmt.Sprint(err), "the slash at the end must be the same"); err == nil || got != slash {
			t.Errorf("issuer %s: got an error with advice about the slash = %v, want %v; error: %v", iss, got, slash, err)
		}
	}
	if err := (&bearer.Error{}); errors.Is(err, errors.ErrUnsupported) || !errors.Is(err, bearer.Reason("")) {
		t.Error("Error without a reason: want errors.Is to find the empty reason and nothing else")
	}
}

// TestEventAccessors calls KeyID, TokenID and ClientID on events without these IDs. Such
// events come from Verifiers of other packages. The test also uses a profile that reads the
// client ID from "azp".
func TestEventAccessors(t *testing.T) {
	for name, e := range map[string]bearer.Event{
		"zero event": {}, "claims of another package": {Claims: &bearer.Claims{}}, "nil *Error": {Err: (*bearer.Error)(nil)},
		"error of another package": {Err: errors.New("x")}, "malformed token": {Err: &bearer.Error{Reason: bearer.Malformed}},
	} {
		if e.KeyID() != "" || e.TokenID() != "" || e.ClientID() != "" {
			t.Errorf("%s: got key ID %q, token ID %q and client ID %q, want no IDs", name, e.KeyID(), e.TokenID(), e.ClientID())
		}
	}
	issuer := newIssuer(t)
	recorder := &testkit.Recorder{}
	v := newVerifier(t, issuer, func(c *bearer.Config) {
		c.Observer, c.Profile.ClientID, c.Profile.Required = recorder, []string{"azp"}, []string{}
	})
	if _, err := v.Verify(t.Context(), issuer.Token(map[string]any{"client_id": "a", "azp": "b"})); err != nil {
		t.Fatal(err)
	}
	if events := recorder.Take(); len(events) != 1 || events[0].ClientID() != "b" {
		t.Errorf("got events %+v, want one event with client ID b", events)
	}
}

// TestAliases tests that a verifier accepts the aliases of a profile only if Config.Issuer is
// one of these aliases.
func TestAliases(t *testing.T) {
	issuer := newIssuer(t)
	const long, short, other = "https://accounts.example", "accounts.example", "https://other.example"
	cfg := testkit.Config(t, issuer)
	cfg.Profile.Aliases = []string{long, short}
	for _, row := range []struct {
		configured, iss string
		want            bearer.Reason
	}{
		{long, long, ""},
		{long, short, ""},
		{short, long, ""},
		{long, other, bearer.WrongIssuer},
		{other, other, ""},
		{other, long, bearer.WrongIssuer},
		{other, short, bearer.WrongIssuer},
	} {
		cfg.Issuer = row.configured
		for name, verifier := range oneAndSeveral(t, cfg) {
			if _, err := verifier.Verify(t.Context(), issuer.Token(map[string]any{"iss": row.iss})); reasonOf(t, err) != row.want {
				t.Errorf("%s: iss %s, Config.Issuer %s: got error %v, want reason %q", name, row.iss, row.configured, err, row.want)
			}
		}
	}
}
