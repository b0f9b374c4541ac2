package profiles

// FusionAuth takes access tokens of FusionAuth's entities.
//
// Issuer: the tenant's issuer, which may be any text
//
// Audience: the target entity's identifier, a UUID
//
// Sign with a key pair: the default key is symmetric (HS256), and its tokens are
// refused. If the issuer is not a URL, `Config.Keys` is required. The client is in
// `sub` only.
func FusionAuth() Profile {
	return Profile{
		Name:     "FusionAuth",
		Types:    []string{"JWT", "at+jwt"},
		Scopes:   []string{"scope"},
		Roles:    []string{"permissions"},
		ClientID: []string{"sub"},
		Required: []string{"sub", "iat", "jti"},
	}
}
