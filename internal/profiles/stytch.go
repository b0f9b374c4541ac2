package profiles

// Stytch accepts access tokens of Stytch's machine clients.
//
// Issuer: `stytch.com/PROJECT`, without a scheme
//
// Audience: the project's identifier
//
// The issuer is not a URL. Therefore, set `Config.KeyOptions` to
// `&jwks.Options{KeysURL: "https://api.stytch.com/v1/sessions/jwks/PROJECT"}`. The client
// identifier is only in `sub`.
func Stytch() Profile {
	return Profile{
		Name:     "Stytch",
		Types:    []string{"JWT", "", "at+jwt"},
		Scopes:   []string{"scope"},
		ClientID: []string{"sub"},
		Required: []string{"sub", "iat"},
	}
}
