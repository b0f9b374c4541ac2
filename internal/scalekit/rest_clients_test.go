package scalekit_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// registeredClient contains the credentials of a registered client.
type registeredClient struct {
	id, secretID, plain string
}

// registerClient registers a client with this request body.
func (env environment) registerClient(t *testing.T, body string) registeredClient {
	t.Helper()
	got := env.postClient(t, body)
	if got.StatusCode != http.StatusCreated {
		t.Fatalf("register: got status %s with body %v, want status 201", got.Status, got.members)
	}
	secrets, _ := memberAt(t, got.members, "client", "secrets").([]any)
	first, _ := secrets[0].(map[string]any)
	return registeredClient{
		id:       fmt.Sprint(memberAt(t, got.members, "client", "client_id")),
		secretID: text(t, first, "id"),
		plain:    text(t, got.members, "plain_secret"),
	}
}

func TestGetClient(t *testing.T) {
	env := startEnvironment(t)
	created := env.postClient(t, registration)
	path := env.clientsPath() + "/" + fmt.Sprint(memberAt(t, created.members, "client", "client_id"))
	got := env.callAdmin(t, http.MethodGet, path, "")
	if got.StatusCode != http.StatusOK || len(got.members) != 1 || fmt.Sprint(got.members["client"]) != fmt.Sprint(created.members["client"]) {
		t.Errorf("got status %s with body %v\nwant status 200 with body %v", got.Status, got.members, created.members)
	}
}

func TestUpdateClient(t *testing.T) {
	env := startEnvironment(t)
	c := env.registerClient(t, registration)
	path := env.clientsPath() + "/" + c.id
	before := env.callAdmin(t, http.MethodGet, path, "").members
	for _, row := range []struct{ name, body, field, want string }{
		{"body is an empty object", `{}`, "", ""},
		{"no body", ``, "", ""},
		{"all values are empty", `{"name":"","description":null,"scopes":[],"audience":[],"custom_claims":[],"expiry":0}`, "", ""},
		{"new name", `{"name":"Renamed"}`, "name", "Renamed"},
		{"new scopes", `{"scopes":["read:deployments","read:deployments"]}`, "scopes", "[read:deployments]"},
		{"new audience", `{"audience":["a","b"]}`, "audience", "[a b]"},
		{"new custom claims", `{"custom_claims":[{"key":"environment","value":"staging"}]}`, "custom_claims", "[map[key:environment value:staging]]"},
		{"new expiry", `{"expiry":"60"}`, "expiry", "60"},
	} {
		got := env.callAdmin(t, http.MethodPatch, path, row.body)
		if got.StatusCode != http.StatusOK {
			t.Fatalf("%s: got status %s with body %v, want status 200", row.name, got.Status, got.members)
		}
		if secrets, _ := memberAt(t, got.members, "client", "secrets").([]any); len(secrets) != 0 {
			t.Errorf("%s: got secrets %v, want no secrets, because the vendor's response has no secrets", row.name, secrets)
		}
		after := env.callAdmin(t, http.MethodGet, path, "").members
		for name, value := range after["client"].(map[string]any) { //nolint:errcheck // if the type is wrong, a panic fails the test
			want := fmt.Sprint(memberAt(t, before, "client", name))
			switch name {
			case row.field:
				want = row.want
			case "update_time":
				if fmt.Sprint(value) <= want {
					t.Errorf("%s: got update_time %v, want a time after %s", row.name, value, want)
				}
				continue
			case "secrets":
				continue
			}
			if fmt.Sprint(value) != want {
				t.Errorf("%s: got member %s with value %v, want value %s", row.name, name, value, want)
			}
		}
		before = after
	}
	claims := claimsOf(t, text(t, env.requestToken(t, c.id, c.plain).members, "access_token"))
	if claims["scope"] != "read:deployments" || fmt.Sprint(claims["custom_claims"], claims["aud"]) != "map[environment:staging] [a b]" {
		t.Errorf("got claims %v, want the updated claims scope, custom_claims and aud", claims)
	}
}

