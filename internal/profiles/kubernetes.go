package profiles

// Kubernetes accepts bound service account tokens of Kubernetes.
//
// Issuer: the value of the API server's flag `--service-account-issuer`
//
// Audience: the value of the flag `--audience` of `kubectl create token`, or the audience of the projected volume
//
// The tokens have no client identifier and no scopes. Therefore, require a value of `sub`
// with `bearer.ClaimEquals`. The form of `sub` is `system:serviceaccount:NAMESPACE:NAME`.
//
// The API server usually has a certificate of the cluster's own authority, and requires a token
// for its keys; see [Keys of a Kubernetes cluster](#keys-of-a-kubernetes-cluster).
//
// The API server can extend the lifetime of a token to one year. To limit the age of tokens,
// set `Config.MaxAge`. bearer refuses tokens from secrets, because these tokens have no
// `exp`.
func Kubernetes() Profile {
	return Profile{
		Name:     "Kubernetes",
		Types:    []string{"", "JWT"},
		Scopes:   []string{},
		ClientID: []string{},
		Required: []string{"sub", "iat", "/kubernetes.io/namespace"},
	}
}
