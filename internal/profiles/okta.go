package profiles

// Okta accepts access tokens of a custom Okta authorization server.
//
// Issuer: `https://DOMAIN/oauth2/ID`
//
// Audience: the authorization server's audience, such as `api://default`
//
// Do not configure Okta's org authorization server. Its issuer is `https://DOMAIN`, without
// `/oauth2/`. Its tokens are only for Okta's own APIs, and Okta does not publish its keys.
//
// Tokens of users have the claim `uid`.
func Okta() Profile {
	return Profile{
		Name:  "Okta",
		Types: []string{"", "JWT", "at+jwt"},
		WrongIssuers: map[string]string{
			`^https://[^/]+/?$`: "this is the org authorization server: its tokens are for Okta's own APIs, and its keys are not published; use a custom authorization server, whose issuer has the form https://DOMAIN/oauth2/ID",
		},
		Scopes:   []string{"scp"},
		ClientID: []string{"cid"},
		Required: []string{"sub", "cid", "iat", "jti"},
	}
}