func TestDeleteClient(t *testing.T) {
	env := startEnvironment(t)
	c := env.registerClient(t, "{}")
	path := env.clientsPath() + "/" + c.id
	got := env.callAdmin(t, http.MethodDelete, path, "")
	if got.StatusCode != http.StatusOK || len(got.members) != 0 {
		t.Errorf("got status %s with body %v, want status 200 with body {}", got.Status, got.members)
	}
	if got := env.requestToken(t, c.id, c.plain); got.StatusCode != http.StatusUnauthorized || got.members["error"] != "invalid_client" {
		t.Errorf("deleted client: got status %s with body %v, want status 401 with error invalid_client", got.Status, got.members)
	}
	for _, method := range []string{http.MethodGet, http.MethodPatch, http.MethodDelete} {
		checkError(t, method, env.callAdmin(t, method, path, "{}"), 404, 5, "NOT_FOUND")
	}
	if env.CountClients() != 1 {
		t.Errorf("got %d clients, want 1 client", env.CountClients())
	}
}

func TestSecrets(t *testing.T) {
	env := startEnvironment(t)
	c := env.registerClient(t, "{}")
	path := env.clientsPath() + "/" + c.id
	granted := func(name, plain string, want int) {
		t.Helper()
		if got := env.requestToken(t, c.id, plain); got.StatusCode != want {
			t.Errorf("%s: got status %s with body %v, want status %d", name, got.Status, got.members, want)
		}
	}
	last := env.callAdmin(t, http.MethodDelete, path+"/secrets/"+c.secretID, "")
	checkError(t, "delete the last secret", last, 400, 9, "FAILED_PRECONDITION")
	if last.members["message"] != "last client cannot be deleted" {
		t.Errorf("got message %v, want the vendor's message", last.members["message"])
	}

	added := env.callAdmin(t, http.MethodPost, path+"/secrets", "")
	secret, _ := added.members["secret"].(map[string]any)
	plain := text(t, added.members, "plain_secret")
	if added.StatusCode != http.StatusCreated || len(added.members) != 2 || secret["status"] != "ACTIVE" || secret["secret_suffix"] != plain[len(plain)-4:] {
		t.Errorf("add a secret: got status %s with body %v, want status 201 with an active secret and the plain text of this secret", added.Status, added.members)
	}
	granted("first secret", c.plain, 200)
	granted("second secret", plain, 200)

	secrets, _ := memberAt(t, env.callAdmin(t, http.MethodGet, path, "").members, "client", "secrets").([]any)
	if len(secrets) != 2 || memberAt(t, secrets[1].(map[string]any), "id") != secret["id"] { //nolint:errcheck // if the type is wrong, a panic fails the test
		t.Fatalf("got secrets %v, want the first secret at index 0 and the second secret at index 1", secrets)
	}
	for n, entry := range secrets {
		entry, _ := entry.(map[string]any)
		if used, created := text(t, entry, "last_used_time"), text(t, entry, "create_time"); used < created || n == 0 && used == created {
			t.Errorf("secret %d: got last_used_time %s, want a time that is not before the creation at %s", n, used, created)
		}
	}

	off := env.callAdmin(t, http.MethodPatch, "/api/v1/clients/"+c.id+"/secrets/"+c.secretID, `{"status":"INACTIVE"}`)
	if off.StatusCode != http.StatusOK || memberAt(t, off.members, "secret", "status") != "INACTIVE" {
		t.Errorf("deactivate a secret: got status %s with body %v, want status 200 with an inactive secret", off.Status, off.members)
	}
	granted("inactive secret", c.plain, 401)
	granted("active secret", plain, 200)
	env.callAdmin(t, http.MethodPut, "/api/v1/clients/"+c.id+"/secrets/"+c.secretID, `{"status":0}`)
	granted("reactivated secret", c.plain, 200)

	if got := env.callAdmin(t, http.MethodDelete, path+"/secrets/"+c.secretID, ""); got.StatusCode != http.StatusOK || len(got.members) != 0 {
		t.Errorf("delete a secret: got status %s with body %v, want status 200 with body {}", got.Status, got.members)
	}
	granted("deleted secret", c.plain, 401)
	granted("other secret", plain, 200)
	checkError(t, "delete a deleted secret", env.callAdmin(t, http.MethodDelete, path+"/secrets/"+c.secretID, ""), 404, 5, "NOT_FOUND")
}

