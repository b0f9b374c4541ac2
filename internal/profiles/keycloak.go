package profiles

// Keycloak accepts access tokens of a Keycloak realm.
//
// Issuer: `https://HOST/realms/REALM`; HOST is the host name in the clients' token requests
//
// Audience: the audience that an audience mapper adds (**not** `account`)
//
// Add an audience mapper to each client. Do not use the default audience `account`, because
// the tokens of every client of the realm contain this audience.
//
// If your service reaches Keycloak at a different address than the one in `iss`, see
// [Keycloak in Docker Compose](#keycloak-in-docker-compose) and
// [Keycloak in a cluster](#keycloak-in-a-cluster).
//
// The roles of a client are at `/resource_access/CLIENT/roles`. To read these roles, copy
// the profile and add this path to the field `Roles`.
//
// In Keycloak's access tokens, the claim `typ` is Bearer, and the profile requires this
// value. ID tokens, refresh tokens and DPoP tokens have other values. The profile allows the
// claim `nonce`, because access tokens of users can have this claim.
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
		InertConfirmation: []string{"kc-jkt-type"}, // this member names a type of binding, but no key
	}
}
