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
//
// Stytch signs more kinds of JWTs with the same key, for the same issuer and audience: the
// session JWTs of users and of members, which contain `https://stytch.com/session`, and the tokens
// of Connected Apps, which contain `client_id`. All of these name a user in `sub`. The profile
// refuses them. If your API is for users of Connected Apps too, copy the profile, remove
// `client_id` from `Forbidden`, and set `ClientID` to `client_id` and `sub`.
func Stytch() Profile {
	return Profile{
		Name:           "Stytch",
		Types:          []string{"JWT", "", "at+jwt"},
		Scopes:         []string{"scope"},
		WildcardScopes: true,
		ClientID:       []string{"sub"},
		Required:       []string{"sub", "iat"},
		Forbidden: []string{
			"at_hash", "c_hash", "nonce", "events",
			"https://stytch.com/session", "https://stytch.com/organization", "client_id",
		},
	}
}
