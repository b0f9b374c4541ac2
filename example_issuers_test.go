package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// One verifier accepts tokens of two issuers. Each issuer has its own keys, audience and
// profile.
func ExampleIssuers() {
	acme, umbrella := exampleIssuer("https://acme.scalekit.com"), exampleIssuer("https://umbrella.eu.auth0.com/")
	defer acme.Close()
	defer umbrella.Close()

	var issuers bearer.Issuers
	defer issuers.Close()
	err := issuers.Add(
		bearer.Config{Issuer: acme.URL(), Audience: []string{"deployment-api"}, Profile: bearer.Scalekit, Keys: exampleKeys(acme)},
		bearer.Config{Issuer: umbrella.URL(), Audience: []string{"https://deployments.example"}, Profile: bearer.Auth0, Keys: exampleKeys(umbrella)},
	)
	if err != nil {
		fmt.Println(err)
		return
	}

	tokens := []string{
		acme.Mint(map[string]any{"typ": "JWT"}, map[string]any{"aud": "deployment-api", "client_id": "m2morg_1", "scopes": []string{"read"}}),
		umbrella.Mint(map[string]any{"typ": "JWT"}, map[string]any{"aud": "https://deployments.example", "client_id": nil, "azp": "ci", "scope": "read"}),
		umbrella.Mint(map[string]any{"typ": "JWT"}, map[string]any{"iss": acme.URL(), "aud": "deployment-api"}),
	}
	for _, token := range tokens {
		claims, err := issuers.Verify(context.Background(), token)
		if err != nil {
			fmt.Println("refused:", errors.Is(err, bearer.UnknownKey))
			continue
		}
		fmt.Println(claims.ClientID(), "of", claims.Issuer(), "may", claims.Scopes())
	}
	// Output:
	// m2morg_1 of https://acme.scalekit.com may read
	// ci of https://umbrella.eu.auth0.com/ may read
	// refused: true
}

// Scalekit puts all custom claims into one claim, "custom_claims".
func ExampleJSONAt() {
	type deployer struct {
		Repository string `json:"github_repository"`
	}
	issuer := exampleIssuer("https://acme.scalekit.com")
	defer issuer.Close()
	v, err := bearer.New(bearer.Config{
		Issuer: issuer.URL(), Audience: []string{"deployment-api"}, Profile: bearer.Scalekit, Keys: exampleKeys(issuer),
		Custom: bearer.JSONAt[deployer]("custom_claims"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()

	token := issuer.Mint(map[string]any{"typ": "JWT"}, map[string]any{
		"aud": "deployment-api", "custom_claims": map[string]string{"github_repository": "acme/inventory"},
	})
	claims, err := v.Verify(context.Background(), token)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := bearer.NewContext(context.Background(), claims) // A guard makes this call.
	if d, ok := bearer.Custom[deployer](ctx); ok {
		fmt.Println(d.Repository)
	}
	// Output: acme/inventory
}

// Rules can check claims other than scopes. Tokens of GitHub Actions contain no scopes and
// no client ID.
func ExampleClaimEquals() {
	rule := scopes.Or(
		scopes.And(bearer.ClaimEquals("iss", "https://token.actions.githubusercontent.com"), bearer.ClaimEquals("repository_id", "74")),
		scopes.And(scopes.All("deploy:applications"), bearer.ClientIs("ci", "cd")),
		bearer.HasRole("Deployer"),
	)
	fmt.Println(rule)
	// Output:
	// (claim "iss" is "https://token.actions.githubusercontent.com" and claim "repository_id" is "74") or (scope "deploy:applications" and one of the clients "ci", "cd") or role "Deployer"
}

// The example changes a copy of a built-in profile. A verifier with the copy reads the roles
// of the realm and the roles of the client "deployments", and refuses tokens of users.
func ExampleProfile() {
	p := bearer.Keycloak
	p.Roles = []string{"/realm_access/roles", "/resource_access/deployments/roles"}
	p.Forbidden = []string{"at_hash", "c_hash", "events", "session_state"}
	_, err := bearer.New(bearer.Config{
		Issuer: "https://login.acme.example/realms/acme", Audience: []string{"deployments"}, Profile: p, Keys: &jwks.Set{},
		Required: []string{"/resource_access/deployments"},
	})
	fmt.Println(err)
	// Output: <nil>
}

// Look up profiles by names from a configuration file.
func ExampleProfileByName() {
	for _, name := range []string{"keycloak", "Entra ID v2", "entra-v2", "keycloack"} {
		p, err := bearer.ProfileByName(name)
		if err != nil {
			message, _, _ := strings.Cut(err.Error(), " of ") // The message without the list of all profiles.
			fmt.Println(message)
			continue
		}
		fmt.Println(p.Name)
	}
	// Output:
	// Keycloak
	// Entra ID v2
	// Entra ID v2
	// bearer: no profile "keycloack": want one
}

func exampleIssuer(name string) *bearertest.Issuer {
	return bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: name, Algorithms: []string{"EdDSA"}})
}

func exampleKeys(issuer *bearertest.Issuer) *jwks.Set {
	keys, err := jwks.Parse(issuer.JWKS())
	if err != nil {
		fmt.Println(err)
	}
	return keys
}
