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
//
// Stytch's scopes can end in `:*`. With this profile, they are wildcards, as in Stytch's own
// libraries: a token with `read:*` meets a rule that requires `read:users`. The section
// [Wildcards in scopes](#wildcards-in-scopes) describes the differences.
func Stytch() Profile {
	return Profile{
		Name:           "Stytch",
		Types:          []string{"JWT", "", "at+jwt"},
		Scopes:         []string{"scope"},
		WildcardScopes: true,
		ClientID:       []string{"sub"},
		Required:       []string{"sub", "iat"},
	}
}
