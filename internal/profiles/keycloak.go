package profiles

// Keycloak takes access tokens of a realm of Keycloak.
//
// Issuer: `https://HOST/realms/REALM`, with the host from which clients get tokens
//
// Audience: what an audience mapper adds; `account` is in **every** client's tokens
//
// Give each client an audience mapper. The default audience, `account`, does not tell
// clients apart: it is in the tokens of every client of the realm.
//
// The roles of a client are at `/resource_access/CLIENT/roles`. To read them, copy the
// profile and add that path to Roles.
//
// The claim `typ` tells access tokens from ID, refresh and DPoP tokens, and must be
// Bearer. The claim `nonce` does not: access tokens of users may have it.
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
		InertConfirmation: []string{"kc-jkt-type"}, // it names a kind of key, and no key
	}
}
