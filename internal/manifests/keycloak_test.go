package manifests_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"

	"github.com/bearerkit/bearer/internal/manifests"
)

// realm is the part of a realm that Keycloak imports which examples/keycloak uses.
type realm struct {
	Realm               string        `json:"realm"`
	Enabled             bool          `json:"enabled"`
	AccessTokenLifespan int           `json:"accessTokenLifespan"`
	ClientScopes        []clientScope `json:"clientScopes"`
	Clients             []client      `json:"clients"`
}

type clientScope struct {
	Name            string            `json:"name"`
	Protocol        string            `json:"protocol"`
	Attributes      map[string]string `json:"attributes"`
	ProtocolMappers []struct {
		Name            string            `json:"name"`
		Protocol        string            `json:"protocol"`
		ProtocolMapper  string            `json:"protocolMapper"`
		ConsentRequired bool              `json:"consentRequired"`
		Config          map[string]string `json:"config"`
	} `json:"protocolMappers"`
}

type client struct {
	ClientID                  string   `json:"clientId"`
	Secret                    string   `json:"secret"`
	Protocol                  string   `json:"protocol"`
	PublicClient              bool     `json:"publicClient"`
	ServiceAccountsEnabled    bool     `json:"serviceAccountsEnabled"`
	StandardFlowEnabled       bool     `json:"standardFlowEnabled"`
	ImplicitFlowEnabled       bool     `json:"implicitFlowEnabled"`
	DirectAccessGrantsEnabled bool     `json:"directAccessGrantsEnabled"`
	FullScopeAllowed          bool     `json:"fullScopeAllowed"`
	DefaultClientScopes       []string `json:"defaultClientScopes"`
	OptionalClientScopes      []string `json:"optionalClientScopes"`
}

