package profiles

// Cognito accepts access tokens of an Amazon Cognito user pool.
//
// Issuer: `https://cognito-idp.REGION.amazonaws.com/POOL`
//
// Audience: the client identifiers; with resource binding, the API's identifier
//
// Access tokens have `aud` only if the token request uses resource binding. For tokens
// without `aud`, list the client identifiers in `Config.Audience`. The `aud` of an ID token
// is a client identifier, so it can match `Config.Audience`. bearer still refuses ID tokens,
// because their `token_use` is not `access`. Scopes have the form `RESOURCE-SERVER/SCOPE`.
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
