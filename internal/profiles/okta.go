package profiles

// Okta takes access tokens of a custom authorization server of Okta.
//
// Issuer: `https://DOMAIN/oauth2/ID`
//
// Audience: the authorization server's audience, such as `api://default`
//
// Tokens of the org authorization server, whose issuer is `https://DOMAIN` without
// `/oauth2/`, are for Okta's own APIs: its keys are not published. The tokens of
// users have the claim `uid`.
func Okta() Profile {
	return Profile{
		Name:  "Okta",
		Types: []string{"", "JWT", "at+jwt"},
		WrongIssuers: map[string]string{
			`^https://[^/]+/?$`: "the org authorization server's tokens are for Okta's own APIs, and its keys are not published; a custom one has /oauth2/ and its identifier at the end",
		},
		Scopes:   []string{"scp"},
		ClientID: []string{"cid"},
		Required: []string{"sub", "cid", "iat", "jti"},
	}
}
