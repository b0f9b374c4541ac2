package profiles

// GitHubActions accepts OIDC tokens of GitHub Actions workflows.
//
// Issuer: `https://token.actions.githubusercontent.com`
//
// Audience: the audience that the workflow requests, by default `https://github.com/OWNER`
//
// The tokens have no client and no scopes, and any workflow on GitHub can get one. Require
// `repository_id` or `repository_owner_id` with `bearer.ClaimEquals`. Do not require a
// value of `sub`, because its form changes.
func GitHubActions() Profile {
	return Profile{
		Name:     "GitHub Actions",
		Types:    []string{"JWT"},
		Scopes:   []string{},
		ClientID: []string{},
		Required: []string{"sub", "iat", "jti", "repository_id", "repository_owner_id"},
	}
}
