package scalekit_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearer/internal/scalekit"
)

func TestCreateClientDefaults(t *testing.T) {
	env := startEnvironment(t)
	for _, body := range []string{"", "{}", `{"name":null,"custom_claims":null,"expiry":0,"unknown":{"a":1}}`} {
		got := env.postClient(t, body)
		client, _ := got.members["client"].(map[string]any)
		if got.StatusCode != http.StatusCreated || client["expiry"] != "3600" || client["name"] != "" {
			t.Fatalf("%q: got status %s with body %v, want status 201, expiry 3600 and an empty name", body, got.Status, got.members)
		}
		for _, name := range []string{"scopes", "audience", "custom_claims"} {
			if list, ok := client[name].([]any); !ok || len(list) != 0 {
				t.Errorf("%q: got member %s with value %v, want an empty array", body, name, client[name])
			}
		}
		granted := env.requestToken(t, text(t, client, "client_id"), text(t, got.members, "plain_secret")).members
		claims := claimsOf(t, text(t, granted, "access_token"))
		for _, name := range []string{"aud", "scope", "scopes", "custom_claims"} {
			if value, ok := claims[name]; ok {
				t.Errorf("%q: got claim %s with value %v, want no such claim", body, name, value)
			}
		}
	}
}

func TestCreateClientForms(t *testing.T) {
	env := startEnvironment(t)
	for _, row := range []struct{ body, name, want string }{
		{`{"expiry":"7200"}`, "expiry", "7200"},
		{`{"expiry":7.2e3}`, "expiry", "7200"},
		{`{"expiry":60.0}`, "expiry", "60"},
		{`{"expiry":315360000}`, "expiry", "315360000"},
		{`{"name":"` + strings.Repeat("é", 128) + `"}`, "name", strings.Repeat("é", 128)},
		{`{"name":"a\u003cb\u0000"}`, "name", "a<b\x00"},
	} {
		got := env.postClient(t, row.body)
		client, _ := got.members["client"].(map[string]any)
		if got.StatusCode != http.StatusCreated || client[row.name] != row.want {
			t.Errorf("%s: got status %s with body %v, want status 201 and a client with %s %q", row.body, got.Status, got.members, row.name, row.want)
		}
	}
	got := env.postClient(t, `{"customClaims":[{"key":"a"},{"key":"b","value":null,"more":1}]}`)
	client, _ := got.members["client"].(map[string]any)
	if claims, _ := client["custom_claims"].([]any); len(claims) != 2 {
		t.Errorf("got status %s with body %v, want two custom claims", got.Status, got.members)
	}
}

func TestCreateClientRefusals(t *testing.T) {
	env := startEnvironment(t)
	before := env.Dump()
	long := strings.Repeat("x", 513)
	for _, row := range []struct{ body, field, constraint string }{
		{"null", "", ""},
		{"[]", "", ""},
		{"{", "", ""},
		{`{"name":"a"} {}`, "", ""},
		{"{\"name\":\"\xff\"}", "", ""},
		{`{"name":"a","name":"b"}`, "", ""},
		{`{"name":"` + strings.Repeat("x", 1<<20) + `"}`, "", ""},
		{`{"custom_claims":[],"customClaims":[]}`, "client.custom_claims", "json.duplicate"},
		{`{"name":7}`, "client.name", "json.type"},
		{`{"name":"` + long[:129] + `"}`, "client.name", "string.max_len"},
		{`{"description":"` + long + `"}`, "client.description", "string.max_len"},
		{`{"scopes":"a b"}`, "client.scopes", "json.type"},
		{`{"scopes":["a",1]}`, "client.scopes[1]", "json.type"},
		{`{"scopes":["a","b c"]}`, "client.scopes[1]", "scope"},
		{`{"scopes":[""]}`, "client.scopes[0]", "scope"},
		{`{"audience":[null]}`, "client.audience[0]", "json.type"},
		{`{"audience":[""]}`, "client.audience[0]", "string.min_len"},
		{`{"custom_claims":{"a":"b"}}`, "client.custom_claims", "json.type"},
		{`{"custom_claims":["a"]}`, "client.custom_claims[0]", "json.type"},
		{`{"custom_claims":[{"value":"a"}]}`, "client.custom_claims[0].key", "string.min_len"},
		{`{"custom_claims":[{"key":7}]}`, "client.custom_claims[0].key", "json.type"},
		{`{"custom_claims":[{"key":"a","value":7}]}`, "client.custom_claims[0].value", "json.type"},
		{`{"custom_claims":[{"key":"` + long[:129] + `"}]}`, "client.custom_claims[0].key", "string.max_len"},
		{`{"custom_claims":[{"key":"a"},{"key":"a"}]}`, "client.custom_claims[1].key", "repeated.unique"},
		{`{"expiry":-1}`, "client.expiry", "int64.gte"},
		{`{"expiry":-1e999}`, "client.expiry", "int64.gte"},
		{`{"expiry":315360001}`, "client.expiry", "int64.lte"},
		{`{"expiry":1e999}`, "client.expiry", "int64.lte"},
		{`{"expiry":9223372036854775808}`, "client.expiry", "int64.lte"},
		{`{"expiry":1.5}`, "client.expiry", "json.type"},
		{`{"expiry":"1h"}`, "client.expiry", "json.type"},
		{`{"expiry":" 1"}`, "client.expiry", "json.type"},
		{`{"expiry":""}`, "client.expiry", "json.type"},
		{`{"expiry":true}`, "client.expiry", "json.type"},
	} {
		got := env.postClient(t, row.body)
		checkError(t, row.body[:min(len(row.body), 60)], got, 400, 3, "INVALID_ARGUMENT")
		if row.field == "" {
			continue
		}
		if first := fieldViolations(got)[0]; first["field"] != row.field || first["constraint"] != row.constraint || first["description"] == "" || len(fieldViolations(got)) != 1 {
			t.Errorf("%s: got violations %v, want the violation %s of the field %s", row.body, fieldViolations(got), row.constraint, row.field)
		}
	}
	if got := fieldViolations(env.postClient(t, `{"name":1,"description":2,"expiry":-3}`)); len(got) != 3 {
		t.Errorf("got violations %v, want three violations", got)
	}
	if env.Dump() != before {
		t.Error("a refused request changed the state")
	}
}

