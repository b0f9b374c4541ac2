package profiles

// Kubernetes takes bound tokens of Kubernetes service accounts.
//
// Issuer: the cluster's `--service-account-issuer`
//
// Audience: `--audience` of `kubectl create token`, or that of the projected volume
//
// The tokens have no client and no scopes: let the rule ask for `sub`, which is
// `system:serviceaccount:NAMESPACE:NAME`, by `bearer.ClaimEquals`. Tokens that the API
// server extends live for a year: set `Config.MaxAge`. Tokens from secrets never expire
// and are refused.
func Kubernetes() Profile {
	return Profile{
		Name:     "Kubernetes",
		Types:    []string{"", "JWT"},
		Scopes:   []string{},
		ClientID: []string{},
		Required: []string{"sub", "iat", "/kubernetes.io/namespace"},
	}
}
