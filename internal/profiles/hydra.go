package profiles

// Hydra takes JWT access tokens of Ory Hydra.
//
// Issuer: `urls.self.issuer` of its configuration, with its slash if it has one
//
// Audience: the API, or the client if the request for the token names no audience
//
// Access tokens are opaque unless JWT was chosen. `aud` is empty if the client asked
// for no audience: list the clients in `Config.Audience` then. Custom claims are in the
// object `ext`.
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
