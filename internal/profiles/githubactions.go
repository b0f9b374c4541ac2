package profiles

// GitHubActions accepts OIDC tokens of GitHub Actions workflows.
//
// Issuer: `https://token.actions.githubusercontent.com`
//
// Audience: the audience that the workflow requests; the default is `https://github.com/OWNER`
//
// The tokens have no client identifier and no scopes. Every workflow on GitHub can get such
// a token. Therefore, require a value of `repository_id` or `repository_owner_id` with
// `bearer.ClaimEquals`. Do not require a value of `sub`, because `sub` has different forms in
// old and new repositories.
func GitHubActions() Profile {
	return Profile{
		Name:     "GitHub Actions",
		Types:    []string{"JWT"},
		Scopes:   []string{},
		ClientID: []string{},
		Required: []string{"sub", "iat", "jti", "repository_id", "repository_owner_id"},
	}
}
