package profiles

// WorkOS accepts access tokens of WorkOS Connect.
//
// Issuer: `https://SUBDOMAIN.authkit.app`
//
// Audience: the environment's client identifier
//
// All APIs of the environment have the same audience. To accept only tokens for one API,
// require scopes of this API.
func WorkOS() Profile {
	return Profile{
		Name:     "WorkOS",
		Types:    []string{"", "JWT", "at+jwt"},
		Scopes:   []string{"scope"},
		ClientID: []string{"client_id"},
		Required: []string{"sub", "client_id", "iat", "jti"},
	}
}
