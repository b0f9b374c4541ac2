package profiles

// Zitadel accepts JWT access tokens of Zitadel.
//
// Issuer: `https://DOMAIN`
//
// Audience: the **project's** identifier; `aud` also contains every client of the project
//
// By default, access tokens are opaque. In Zitadel, set the access token type of the
// client's service account to JWT. The JWTs have no scopes. They have roles only if the
// client requests roles.
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
