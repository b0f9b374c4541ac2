package profiles

// Google accepts ID tokens of Google service accounts.
//
// Issuer: `https://accounts.google.com`
//
// Audience: the `target_audience` that the service account requests
//
// Service accounts send these ID tokens to services outside Google, because Google's access
// tokens are opaque. The ID tokens have no scopes. Therefore, require a client with
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
