package profiles

// GitHubActions accepts OIDC tokens of GitHub Actions workflows.
//
// Issuer: `https://token.actions.githubusercontent.com`
//
// Audience: the audience that the workflow requests; the default is `https://github.com/OWNER`
//
// The tokens have no client identifier and no scopes. Every workflow on GitHub can get such a
// token, with any audience. Therefore, list your repositories or their owners in
// `Config.Tenants`, for example `repository_owner_id=65` or `repository_id=74`. To find the two
// numbers, run `gh api repos/OWNER/REPOSITORY --jq '.owner.id, .id'`. bearer refuses names such as
// `OWNER/REPOSITORY`, because a different user can register a name again after its owner gave
// the name up. Without `repository_id=` or `repository_owner_id=`, a number is accepted in both
// claims, so an unrelated repository or owner with the same number is accepted too. Do not
// require a value of `sub`, because `sub` has different forms in old and new repositories.
//
// To accept only one branch or environment, add a rule, for example
// `bearer.ClaimEquals("ref", "refs/heads/main")`. If your enterprise has an issuer of its own,
// such as `https://HOST/_services/token`, and all its workflows may call the API, set
// `TenantClaims` of a copy of the profile to nil.
func GitHubActions() Profile {
	return Profile{
		Name:     "GitHub Actions",
		Types:    []string{"JWT"},
		Scopes:   []string{},
		ClientID: []string{},
		Required: []string{"sub", "iat", "jti", "repository_id", "repository_owner_id"},
		TenantClaims: map[string]string{
			"repository_id":       `[1-9][0-9]*`,
			"repository_owner_id": `[1-9][0-9]*`,
		},
	}
}