// TestEnvironmentSecrets rotates the secret of the environment's own client.
func TestEnvironmentSecrets(t *testing.T) {
	env := startEnvironment(t)
	path := "/api/v1/clients/" + env.ClientID + "/secrets"
	added := env.callAdmin(t, http.MethodPost, path, "")
	plain := text(t, added.members, "plain_secret")
	first := env.ClientSecret
	env.ClientSecret = plain
	if got := env.callAdmin(t, http.MethodGet, env.clientsPath(), ""); got.StatusCode != http.StatusOK {
		t.Fatalf("list clients with the new secret: got status %s, want status 200", got.Status)
	}
	id := fmt.Sprint(memberAt(t, added.members, "secret", "id"))
	if got := env.callAdmin(t, http.MethodDelete, path+"/"+id, ""); got.StatusCode != http.StatusOK {
		t.Errorf("delete the new secret: got status %s with body %v, want status 200", got.Status, got.members)
	}
	env.ClientSecret = first
	checkError(t, "delete an unknown secret", env.callAdmin(t, http.MethodDelete, path+"/sks_1", ""), 404, 5, "NOT_FOUND")
}

func TestListClients(t *testing.T) {
	env := startEnvironment(t)
	empty := env.callAdmin(t, http.MethodGet, env.clientsPath(), "")
	if fmt.Sprint(empty.members) != "map[clients:[] next_page_token: prev_page_token: total_size:0]" {
		t.Errorf("got body %v, want an empty list", empty.members)
	}
	var want []string
	for n := range 45 {
		want = append(want, env.registerClient(t, fmt.Sprintf(`{"name":"%d"}`, n)).id)
	}
	slices.Reverse(want) // newest first
	for _, row := range []struct {
		query string
		pages int
	}{
		{"?", 2},
		{"?page_size=0", 2},
		{"?page_size=2", 23},
		{"?page_size=10", 5},
		{"?page_size=45", 1},
		{"?page_size=100", 1},
		{"?page_size=4294967295", 1},
	} {
		if got, tokens := env.readPages(t, env.clientsPath()+row.query, "next_page_token"); !slices.Equal(got, want) || len(tokens) != row.pages {
			t.Errorf("%s: got %d clients on %d pages, want 45 clients on %d pages", row.query, len(got), len(tokens), row.pages)
		}
	}
	// Read all pages from the last page to the first page. The last page has 5 clients,
	// and each of the other 4 pages has 10 clients.
	_, tokens := env.readPages(t, env.clientsPath()+"?page_size=10", "next_page_token")
	back, _ := env.readPages(t, env.clientsPath()+"?page_size=10&page_token="+tokens[4], "prev_page_token")
	if len(back) != 45 || !slices.Equal(back[5:15], want[30:40]) {
		t.Errorf("previous pages: got %d clients, want the same 45 clients on the same pages", len(back))
	}
}

// readPages reads pages of a list. In each response, the member tokenMember contains the
// token of the next page to read. readPages stops at the first response in which this
// member is empty. It returns the IDs of all clients and the tokens of all pages. The
// first token is empty.
func (env environment) readPages(t *testing.T, path, tokenMember string) (ids, tokens []string) {
	t.Helper()
	admin := "Bearer " + env.adminToken(t)
	for token := ""; len(tokens) < 50; {
		tokens = append(tokens, token)
		url := path
		if token != "" {
			url, _, _ = strings.Cut(path, "&page_token")
			url += "&page_token=" + token
		}
		got := env.sendRequest(t, http.MethodGet, url, "", "", admin)
		if got.StatusCode != http.StatusOK {
			t.Fatalf("%s: got status %s with body %v, want status 200", url, got.Status, got.members)
		}
		list, _ := got.members["clients"].([]any)
		for _, entry := range list {
			entry, _ := entry.(map[string]any)
			ids = append(ids, text(t, entry, "client_id"))
		}
		if token = text(t, got.members, tokenMember); token == "" {
			break
		}
	}
	return ids, tokens
}

