package profiles

// WorkOS accepts access tokens of WorkOS Connect.
//
// Issuer: `https://SUBDOMAIN.authkit.app`
//
// Audience: the environment's client identifier
//
// The audience is the same for all APIs of the environment. Use scopes to separate the
// APIs.
func WorkOS() Profile {
	return Profile{
		Name:     "WorkOS",
		Types:    []string{"", "JWT", "at+jwt"},
		Scopes:   []string{"scope"},
		ClientID: []string{"client_id"},
		Required: []string{"sub", "client_id", "iat", "jti"},
	}
}
