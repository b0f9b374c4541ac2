package profiles

// PingOne accepts access tokens of PingOne.
//
// Issuer: `https://auth.pingone.TLD/ENVIRONMENT/as`
//
// Audience: the audience of the resource
//
// Tokens from the client credentials grant have no `sub`.
func PingOne() Profile {
	return Profile{
		Name:     "PingOne",
		Types:    []string{"at+jwt", "JWT", ""},
		Scopes:   []string{"scope"},
		ClientID: []string{"client_id"},
		Required: []string{"client_id"},
	}
}