// readRealm reads examples/keycloak/realm.json.
func readRealm(t *testing.T) realm {
	t.Helper()
	data, err := os.ReadFile(root + "/examples/keycloak/realm.json")
	if err != nil {
		t.Fatal(err)
	}
	var r realm
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

// audiences returns the audiences of the audience mappers of a client's scopes.
func (r realm) audiences(c client) []string {
	var all []string
	for _, scope := range r.ClientScopes {
		if !slices.Contains(c.DefaultClientScopes, scope.Name) {
			continue
		}
		for _, mapper := range scope.ProtocolMappers {
			if mapper.ProtocolMapper == "oidc-audience-mapper" && mapper.Config["access.token.claim"] == "true" {
				all = append(all, mapper.Config["included.custom.audience"])
			}
		}
	}
	return all
}

// TestRealm checks the clients of realm.json: they have service accounts, existing scopes, a
// subject and an audience. The clients and their secrets are those of docs/keycloak.md.
func TestRealm(t *testing.T) {
	r := readRealm(t)
	page, err := os.ReadFile(root + "/docs/keycloak.md")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, scope := range r.ClientScopes {
		names[scope.Name] = true
		if strings.Contains(scope.Name, ":") != (scope.Attributes["include.in.token.scope"] == "true") {
			t.Errorf("scope %s: got include.in.token.scope %q, want true only for the scopes of rules", scope.Name, scope.Attributes["include.in.token.scope"])
		}
	}
	for _, c := range r.Clients {
		for _, scope := range c.DefaultClientScopes {
			if !names[scope] {
				t.Errorf("client %s: the scope %s does not exist", c.ClientID, scope)
			}
		}
		if !c.ServiceAccountsEnabled || c.PublicClient || !slices.Contains(c.DefaultClientScopes, "basic") || !slices.Equal(r.audiences(c), []string{"deployments"}) {
			t.Errorf("client %s: got %+v with the audiences %q, want a service account with the scope basic and the audience deployments", c.ClientID, c, r.audiences(c))
		}
		if !strings.Contains(string(page), c.ClientID+":"+c.Secret) {
			t.Errorf("client %s: docs/keycloak.md has no %s:%s, want it", c.ClientID, c.ClientID, c.Secret)
		}
	}
	reader := r.Clients[slices.IndexFunc(r.Clients, func(c client) bool { return c.ClientID == "reader" })]
	if !slices.Contains(reader.DefaultClientScopes, "read:deployments") || slices.Contains(reader.DefaultClientScopes, "deploy:applications") {
		t.Errorf("client reader: got the scopes %q, want read:deployments and not deploy:applications", reader.DefaultClientScopes)
	}
}

// wantNames checks the variables of the API: the issuer is the outer name of Keycloak with the
// realm, the metadata is at the inner name, and the audience is the audience of the realm.
func wantNames(t *testing.T, file string, variables map[string]string, outer, inner string) {
	t.Helper()
	r := readRealm(t)
	if got, want := variables["ISSUER"], outer+"/realms/"+r.Realm; got != want {
		t.Errorf("%s: ISSUER: got %q, want %q", file, got, want)
	}
	if got, want := variables["METADATA_URL"], inner+"/realms/"+r.Realm+"/.well-known/openid-configuration"; got != want {
		t.Errorf("%s: METADATA_URL: got %q, want %q", file, got, want)
	}
	if got := variables["AUDIENCE"]; !slices.Contains(r.audiences(r.Clients[0]), got) {
		t.Errorf("%s: AUDIENCE: got %q, want one of %q", file, got, r.audiences(r.Clients[0]))
	}
}

// TestComposeNames checks that the names in compose.yaml agree, and that the block in
// docs/keycloak.md has the same variables.
func TestComposeNames(t *testing.T) {
	s := source(t, compose)
	project, err := manifests.DecodeCompose(s)
	if err != nil {
		t.Fatal(err)
	}
	keycloak, api := project.Services["keycloak"], project.Services["api"]
	if len(keycloak.Ports) != 1 || len(keycloak.Volumes) != 1 {
		t.Fatalf("keycloak: got ports %v and volumes %v, want one of each", keycloak.Ports, keycloak.Volumes)
	}
	outer := "http://localhost:" + keycloak.Ports[0].Published
	if got := keycloak.Environment["KC_HOSTNAME"]; got == nil || *got != outer {
		t.Errorf("KC_HOSTNAME: got %v, want %q", got, outer)
	}
	if _, err := os.Stat(keycloak.Volumes[0].Source); err != nil {
		t.Errorf("volume of keycloak: got error %v, want an existing file", err)
	}
	variables := map[string]string{}
	for name, value := range api.Environment {
		variables[name] = *value
	}
	wantNames(t, compose, variables, outer, "http://keycloak:8080")

	sources, err := manifests.Find(root + "/docs")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, block := range sources {
		if !strings.HasPrefix(block.Name, "keycloak.md:") {
			continue
		}
		compared++
		part, err := manifests.DecodeCompose(block)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range part.Services["api"].Environment {
			if *value != variables[name] {
				t.Errorf("%s: %s: got %q, want %q as in compose.yaml", block.Name, name, *value, variables[name])
			}
		}
	}
	if compared != 1 {
		t.Errorf("docs/keycloak.md: got %d blocks, want 1", compared)
	}
}

// TestKubernetesNames checks that the names in kubernetes.yaml agree.
func TestKubernetesNames(t *testing.T) {
	var api *core.ConfigMap
	var inner, outer string
	for document := range strings.SplitSeq(source(t, kube).Text, "\n---\n") {
		object, err := manifests.DecodeKubernetes(document)
		if err != nil {
			t.Fatal(err)
		}
		switch object := object.(type) {
		case *core.ConfigMap:
			api = object
		case *core.Service:
			if object.Name == "keycloak" {
				inner = "https://" + object.Name + "." + object.Namespace + ".svc:" + object.Spec.Ports[0].TargetPort.String()
				inner = strings.Replace(inner, ":https", ":8443", 1)
				if object.Spec.Ports[0].Port != 8443 {
					t.Errorf("service keycloak: got port %d, want 8443", object.Spec.Ports[0].Port)
				}
			}
		}
		if _, rest, found := strings.Cut(document, `name: KC_HOSTNAME, value: "`); found {
			outer, _, _ = strings.Cut(rest, `"`)
		}
	}
	if api == nil || inner == "" || outer == "" {
		t.Fatalf("got ConfigMap %v, inner name %q and outer name %q, want all three", api, inner, outer)
	}
	wantNames(t, kube, api.Data, outer, inner)
}
