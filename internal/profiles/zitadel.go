package profiles

// Zitadel accepts JWT access tokens of Zitadel.
//
// Issuer: `https://DOMAIN`
//
// Audience: the **project's** identifier; `aud` also contains every client of the project
//
// By default, access tokens are opaque. In Zitadel, set the access token type of the
// client's service account to JWT. The JWTs have no scopes, so a rule with scopes refuses every
// token, and `New` logs a warning. They have roles only if the client requests roles. To require
// a role, use `bearer.HasRole`. If an action adds scopes to the tokens, copy the profile, and name
// their claim in the field `Scopes`.
func Zitadel() Profile {
	return Profile{
		Name:     "Zitadel",
		Types:    []string{"JWT", "at+jwt"},
		Scopes:   []string{},
		Roles:    []string{"urn:zitadel:iam:org:project:roles"},
		ClientID: []string{"client_id", "azp"},
		Required: []string{"sub", "iat", "jti"},
	}
}
