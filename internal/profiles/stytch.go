package profiles

// Stytch accepts access tokens of Stytch's machine clients.
//
// Issuer: `stytch.com/PROJECT`, without a scheme
//
// Audience: the project
//
// The issuer is not a URL, so `Config.Keys` is required:
// `jwks.New("https://api.stytch.com/v1/sessions/jwks/PROJECT", nil)`. The client is only
// in `sub`.
func Stytch() Profile {
	return Profile{
		Name:     "Stytch",
		Types:    []string{"JWT", "", "at+jwt"},
		Scopes:   []string{"scope"},
		ClientID: []string{"sub"},
		Required: []string{"sub", "iat"},
	}
}
