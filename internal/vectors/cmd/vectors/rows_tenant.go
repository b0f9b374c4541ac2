package main

import "strings"

// sharedIssuer is the issuer of the verifier "tenants".
const sharedIssuer = "https://shared-issuer.example"

// tenantRows adds rows with tokens of an issuer that issues the tokens of all its customers.
// Config.Tenants accepts the repository 74, the owner 65, and the number 8 in both claims.
func tenantRows(r *rows) {
	const source = "RFC 8725 3.8; GitHub, OpenID Connect reference"
	own := func(changes members) string {
		changes["iss"] = sharedIssuer
		return r.token(nil, changes)
	}
	token := func(repository, owner string) string {
		changes := members{}
		for name, text := range map[string]string{"repository_id": repository, "repository_owner_id": owner} {
			if text != "" {
				changes[name] = raw(text)
			}
		}
		return own(changes)
	}
	accepted := func(name, token string) { r.accepted("P19", source, name, token, withVerifier("tenants")) }
	refused := func(name, token string) { r.add("claims", "P19", source, name, token, withVerifier("tenants")) }

	accepted("the repository is listed", token(`"74"`, `"1"`))
	accepted("the owner is listed", token(`"1"`, `"65"`))
	accepted("the repository and the owner are listed", token(`"74"`, `"65"`))
	accepted("the repository is listed without the name of a claim", token(`"8"`, `"1"`))
	accepted("the owner is listed without the name of a claim", token(`"1"`, `"8"`))
	accepted("the value has an escape", token(`"\u0037\u0034"`, `"1"`))
	accepted("the owner is listed, and the other claim has a wrong type", token(`74`, `"65"`))
	refused("another repository of another owner", token(`"75"`, `"66"`))
	refused("the repository has the number of a listed owner", token(`"65"`, `"1"`))
	refused("the owner has the number of a listed repository", token(`"1"`, `"74"`))
	refused("the claims are missing", token("", ""))
	refused("one claim is missing, and the other is not listed", token("", `"1"`))
	for name, text := range pairs("a number", `74`, "a number with a fraction", `74.0`, "null", `null`, "true", `true`, "an array", `["74"]`, "an array of two values", `["1","74"]`, "an object", `{"74":true}`,
		"an empty string", `""`, "after a space", `" 74"`, "before a space", `"74 "`, "before a line feed", `"74\n"`, "before NUL", `"74\u0000"`, "with a leading zero", `"074"`, "with a plus sign", `"+74"`,
		"as a fraction", `"74.0"`, "in full-width digits", `"７４"`, "the beginning of a listed value", `"7"`, "followed by a digit", `"740"`, "with the name of the claim", `"repository_id=74"`,
		"in a list with commas", `"1,74"`, "a wildcard", `"*"`, "very long", `"`+strings.Repeat("74", 2000)+`"`) {
		refused("the repository is "+name, token(text, `"1"`))
	}
	refused("the name of the claim is in upper case", own(members{"REPOSITORY_ID": "74", "repository_id": "1"}))
	refused("the value is in an object", own(members{"repository_id": "1", "custom": members{"repository_id": "74"}}))
	r.add("malformed", "P19 T02", source, "the claim is there twice", r.tokenWithClaims(strings.Replace(`{"repository_id":"1","repository_id":"74",`+validClaims()+`}`, issuer, sharedIssuer, 1)), withVerifier("tenants"))
	r.accepted("P19 T03", source, "Config.Tenants is not set", r.token(nil, members{"repository_id": "75", "repository_owner_id": "66"}))
}
