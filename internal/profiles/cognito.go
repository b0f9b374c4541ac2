package profiles

// Cognito accepts access tokens of an Amazon Cognito user pool.
//
// Issuer: `https://cognito-idp.REGION.amazonaws.com/POOL`
//
// Audience: the client identifiers, or the API's identifier if a resource is bound
//
// Access tokens have no `aud` unless a resource was bound. For tokens without `aud`, list the
// client identifiers in `Config.Audience`. The `aud` of an ID token is a client too, but ID
// tokens are refused because of their `token_use`. Scopes have the form
// `RESOURCE-SERVER/SCOPE`.
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
