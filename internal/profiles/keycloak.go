package profiles

// Keycloak accepts access tokens of a Keycloak realm.
//
// Issuer: `https://HOST/realms/REALM`, with the host that clients use to get tokens
//
// Audience: the audience that an audience mapper adds; `account` is in **every** client's tokens
//
// Give each client an audience mapper. Do not use the default audience, `account`: it is
// in the tokens of every client of the realm.
//
// The roles of a client are at `/resource_access/CLIENT/roles`. To read them, copy the
// profile and add that path to Roles.
//
// Keycloak marks access tokens with the claim `typ` set to Bearer, which this profile
// requires. ID, refresh and DPoP tokens have other values. The claim `nonce` is allowed,
// because access tokens of users may have it.
func Keycloak() Profile {
	return Profile{
		Name:              "Keycloak",
		Types:             []string{"JWT", "at+jwt"},
		Scopes:            []string{"scope"},
		Roles:             []string{"/realm_access/roles"},
		ClientID:          []string{"client_id", "azp"},
		Required:          []string{"sub", "iat", "jti"},
		RequiredValues:    map[string][]string{"typ": {"Bearer"}},
		Forbidden:         []string{"at_hash", "c_hash", "events"},
		InertConfirmation: []string{"kc-jkt-type"}, // names the kind of a key, not a key
	}
}
