package profiles

// PlainJWT accepts access tokens that have the claims of RFC 9068, but the `typ` JWT.
//
// Issuer: `issuer` in the metadata
//
// Audience: the API's identifier
//
// LemonLDAP::NG and many small authorization servers issue such tokens. If your server has a
// profile of its own, use that profile. If your server can write the `typ` at+jwt, use the zero
// profile.
//
// The `typ` JWT does not identify access tokens. Therefore, all claims that RFC 9068 requires
// must be present, and the tokens must not have a claim that ID tokens have and access tokens do
// not need: `azp`, `nonce`, `at_hash`, `c_hash` and `s_hash`. If your server also issues refresh
// tokens or other tokens as JWTs, find the claim in which they differ from access tokens, and add
// it to `RequiredValues` or `Forbidden` of a copy of the profile.
//
// The `aud` of LemonLDAP::NG contains the client's identifier and the "additional audiences" of
// the client. List one of the additional audiences in `Config.Audience`, not the identifier,
// because the ID tokens of the client have this identifier too. LemonLDAP::NG issues JWTs only
// to clients with the option `oidcRPMetaDataOptionsAccessTokenJWT`.
func PlainJWT() Profile {
	// The facts about LemonLDAP::NG are from its source: the functions makeJWT and getAudiences
	// of Lemonldap::NG::Portal::Lib::OpenIDConnect, version 2.16.1.
	return Profile{
		Name:      "Plain JWT",
		Types:     []string{"JWT", "at+jwt"},
		Scopes:    []string{"scope"},
		ClientID:  []string{"client_id"},
		Required:  []string{"sub", "client_id", "iat", "jti"},
		Forbidden: []string{"at_hash", "c_hash", "s_hash", "nonce", "azp", "events"},
	}
}
