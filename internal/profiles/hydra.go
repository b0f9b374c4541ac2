package profiles

// Hydra accepts JWT access tokens of Ory Hydra.
//
// Issuer: `urls.self.issuer` in Hydra's configuration, exactly, with or without a slash at the end
//
// Audience: the API, or the client if the token request names no audience
//
// Access tokens are opaque unless Hydra is configured to issue JWTs. `aud` is empty if the
// client requested no audience: in that case, list the clients in `Config.Audience`.
// Custom claims are in the object `ext`.
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
