package profiles

// GitHubActions takes OIDC tokens of GitHub Actions workflows.
//
// Issuer: `https://token.actions.githubusercontent.com`
//
// Audience: what the workflow asks for, by default `https://github.com/OWNER`
//
// The tokens have no client and no scopes, and any workflow on GitHub can get one: let
// the rule ask for `repository_id` or `repository_owner_id`, by `bearer.ClaimEquals`.
// Do not ask for `sub`: its form changes.
func GitHubActions() Profile {
	return Profile{
		Name:     "GitHub Actions",
		Types:    []string{"JWT"},
		Scopes:   []string{},
		ClientID: []string{},
		Required: []string{"sub", "iat", "jti", "repository_id", "repository_owner_id"},
	}
}
