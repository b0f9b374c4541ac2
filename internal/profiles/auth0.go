package profiles

// Auth0 accepts access tokens of Auth0 that have Auth0's own form or the form of RFC 9068.
//
// Issuer: `https://DOMAIN/`, **with a slash at the end**
//
// Audience: the API's identifier
//
// If the token request names no audience, Auth0 returns an opaque or an encrypted token.
// bearer refuses such tokens, because they are not signed JWTs. If RBAC is switched on for
// the API, roles are in the claim `permissions`.
func Auth0() Profile {
	return Profile{
		Name:         "Auth0",
		Types:        []string{"JWT", "at+jwt"},
		WrongIssuers: map[string]string{`\.auth0\.com$`: "Auth0's issuer has a slash at the end"},
		Scopes:       []string{"scope"},
		Roles:        []string{"permissions"},
		ClientID:     []string{"client_id", "azp"},
		Required:     []string{"sub", "iat"},
	}
}
