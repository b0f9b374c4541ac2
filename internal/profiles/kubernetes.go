package profiles

// Kubernetes accepts bound tokens of Kubernetes service accounts.
//
// Issuer: the cluster's `--service-account-issuer`
//
// Audience: `--audience` of `kubectl create token`, or the audience of the projected volume
//
// The tokens have no client and no scopes. Require `sub`, which has the form
// `system:serviceaccount:NAMESPACE:NAME`, with `bearer.ClaimEquals`. Tokens that the API
// server extends are valid for a year: set `Config.MaxAge`. Tokens from secrets are refused,
// because they have no `exp`.
func Kubernetes() Profile {
	return Profile{
		Name:     "Kubernetes",
		Types:    []string{"", "JWT"},
		Scopes:   []string{},
		ClientID: []string{},
		Required: []string{"sub", "iat", "/kubernetes.io/namespace"},
	}
}
