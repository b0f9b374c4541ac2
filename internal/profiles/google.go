package profiles

// Google accepts ID tokens of Google service accounts.
//
// Issuer: `https://accounts.google.com`
//
// Audience: the `target_audience` that the service account requests
//
// Service accounts send these ID tokens to services outside Google, because Google's access
// tokens are opaque. Everyone with a Google account can get such a token, with any audience.
// Therefore, list your clients in `Config.Tenants`: the client identifier (`azp`), the unique ID
// of the account (`sub`), or the address of the service account (`email`). An address is accepted
// only if `email_verified` is true. bearer refuses the addresses of users, because an address can
// pass to a different user. The identifier of an OAuth client accepts every user who signs in
// with this client. The ID tokens have no scopes. To allow different clients on
// different routes, use `bearer.ClientIs`.
func Google() Profile {
	return Profile{
		Name:     "Google",
		Types:    []string{"JWT"},
		Aliases:  []string{"https://accounts.google.com", "accounts.google.com"},
		Scopes:   []string{},
		ClientID: []string{"azp"},
		Required: []string{"sub", "azp", "iat"},
		TenantClaims: map[string]string{
			"azp":   `[^@/=]+`,
			"sub":   `[1-9][0-9]*`,
			"email": `[a-z0-9][a-z0-9.\-]*@[a-z0-9.\-]*\.gserviceaccount\.com`,
		},
	}
}
