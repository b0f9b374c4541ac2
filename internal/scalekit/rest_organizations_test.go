package scalekit_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const organizationsPath = "/api/v1/organizations"

func TestOrganizations(t *testing.T) {
	env := startEnvironment(t)
	created := env.callAdmin(t, http.MethodPost, organizationsPath, `{"display_name":"Megasoft Inc","external_id":"tenant_1","metadata":{"industry":"technology"},"slug":"app.acmecorp.com"}`)
	o, _ := created.members["organization"].(map[string]any)
	id := text(t, o, "id")
	if created.StatusCode != http.StatusCreated || !valuePatterns["organization_id"].MatchString(id) {
		t.Fatalf("create: got status %s with body %v, want status 201", created.Status, created.members)
	}
	for name, want := range map[string]string{
		"display_name": "Megasoft Inc", "external_id": "tenant_1", "metadata": "map[industry:technology]",
		"slug": "app.acmecorp.com", "region_code": "US", "settings": "map[features:[]]",
	} {
		if fmt.Sprint(o[name]) != want {
			t.Errorf("got member %s with value %v, want value %s", name, o[name], want)
		}
	}
	if !valuePatterns["create_time"].MatchString(text(t, o, "create_time")) || !valuePatterns["update_time"].MatchString(text(t, o, "update_time")) {
		t.Errorf("got create_time %v and update_time %v, want Protobuf timestamps", o["create_time"], o["update_time"])
	}
	for _, path := range []string{organizationsPath + "/" + id, organizationsPath + ":external/tenant_1"} {
		if got := env.callAdmin(t, http.MethodGet, path, ""); got.StatusCode != http.StatusOK || fmt.Sprint(got.members) != fmt.Sprint(created.members) {
			t.Errorf("%s: got status %s with body %v, want status 200 with body %v", path, got.Status, got.members, created.members)
		}
	}
	updated := env.callAdmin(t, http.MethodPatch, organizationsPath+"/"+id, `{"displayName":"Megasoft","slug":"","metadata":{"plan":"free"}}`)
	o, _ = updated.members["organization"].(map[string]any)
	if _, ok := o["slug"]; ok || o["display_name"] != "Megasoft" || o["external_id"] != "tenant_1" || fmt.Sprint(o["metadata"]) != "map[plan:free]" {
		t.Errorf("update the organization: got status %s with body %v, want a new name, new metadata and no slug", updated.Status, updated.members)
	}
	for _, body := range []string{
		`{"features":[{"name":"sso","enabled":true},{"name":"dir_sync","enabled":true}]}`, `{"features":[{"name":"sso","enabled":false}]}`,
	} {
		updated = env.callAdmin(t, http.MethodPatch, organizationsPath+"/"+id+"/settings", body)
	}
	if got := fmt.Sprint(memberAt(t, updated.members, "organization", "settings")); got != "map[features:[map[enabled:false name:sso] map[enabled:true name:dir_sync]]]" {
		t.Errorf("got settings %s, want settings with sso disabled and dir_sync enabled", got)
	}

	// If an organization is deleted, the clients of the organization are deleted, too.
	made := env.callAdmin(t, http.MethodPost, organizationsPath+"/"+id+"/clients", "{}")
	clientID, plain := fmt.Sprint(memberAt(t, made.members, "client", "client_id")), text(t, made.members, "plain_secret")
	if got := env.requestToken(t, clientID, plain); got.StatusCode != http.StatusOK {
		t.Errorf("token request: got status %s, want status 200", got.Status)
	}
	if got := env.callAdmin(t, http.MethodDelete, organizationsPath+"/"+id, ""); got.StatusCode != http.StatusOK || len(got.members) != 0 {
		t.Errorf("delete the organization: got status %s with body %v, want status 200 with body {}", got.Status, got.members)
	}
	if got := env.requestToken(t, clientID, plain); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("token request of a client of a deleted organization: got status %s, want status 401", got.Status)
	}
	checkError(t, "deleted organization", env.callAdmin(t, http.MethodGet, organizationsPath+"/"+id, ""), 404, 5, "NOT_FOUND")
	if got := env.callAdmin(t, http.MethodPost, organizationsPath, `{"display_name":"Again","external_id":"tenant_1"}`); got.StatusCode != http.StatusCreated {
		t.Errorf("create an organization with the external_id of a deleted organization: got status %s, want status 201", got.Status)
	}
}

func TestListOrganizations(t *testing.T) {
	env := startEnvironment(t)
	for n := range 12 {
		env.callAdmin(t, http.MethodPost, organizationsPath, fmt.Sprintf(`{"display_name":"Tenant %d","external_id":"t%d"}`, n, n))
	}
	for _, row := range []struct {
		query     string
		items     int
		total     float64
		following bool
	}{
		{"", 13, 13, false},
		{"?page_size=10", 10, 13, true},
		{"?external_id=t7", 1, 1, false},
		{"?external_id=none", 0, 0, false},
		{":search?query=tenant%201", 3, 3, false},
		{":search?query=TEN&page_size=5", 5, 12, true},
		{":search?query=" + env.OrganizationID, 1, 1, false},
	} {
		got := env.callAdmin(t, http.MethodGet, organizationsPath+row.query, "").members
		list, _ := got["organizations"].([]any)
		if len(list) != row.items || got["total_size"] != row.total || (got["next_page_token"] != "") != row.following || got["prev_page_token"] != "" {
			t.Errorf("%q: got %d organizations, total_size %v, a next page=%v and prev_page_token %q, want %d organizations, total_size %v, a next page=%v and prev_page_token \"\"",
				row.query, len(list), got["total_size"], got["next_page_token"] != "", got["prev_page_token"], row.items, row.total, row.following)
		}
	}
}

