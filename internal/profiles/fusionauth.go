package profiles

// FusionAuth accepts access tokens of FusionAuth entities.
//
// Issuer: the tenant's issuer, which may be any text
//
// Audience: the identifier of the target entity, a UUID
//
// Configure FusionAuth to sign with a key pair. The default key is symmetric (HS256), and
// bearer refuses tokens that are signed with a symmetric key. If the issuer is not a URL,
// set `KeysURL` in `Config.KeyOptions`. The client identifier is only in `sub`.
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
