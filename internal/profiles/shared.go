package profiles

// Shared lists issuers that issue the tokens of all their customers under one "iss" and with
// the same keys. The keys of the map are the issuers. Each value has the form of
// Profile.TenantClaims. docs/issuers.md must list these issuers. The facts are from the
// documentation of the issuers.
//
//nolint:gochecknoglobals // never changed; Go has no constant maps
var Shared = map[string]map[string]string{
	"https://token.actions.githubusercontent.com": GitHubActions().TenantClaims,
	"https://accounts.google.com":                 Google().TenantClaims,
	"accounts.google.com":                         Google().TenantClaims,
	"https://identity.oraclecloud.com/":           OracleIDCS().TenantClaims, // the keys of each domain differ, but only Config.KeyOptions selects them
	"https://gitlab.com": { // docs.gitlab.com/ci/secrets/id_token_authentication
		"project_id":   `[1-9][0-9]*`,
		"namespace_id": `[1-9][0-9]*`,
	},
	"https://agent.buildkite.com": { // buildkite.com/docs/agent/v3/cli-oidc; requires the option --claim
		"organization_id": `[0-9a-f\-]{36}`,
		"pipeline_id":     `[0-9a-f\-]{36}`,
	},
	"https://app.terraform.io": { // docs.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/workload-identity-tokens
		"terraform_organization_id": `org-\w+`,
		"terraform_project_id":      `prj-\w+`,
		"terraform_workspace_id":    `ws-\w+`,
	},
	"https://oidc.vercel.com": { // vercel.com/docs/oidc/reference; the issuer mode "global"
		"owner_id":   `\w+`,
		"project_id": `prj_\w+`,
	},
}
