package profiles

// Cognito takes access tokens of a user pool of Amazon Cognito.
//
// Issuer: `https://cognito-idp.REGION.amazonaws.com/POOL`
//
// Audience: the clients' identifiers; the API's, if a resource is bound
//
// Access tokens have no `aud` unless a resource was bound: list the identifiers of the
// clients in `Config.Audience`. ID tokens, whose `aud` is a client, are refused by
// `token_use`. Scopes are written `RESOURCE-SERVER/SCOPE`.
func Cognito() Profile {
	return Profile{
		Name:           "Cognito",
		Types:          []string{"", "JWT", "at+jwt"},
		Audience:       []string{"aud", "client_id"},
		Scopes:         []string{"scope"},
		Roles:          []string{"cognito:groups"},
		ClientID:       []string{"client_id"},
		Required:       []string{"sub", "client_id", "iat", "jti"},
		RequiredValues: map[string][]string{"token_use": {"access"}},
	}
}
