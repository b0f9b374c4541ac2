package profiles

// Scalekit accepts access tokens of Scalekit's machine-to-machine clients.
//
// Issuer: the environment's URL, `https://ENV.scalekit.com`, without a slash at the end
//
// Audience: the client's registered audience, or the client's `client_id` if no audience is registered
//
// A client without a registered audience gets tokens without `aud`. To accept these tokens,
// list the `client_id` of the client in `Config.Audience`. Custom claims are in the object
// `custom_claims`. To decode this object, use `bearer.JSONAt[T]("custom_claims")`.
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
