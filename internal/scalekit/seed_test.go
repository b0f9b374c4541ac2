package scalekit_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/scalekit"
)

const seedYAML = `
client_id: skc_1
client_secret: test_of_the_environment
organizations:
  - id: org_1
    display_name: Acme Corp
    external_id: acme
    metadata: {plan: enterprise}
    clients:
      - client_id: m2morg_1
        client_secret: test_of_the_deployer
        name: Deployer
        scopes: [deploy:applications, read:deployments]
        audience: [deployment-api.acmecorp.com]
        custom_claims:
          github_repository: acmecorp/inventory-service
        expiry: 600
      - name: Reader
        scopes: [read:deployments]
        custom_claims: [{key: environment, value: staging}]
  - display_name: Megasoft
`

const seedJSON = `{
  "client_id": "skc_1", "client_secret": "test_of_the_environment",
  "organizations": [
    {"id": "org_1", "display_name": "Acme Corp", "external_id": "acme", "metadata": {"plan": "enterprise"}, "clients": [
      {"client_id": "m2morg_1", "client_secret": "test_of_the_deployer", "name": "Deployer", "expiry": "600",
       "scopes": ["deploy:applications", "read:deployments"], "audience": ["deployment-api.acmecorp.com"],
       "custom_claims": [{"key": "github_repository", "value": "acmecorp/inventory-service"}]},
      {"name": "Reader", "scopes": ["read:deployments"], "custom_claims": {"environment": "staging"}}
    ]},
    {"displayName": "Megasoft"}
  ]
}`

func TestSeed(t *testing.T) {
	for name, content := range map[string]string{"YAML": seedYAML, "JSON": seedJSON} {
		t.Run(name, func(t *testing.T) {
			env, _ := startWith(t, scalekit.Config{Seed: []byte(content)})
			if env.ClientID != "skc_1" || env.ClientSecret != "test_of_the_environment" || env.OrganizationID != "org_1" || len(env.Clients) != 1 {
				t.Fatalf("got client %s, organization %s and %d clients with generated secrets, want client skc_1, organization org_1 and 1 client", env.ClientID, env.OrganizationID, len(env.Clients))
			}
			granted := env.requestToken(t, "m2morg_1", "test_of_the_deployer").members
			claims := claimsOf(t, text(t, granted, "access_token"))
			if granted["expires_in"] != 600.0 || claims["scope"] != "deploy:applications read:deployments" || claims["oid"] != "org_1" ||
				fmt.Sprint(claims["custom_claims"], claims["aud"]) != "map[github_repository:acmecorp/inventory-service] [deployment-api.acmecorp.com]" {
				t.Errorf("got response %v and claims %v, want the settings of the seed", granted, claims)
			}
			reader := env.Clients[0]
			claims = claimsOf(t, text(t, env.requestToken(t, reader.ID, reader.Secret).members, "access_token"))
			if reader.Name != "Reader" || fmt.Sprint(claims["custom_claims"]) != "map[environment:staging]" {
				t.Errorf("got client %s with claims %v, want client Reader with the custom claim environment=staging", reader.Name, claims)
			}
			got := env.callAdmin(t, http.MethodGet, organizationsPath, "").members
			if got["total_size"] != 2.0 || memberAt(t, env.callAdmin(t, http.MethodGet, organizationsPath+":external/acme", "").members, "organization", "display_name") != "Acme Corp" {
				t.Errorf("got organizations %v, want two organizations, one with the name Acme Corp", got)
			}
		})
	}
}

// TestSeedAndState checks that a restored state ignores the seed.
func TestSeedAndState(t *testing.T) {
	cfg := scalekit.Config{Seed: []byte(seedYAML), State: filepath.Join(t.TempDir(), "state.json")}
	env, end := startWith(t, cfg)
	env.callAdmin(t, http.MethodDelete, organizationsPath+"/org_1", "")
	end()
	env, _ = startWith(t, cfg)
	if env.OrganizationID == "org_1" || env.ClientID != "skc_1" || env.ClientSecret != "" {
		t.Errorf("got organization %s and client %s, want the saved organization and the saved client", env.OrganizationID, env.ClientID)
	}
}

func TestSeedRefusals(t *testing.T) {
	for _, row := range []struct{ name, seed, want string }{
		{"empty seed", "", "not a mapping"},
		{"a list instead of a mapping", "- a", "not a JSON object"},
		{"a number as a member name", "1: 2", "1 is an unknown member"},
		{"broken YAML", "a: [", "yaml"},
		{"YAML with a repeated member name", "client_id: skc_1\nclient_id: skc_2", "already defined"},
		{"two YAML documents", "client_id: skc_1\n---\n{}", "more than one"},
		{"broken JSON", `{"client_id":`, "JSON ends too early"},
		{"JSON with a repeated member name", `{"client_id":"skc_1","client_id":"skc_2"}`, "appears twice"},
		{"an unknown member of the seed", "organisations: []", "organisations is an unknown member"},
		{"an unknown member of a client", "organizations: [{display_name: A, clients: [{scope: x}]}]", "organizations[0].clients[0].scope is an unknown member"},
		{"a client ID with a wrong prefix", "client_id: m2m_1", "client_id must begin with skc_"},
		{"a secret that is too short", "client_secret: short", "client_secret must have at least 8 characters"},
		{"a secret that is a number", "client_secret: 123456789", "client_secret must be a string"},
		{"an organization without display_name", "organizations: [{id: org_1}]", "organizations[0].display_name is required"},
		{"a repeated organization ID", "organizations: [{id: org_1, display_name: A}, {id: org_1, display_name: B}]", "organizations[1].id must not be repeated"},
		{"a repeated external ID", "organizations: [{external_id: a, display_name: A}, {external_id: a, display_name: B}]", "organizations[1].external_id must not be repeated"},
		{"a repeated client ID", "organizations: [{display_name: A, clients: [{client_id: m2morg_1}, {client_id: m2morg_1}]}]", "clients[1].client_id must not be repeated"},
		{"an invalid scope", "organizations: [{display_name: A, clients: [{scopes: [a b]}]}]", "organizations[0].clients[0].scopes[0] must be a valid scope"},
		{"an invalid expiry", "organizations: [{display_name: A, clients: [{expiry: 1h}]}]", "organizations[0].clients[0].expiry must be a whole number"},
		{"an invalid custom claim", "organizations: [{display_name: A, clients: [{custom_claims: {a: 1}}]}]", `clients[0].custom_claims["a"] must be a string`},
		{"a client that is not an object", "organizations: [{display_name: A, clients: [x]}]", "organizations[0].clients[0] must be an object"},
	} {
		_, _, err := scalekit.New(scalekit.Config{URL: "http://127.0.0.1", Seed: []byte(row.seed)})
		if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), "Config.Seed") {
			t.Errorf("%s: got error %v, want an error with %q", row.name, err, row.want)
		}
	}
	_, _, err := scalekit.New(scalekit.Config{Seed: []byte("client_id: m2m_1\nclient_secret: short\norganizations: [{}]")})
	if err == nil || len(strings.Split(err.Error(), "\n")) != 4 {
		t.Errorf("got error %v, want one error with four problems", err)
	}
}
