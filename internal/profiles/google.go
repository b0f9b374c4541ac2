package profiles

// Google takes ID tokens of Google's service accounts.
//
// Issuer: `https://accounts.google.com`
//
// Audience: the `target_audience` that the service account asks for
//
// Service accounts call the services of others with these ID tokens; Google's access
// tokens are opaque. The ID tokens have no scopes: let the rule ask for the client, by
// `bearer.ClientIs`.
func Google() Profile {
	return Profile{
		Name:     "Google",
		Types:    []string{"JWT"},
		Aliases:  []string{"https://accounts.google.com", "accounts.google.com"},
		Scopes:   []string{},
		ClientID: []string{"azp"},
		Required: []string{"sub", "azp", "iat"},
	}
}
