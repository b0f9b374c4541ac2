package profiles

// Kinde accepts access tokens of Kinde's machine clients.
//
// Issuer: `https://SUBDOMAIN.kinde.com`, without a slash at the end
//
// Audience: the API's audience
//
// The tokens have no `sub`.
func Kinde() Profile {
	return Profile{
		Name:         "Kinde",
		Types:        []string{"JWT", "at+jwt"},
		WrongIssuers: map[string]string{`\.kinde\.com/$`: "Kinde's issuer has no slash at the end"},
		Scopes:       []string{"scp", "scope"},
		Roles:        []string{"permissions"},
		ClientID:     []string{"azp"},
		Required:     []string{"azp", "iat", "jti"},
	}
}