func TestOrganizationRefusals(t *testing.T) {
	env := startEnvironment(t)
	env.callAdmin(t, http.MethodPost, organizationsPath, `{"display_name":"Taken","external_id":"taken","slug":"taken"}`)
	own := organizationsPath + "/" + env.OrganizationID
	before := env.Dump()
	pairs := func(n int) string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf(`"key%d":"v"`, i))
		}
		return strings.Join(out, ",")
	}
	for _, row := range []struct {
		method, path, body string
		status             int
		field, constraint  string
	}{
		{"POST", organizationsPath, ``, 400, "organization.display_name", "required"},
		{"POST", organizationsPath, `{"display_name":""}`, 400, "organization.display_name", "string.min_len"},
		{"POST", organizationsPath, `{"display_name":"` + strings.Repeat("x", 201) + `"}`, 400, "organization.display_name", "string.max_len"},
		{"POST", organizationsPath, `{"display_name":7}`, 400, "organization.display_name", "json.type"},
		{"POST", organizationsPath, `{"display_name":"a","region_code":"MARS"}`, 400, "organization.region_code", "enum.defined_only"},
		{"POST", organizationsPath, `{"display_name":"a","metadata":{"ab":"v"}}`, 400, `organization.metadata["ab"]`, "string.min_len"},
		{"POST", organizationsPath, `{"display_name":"a","metadata":{"abc":""}}`, 400, `organization.metadata["abc"]`, "string.min_len"},
		{"POST", organizationsPath, `{"display_name":"a","metadata":{"abc":1}}`, 400, `organization.metadata["abc"]`, "json.type"},
		{"POST", organizationsPath, `{"display_name":"a","metadata":[]}`, 400, "organization.metadata", "json.type"},
		{"POST", organizationsPath, `{"display_name":"a","metadata":{` + pairs(11) + `}}`, 400, "organization.metadata", "map.max_pairs"},
		{"POST", organizationsPath, `{"display_name":"a","slug":""}`, 400, "organization.slug", "string.min_len"},
		{"POST", organizationsPath, `{"display_name":"a","slug":"Acme"}`, 400, "organization.slug", "string.pattern"},
		{"POST", organizationsPath, `{"display_name":"a","slug":"-acme"}`, 400, "organization.slug", "string.pattern"},
		{"POST", organizationsPath, `{"display_name":"a","slug":"a..b"}`, 400, "organization.slug", "string.pattern"},
		{"POST", organizationsPath, `{"display_name":"a","logo_url":"http://x.example"}`, 400, "organization.logo_url", "string.uri"},
		{"POST", organizationsPath, `{"display_name":"a","external_id":"taken"}`, 409, "", ""},
		{"POST", organizationsPath, `{"display_name":"a","slug":"taken"}`, 409, "", ""},
		{"PATCH", own, `{"external_id":"taken"}`, 409, "", ""},
		{"PATCH", own, `{"display_name":""}`, 400, "organization.display_name", "string.min_len"},
		{"PATCH", organizationsPath + "/org_1", `{"display_name":"x"}`, 404, "", ""},
		{"PATCH", own + "/settings", `{"features":[{"enabled":true}]}`, 400, "settings.features[0].name", "string.min_len"},
		{"PATCH", own + "/settings", `{"features":[{"name":"sso","enabled":"yes"}]}`, 400, "settings.features[0].enabled", "json.type"},
		{"GET", organizationsPath + "/org_1", "", 404, "", ""},
		{"GET", organizationsPath + ":external/none", "", 404, "", ""},
		{"GET", organizationsPath + ":search?query=ab", "", 400, "query", "string.min_len"},
		{"GET", organizationsPath + ":search?query=abc&page_size=31", "", 400, "page_size", "uint32.lte"},
		{"GET", organizationsPath + "?page_token=x", "", 400, "page_token", "page_token"},
		{"DELETE", organizationsPath + "/org_1", "", 404, "", ""},
		{"PUT", own, "", 501, "", ""},
	} {
		name := row.method + " " + row.path + " " + row.body
		got := env.callAdmin(t, row.method, row.path, row.body)
		want := map[int]struct {
			code float64
			name string
		}{400: {3, "INVALID_ARGUMENT"}, 404: {5, "NOT_FOUND"}, 409: {6, "ALREADY_EXISTS"}, 501: {12, "UNIMPLEMENTED"}}[row.status]
		checkError(t, name, got, row.status, want.code, want.name)
		if row.field != "" && (len(fieldViolations(got)) != 1 || fieldViolations(got)[0]["field"] != row.field || fieldViolations(got)[0]["constraint"] != row.constraint) {
			t.Errorf("%s: got violations %v, want the violation %s of the field %s", name, fieldViolations(got), row.constraint, row.field)
		}
	}
	if env.Dump() != before {
		t.Error("a refused request changed the state")
	}
}