// TestListClientsDuringChanges checks that a client that follows page tokens gets every
// item once, even if items are created and deleted at the same time.
func TestListClientsDuringChanges(t *testing.T) {
	env := startEnvironment(t)
	var all []registeredClient
	for range 6 {
		all = append(all, env.registerClient(t, "{}"))
	}
	first := env.callAdmin(t, http.MethodGet, env.clientsPath()+"?page_size=2", "").members
	env.registerClient(t, "{}")                                              // the list contains this new client before the clients of the first page
	env.callAdmin(t, http.MethodDelete, env.clientsPath()+"/"+all[4].id, "") // this was the last client on the first page
	env.callAdmin(t, http.MethodDelete, env.clientsPath()+"/"+all[3].id, "") // this was the first client on the next page
	second := env.callAdmin(t, http.MethodGet, env.clientsPath()+"?page_size=2&page_token="+text(t, first, "next_page_token"), "").members
	list, _ := second["clients"].([]any)
	if len(list) != 2 || memberAt(t, list[0].(map[string]any), "client_id") != all[2].id || second["total_size"] != 5.0 { //nolint:errcheck // if the type is wrong, a panic fails the test
		t.Errorf("got body %v, want the clients %s and %s, and total_size 5", second, all[2].id, all[1].id)
	}
}

