package main

import (
	"maps"
	"slices"

	"github.com/bearerkit/bearer/internal/conformance"
)

// The tenants in the rows of Entra ID, and the issuers of a tenant.
const (
	entraTenant  = "8a0671e2-3a30-4d30-9cb9-ad709b9c744a"
	otherTenant  = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	stsPublic    = "https://sts.windows.net/" + entraTenant + "/"
	stsChina     = "https://sts.chinacloudapi.cn/" + entraTenant + "/"
	publicPrefix = "https://login.microsoftonline.com/"
	usPrefix     = "https://login.microsoftonline.us/"
	chinaPrefix  = "https://login.partner.microsoftonline.cn/"
	b2cIssuer    = "https://contoso.b2clogin.com/" + entraTenant + "/v2.0/"
)

// entraKeys maps the kids of keys to the issuers that the keys name. All keys are the key
// rsa-1.
var entraKeys = map[string]string{
	"public": publicPrefix + "{tenantid}/v2.0", "us": usPrefix + "{tenantid}/v2.0", "china": chinaPrefix + "{tenantid}/v2.0",
	"public-own": publicPrefix + entraTenant + "/v2.0", "public-other": publicPrefix + otherTenant + "/v2.0",
	"china-other": chinaPrefix + otherTenant + "/v2.0", "example": "https://issuer.example/{tenantid}/v2.0",
}

// entraVerifiers returns the settings of the verifiers of Entra ID.
func entraVerifiers(k keyRing) map[string]*conformance.Settings {
	keys := set(
		k.jwk("rsa-1", "plain", nil), k.jwk("rsa-1", "public", members{"issuer": entraKeys["public"]}), k.jwk("rsa-1", "us", members{"issuer": entraKeys["us"]}),
		k.jwk("rsa-1", "china", members{"issuer": entraKeys["china"]}), k.jwk("rsa-1", "public-own", members{"issuer": entraKeys["public-own"]}),
		k.jwk("rsa-1", "public-other", members{"issuer": entraKeys["public-other"]}), k.jwk("rsa-1", "china-other", members{"issuer": entraKeys["china-other"]}),
		k.jwk("rsa-1", "example", members{"issuer": entraKeys["example"]}),
		// Two keys have the kid "twins". Only the second key has signed the tokens.
		k.jwk("rsa-2", "twins", members{"issuer": entraKeys["public-other"]}), k.jwk("rsa-1", "twins", members{"issuer": entraKeys["public-own"]}),
	)
	of := func(issuer, profile string) *conformance.Settings {
		return &conformance.Settings{Issuer: issuer, Audience: []string{audience}, Keys: keys, Profile: profile}
	}
	return map[string]*conformance.Settings{
		"entra-v1": of(stsPublic, "EntraV1"), "entra-v1-china": of(stsChina, "EntraV1"),
		"entra-b2c": of(b2cIssuer, "EntraB2C"),
		"entra-v2":  of(publicPrefix+entraTenant+"/v2.0", "EntraV2"), "entra-v2-us": of(usPrefix+entraTenant+"/v2.0", "EntraV2"),
	}
}

// entraRows adds rows with tokens of Entra ID. Its keys name the issuer whose tokens they verify.
func entraRows(r *rows) {
	const source = "RFC 8725 3.8; Microsoft, national clouds"
	version1 := members{"tid": entraTenant, "ver": "1.0", "appid": "client-1", "client_id": nil, "jti": nil}
	version2 := members{"tid": entraTenant, "ver": "2.0", "azp": "client-1", "client_id": nil, "jti": nil}
	for _, verifier := range []struct {
		name, iss string
		claims    members
		accepts   map[string]bool // the kids of the keys that may verify tokens of this issuer
	}{
		{"entra-v1", stsPublic, version1, map[string]bool{"plain": true, "public": true, "public-own": true, "us": true, "twins": true}},
		{"entra-v1-china", stsChina, version1, map[string]bool{"plain": true, "china": true}},
		{"entra-v2", publicPrefix + entraTenant + "/v2.0", version2, map[string]bool{"plain": true, "public": true, "public-own": true, "twins": true}},
		{"entra-v2-us", usPrefix + entraTenant + "/v2.0", version2, map[string]bool{"plain": true, "us": true}},
	} {
		verifier.claims["iss"] = verifier.iss
		for _, kid := range []string{"plain", "public", "us", "china", "public-own", "public-other", "china-other", "example", "twins"} {
			token := func(key string) string {
				return r.sign(key, "RS256", header("RS256", kid, members{"typ": "JWT"}), claims(verifier.claims))
			}
			name := "token of " + verifier.iss + ", key " + kid
			if verifier.accepts[kid] {
				r.accepted("P09", source, name, token("rsa-1"), withVerifier(verifier.name))
			} else {
				r.add("issuer", "P09", source, name, token("rsa-1"), withVerifier(verifier.name))
			}
			r.add("signature", "P09 R05", source, "forged "+name, token("attacker-rsa"), withVerifier(verifier.name))
		}
	}
	b2cRows(r)
}

// b2cRows adds rows with tokens of Azure AD B2C.
func b2cRows(r *rows) {
	const source = "RFC 8725 3.12; Microsoft, Azure AD B2C, overview of tokens"
	token := func(changes members) string {
		set := members{"iss": b2cIssuer, "ver": "1.0", "tfp": "B2C_1_signupsignin1", "azp": "client-1", "scp": "read write", "nonce": "n", "client_id": nil, "jti": nil}
		maps.Copy(set, changes)
		return r.sign("rsa-1", "RS256", header("RS256", "plain", members{"typ": "JWT"}), claims(set))
	}
	verifier := withVerifier("entra-b2c")
	r.accepted("P14", source, "access token of B2C", token(nil), verifier, withScope("write"))
	r.accepted("P14", source, "access token of B2C, policy in acr", token(members{"tfp": nil, "acr": "b2c_1_x"}), verifier)
	changes := map[string]members{
		"ID token of B2C": {"azp": nil, "scp": nil}, "token of B2C without scp": {"scp": nil}, "token of B2C without azp": {"azp": nil}, "token of B2C with an empty scp": {"scp": ""},
		"token of B2C with at_hash": {"at_hash": "x"}, "token of B2C with c_hash": {"c_hash": "x"}, "token of B2C with ver 2.0": {"ver": "2.0"},
	}
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		r.add("claims", "P14", source, name, token(changes[name]), verifier)
	}
	for name, iss := range pairs(
		"without the slash", b2cIssuer[:len(b2cIssuer)-1], "of another tenant", "https://contoso.b2clogin.com/"+otherTenant+"/v2.0/",
		"with the policy", "https://contoso.b2clogin.com/tfp/"+entraTenant+"/b2c_1_x/v2.0/", "with another host", "https://fabrikam.b2clogin.com/"+entraTenant+"/v2.0/",
	) {
		r.add("issuer", "R03", source, "issuer of B2C "+name, token(members{"iss": iss}), verifier)
	}
}
