package profiles

// Zitadel accepts JWT access tokens of Zitadel.
//
// Issuer: `https://DOMAIN`
//
// Audience: the **project**; `aud` also contains every client of the project
//
// Access tokens are opaque unless the client is configured to get JWTs. JWTs have no scopes.
// They have roles only if the token request asks for roles.
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