func TestCreateClientOrganizations(t *testing.T) {
	env := startEnvironment(t)
	authorization := "Bearer " + env.adminToken(t)
	for _, row := range []struct {
		id         string
		status     int
		code       float64
		name       string
		constraint string
	}{
		{"org_123", 404, 5, "NOT_FOUND", ""},
		{"ORG_123", 400, 3, "INVALID_ARGUMENT", "string.prefix"},
		{"org%2F..", 400, 3, "INVALID_ARGUMENT", "string.prefix"},
		{"org_" + strings.Repeat("1", 29), 400, 3, "INVALID_ARGUMENT", "string.max_len"},
	} {
		got := env.sendRequest(t, http.MethodPost, "/api/v1/organizations/"+row.id+"/clients", "application/json", "{}", authorization)
		checkError(t, row.id, got, row.status, row.code, row.name)
		if row.constraint != "" && (fieldViolations(got)[0]["field"] != "organization_id" || fieldViolations(got)[0]["constraint"] != row.constraint) {
			t.Errorf("%s: got violations %v, want the violation %s of the field organization_id", row.id, fieldViolations(got), row.constraint)
		}
	}
	if got := env.CountClients(); got != 1 {
		t.Errorf("got %d clients, want 1 client", got)
	}
}

func TestUnknownPathAndMethod(t *testing.T) {
	env := startEnvironment(t)
	checkError(t, "unknown path", env.sendRequest(t, http.MethodGet, "/api/v1/nothing", "", ""), 404, 5, "NOT_FOUND")
	checkError(t, "unsupported method", env.sendRequest(t, http.MethodPut, "/api/v1/organizations/org_1/clients", "", ""), 501, 12, "UNIMPLEMENTED")
}

func TestCreateClientConcurrently(t *testing.T) {
	env := startEnvironment(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 5 {
				got := env.postClient(t, registration)
				if got.StatusCode != http.StatusCreated {
					t.Errorf("got status %s, want status 201", got.Status)
				}
			}
		})
	}
	group.Wait()
	if got := env.CountClients(); got != 41 {
		t.Errorf("got %d clients, want 41 clients", got)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, row := range []struct {
		url      string
		problems int
	}{
		{"", 1},
		{"acme.scalekit.dev", 3},
		{"ftp://", 2},
		{"https://acme.scalekit.dev/", 1},
		{"https://user@acme.scalekit.dev", 1},
		{"https://acme.scalekit.dev?", 1},
		{"http://a b", 1},
	} {
		_, _, err := scalekit.New(scalekit.Config{URL: row.url})
		if err == nil || strings.Count(err.Error(), "Config.URL") != row.problems {
			t.Errorf("%q: got error %v, want an error with %d problems", row.url, err, row.problems)
		}
	}
}

// checkError checks the status and the error body of a response.
func checkError(t *testing.T, name string, got jsonResponse, status int, code float64, errorCode string) {
	t.Helper()
	details, _ := got.members["details"].([]any)
	if got.StatusCode != status || got.members["code"] != code || got.members["message"] == "" || len(details) != 1 {
		t.Fatalf("%s: got status %s with body %v, want status %d with code %v", name, got.Status, got.members, status, code)
	}
	info, _ := details[0].(map[string]any)
	if info["@type"] != "type.googleapis.com/scalekit.v1.errdetails.ErrorInfo" || info["error_code"] != errorCode {
		t.Errorf("%s: got details %v, want details with error_code %s", name, info, errorCode)
	}
}

// fieldViolations returns the field violations of an error response.
func fieldViolations(got jsonResponse) []map[string]any {
	var out []map[string]any
	details, _ := got.members["details"].([]any)
	for _, detail := range details {
		info, _ := detail.(map[string]any)
		validation, _ := info["validation_error_info"].(map[string]any)
		fields, _ := validation["field_violations"].([]any)
		for _, field := range fields {
			members, _ := field.(map[string]any)
			out = append(out, members)
		}
	}
	return out
}
