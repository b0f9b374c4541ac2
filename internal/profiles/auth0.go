package profiles

// Auth0 takes Auth0's access tokens, in its own form and in that of RFC 9068.
//
// Issuer: `https://DOMAIN/`, **with a slash at the end**
//
// Audience: the API's identifier
//
// If the request for a token names no audience, Auth0 returns an opaque or an
// encrypted token, and neither is a signed JWT. The claim `permissions` (RBAC) holds
// roles here.
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
