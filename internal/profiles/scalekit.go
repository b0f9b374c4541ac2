package profiles

// Scalekit accepts access tokens of Scalekit's machine-to-machine clients.
//
// Issuer: the environment's URL, `https://ENV.scalekit.com`, without a slash at the end
//
// Audience: the audience with which the client was registered, or its `client_id`
//
// A client that was registered without an audience gets tokens without `aud`. To accept
// them, list its `client_id` in `Config.Audience`. Custom claims are in the object
// `custom_claims`: `bearer.JSONAt[T]("custom_claims")` decodes it.
func Scalekit() Profile {
	return Profile{
		Name:         "Scalekit",
		Types:        []string{"JWT", "at+jwt"},
		WrongIssuers: map[string]string{`\.scalekit\.(dev|com|cloud)/$`: "Scalekit's issuer has no slash at the end"},
		Audience:     []string{"aud", "client_id"},
		Scopes:       []string{"scopes", "scope"},
		ClientID:     []string{"client_id"},
		Required:     []string{"sub", "client_id", "iat", "jti"},
	}
}
