package profiles

// SPIFFE accepts SPIFFE JWT-SVIDs, for example of SPIRE.
//
// Issuer: the trust domain, in the form `spiffe://TRUST-DOMAIN`, whatever `iss` is
//
// Audience: an audience of the JWT-SVID, such as `spiffe://TRUST-DOMAIN/my-api`
//
// A JWT-SVID need not have `iss`. Therefore, its trust domain takes the place of the issuer:
// `sub` must be a SPIFFE ID of the trust domain in `Config.Issuer`, and `iss` is ignored. The
// keys of the trust domain must be located with `Config.KeyOptions` or `Config.Keys`; see
// [Keys of a SPIFFE trust domain](#keys-of-a-spiffe-trust-domain).
//
// The tokens have no client identifier and no scopes. Therefore, require a value of `sub`
// with `bearer.ClaimEquals`, for example `spiffe://example.org/ns/prod/sa/billing`.
//
// If `Config.Algorithms` is nil, all algorithms of the standard are accepted: RS, PS and ES with
// 256, 384 and 512 bits. EdDSA is refused.
func SPIFFE() Profile {
	return Profile{
		Name:     "SPIFFE",
		Types:    []string{"", "JWT", "JOSE"},
		Scopes:   []string{},
		ClientID: []string{},
		Required: []string{"sub"},
		SPIFFE:   true,
	}
}
