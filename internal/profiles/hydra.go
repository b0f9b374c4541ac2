package profiles

// Hydra accepts JWT access tokens of Ory Hydra.
//
// Issuer: the exact value of `urls.self.issuer` in Hydra's configuration, including a slash at the end
//
// Audience: the API's audience; if the token request names no audience, the client identifier
//
// By default, access tokens are opaque. Configure Hydra to issue JWTs. If the client
// requests no audience, `aud` is empty. To accept such tokens, list the client identifiers in
// `Config.Audience`. Custom claims are in the object `ext`.
func Hydra() Profile {
	return Profile{
		Name:     "Ory Hydra",
		Types:    []string{"JWT", "at+jwt"},
		Audience: []string{"aud", "client_id"},
		Scopes:   []string{"scp", "scope"},
		ClientID: []string{"client_id"},
		Required: []string{"sub", "client_id", "iat"},
	}
}