func TestClientRefusals(t *testing.T) {
	env := startEnvironment(t)
	c := env.registerClient(t, registration)
	other := fmt.Sprint(memberAt(t, env.callAdmin(t, http.MethodPost, "/api/v1/organizations", `{"display_name":"Other"}`).members, "organization", "id"))
	before := env.Dump()
	long := strings.Repeat("1", 33)
	client := env.clientsPath() + "/" + c.id
	for _, row := range []struct {
		method, path, body string
		status             int
		field, constraint  string
	}{
		{"GET", "/api/v1/organizations/acme/clients", "", 400, "organization_id", "string.prefix"},
		{"GET", "/api/v1/organizations/org_" + long + "/clients", "", 400, "organization_id", "string.max_len"},
		{"GET", "/api/v1/organizations/org_1/clients", "", 404, "", ""},
		{"GET", env.clientsPath() + "?page_size=-1", "", 400, "page_size", "uint32"},
		{"GET", env.clientsPath() + "?page_size=ten", "", 400, "page_size", "uint32"},
		{"GET", env.clientsPath() + "?page_size=4294967296", "", 400, "page_size", "uint32"},
		{"GET", env.clientsPath() + "?page_token=!", "", 400, "page_token", "page_token"},
		{"GET", env.clientsPath() + "?page_token=eDE", "", 400, "page_token", "page_token"},
		{"GET", env.clientsPath() + "?page_token=bi0x", "", 400, "page_token", "page_token"},
		{"GET", env.clientsPath() + "/skc_1", "", 400, "client_id", "string.prefix"},
		{"GET", env.clientsPath() + "/m2morg_" + long, "", 400, "client_id", "string.max_len"},
		{"GET", env.clientsPath() + "/m2morg_1", "", 404, "", ""},
		{"GET", env.clientsPath() + "/" + env.ClientID, "", 400, "client_id", "string.prefix"},
		{"GET", "/api/v1/organizations/" + other + "/clients/" + c.id, "", 404, "", ""},
		{"GET", "/api/v1/organizations/org_1/clients/" + c.id, "", 404, "", ""},
		{"PATCH", "/api/v1/organizations/" + other + "/clients/" + c.id, `{"name":"x"}`, 404, "", ""},
		{"PATCH", client, `{"name":7}`, 400, "client.name", "json.type"},
		{"PATCH", client, `{"name":"ok","scopes":["a b"]}`, 400, "client.scopes[0]", "scope"},
		{"PATCH", client, `{"expiry":-1}`, 400, "client.expiry", "int64.gte"},
		{"PATCH", client, `{"customClaims":[{"key":"","value":"x"}]}`, 400, "client.custom_claims[0].key", "string.min_len"},
		{"PATCH", client, `[]`, 400, "", ""},
		{"DELETE", "/api/v1/organizations/" + other + "/clients/" + c.id, "", 404, "", ""},
		{"POST", "/api/v1/organizations/" + other + "/clients/" + c.id + "/secrets", "", 404, "", ""},
		{"POST", env.clientsPath() + "/m2morg_1/secrets", "", 404, "", ""},
		{"DELETE", client + "/secrets/" + long, "", 400, "secret_id", "string.max_len"},
		{"DELETE", client + "/secrets/sks_1", "", 404, "", ""},
		{"DELETE", "/api/v1/organizations/" + other + "/clients/" + c.id + "/secrets/" + c.secretID, "", 404, "", ""},
		{"PATCH", "/api/v1/clients/" + c.id + "/secrets/" + c.secretID, `{"status":"OFF"}`, 400, "secret.status", "enum.defined_only"},
		{"PATCH", "/api/v1/clients/" + c.id + "/secrets/" + c.secretID, `{"status":2}`, 400, "secret.status", "enum.defined_only"},
		{"PATCH", "/api/v1/clients/m2morg_1/secrets/" + c.secretID, `{"status":"INACTIVE"}`, 404, "", ""},
		{"PUT", client, `{}`, 501, "", ""},
		{"GET", client + "/secrets", "", 501, "", ""},
	} {
		name := row.method + " " + row.path + " " + row.body
		got := env.callAdmin(t, row.method, row.path, row.body)
		code, errorCode := 5.0, "NOT_FOUND"
		switch row.status {
		case 400:
			code, errorCode = 3, "INVALID_ARGUMENT"
		case 501:
			code, errorCode = 12, "UNIMPLEMENTED"
		}
		checkError(t, name, got, row.status, code, errorCode)
		if row.field != "" && (len(fieldViolations(got)) != 1 || fieldViolations(got)[0]["field"] != row.field || fieldViolations(got)[0]["constraint"] != row.constraint) {
			t.Errorf("%s: got violations %v, want the violation %s of the field %s", name, fieldViolations(got), row.constraint, row.field)
		}
	}
	if env.Dump() != before {
		t.Error("a refused request changed the state")
	}
}

// TestConcurrentUpdates changes a client concurrently and checks that every change is stored.
func TestConcurrentUpdates(t *testing.T) {
	env := startEnvironment(t)
	c := env.registerClient(t, registration)
	client := env.clientsPath() + "/" + c.id
	admin := "Bearer " + env.adminToken(t)
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			for range 5 {
				got := env.sendRequest(t, http.MethodPost, client+"/secrets", "", "", admin)
				if got.StatusCode != http.StatusCreated {
					t.Errorf("add a secret: got status %s, want status 201", got.Status)
				}
				bodies := []string{`{"name":"new"}`, `{"description":"new"}`, `{"expiry":77}`, `{"audience":["new"]}`}
				env.sendRequest(t, http.MethodPatch, client, "application/json", bodies[n%len(bodies)], admin)
				env.requestToken(t, c.id, c.plain)
			}
		})
	}
	group.Wait()
	got := env.callAdmin(t, http.MethodGet, client, "").members
	secrets, _ := memberAt(t, got, "client", "secrets").([]any)
	if len(secrets) != 41 {
		t.Errorf("got %d secrets, want 41 secrets", len(secrets))
	}
	for name, want := range map[string]string{"name": "new", "description": "new", "expiry": "77", "audience": "[new]"} {
		if value := memberAt(t, got, "client", name); fmt.Sprint(value) != want {
			t.Errorf("got member %s with value %v, want value %s", name, value, want)
		}
	}
}
