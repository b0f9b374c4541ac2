package profiles

// Stytch takes access tokens of Stytch's machine clients.
//
// Issuer: `stytch.com/PROJECT`, without a scheme
//
// Audience: the project
//
// The issuer is not a URL, so that `Config.Keys` is required:
// `jwks.New("https://api.stytch.com/v1/sessions/jwks/PROJECT", nil)`. The client is in
// `sub` only.
func Stytch() Profile {
	return Profile{
		Name:     "Stytch",
		Types:    []string{"JWT", "", "at+jwt"},
		Scopes:   []string{"scope"},
		ClientID: []string{"sub"},
		Required: []string{"sub", "iat"},
	}
}
