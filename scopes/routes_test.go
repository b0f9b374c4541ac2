package scopes_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

func TestRoutes(t *testing.T) {
	read, write, every := scopes.All("read"), scopes.All("write"), scopes.All("every")
	routes := scopes.Routes{
		"GET /items/{id}": read, "DELETE /items/{id}": write, "/items/{id}": every, "HEAD /own": write, "GET /own": read,
		"GET /page": scopes.Public(), "/page": every, "GET /docs": read, "/docs": scopes.Public(), "GET /only": read,
	}
	if err := routes.Err(); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		method, pattern string
		rule            scopes.Rule
		name            string
	}{
		{"GET", "/items/{id}", read, "GET /items/{id}"},
		{"DELETE", "/items/{id}", write, "DELETE /items/{id}"},
		{"POST", "/items/{id}", every, "/items/{id}"},
		{"HEAD", "/items/{id}", scopes.And(read, every), "GET /items/{id}"},
		{"HEAD", "/page", every, "GET /page"},
		{"HEAD", "/docs", read, "GET /docs"},
		{"HEAD", "/only", read, "GET /only"},
		{"HEAD", "/own", write, "HEAD /own"},
		{"GET", "/own", read, "GET /own"},
		// For http.ServeMux, the pattern contains the method.
		{"GET", "GET /items/{id}", read, "GET /items/{id}"},
		{"HEAD", "GET /items/{id}", read, "GET /items/{id}"},
		{"POST", "/own", scopes.Rule{}, ""},
		{"GET", "/items/7", scopes.Rule{}, ""},
		{"GET", "", scopes.Rule{}, ""},
		{"delete", "/items/{id}", scopes.Rule{}, ""},
		{"Delete", "DELETE /items/{id}", scopes.Rule{}, ""},
	} {
		rule, name := routes.Rule(row.method, row.pattern)
		if rule.String() != row.rule.String() || name != row.name {
			t.Errorf("%s, %q: got rule %v and key %q, want rule %v and key %q", row.method, row.pattern, rule, name, row.rule, row.name)
		}
	}
	if rule, name := scopes.Routes(nil).Rule("GET", "/x"); !rule.IsZero() || name != "" {
		t.Errorf("nil Routes: got rule %v and key %q, want the zero Rule and no key", rule, name)
	}
}

// TestRoutesErr checks the message for each mistake. A key without a mistake has no message.
func TestRoutesErr(t *testing.T) {
	all := scopes.All()
	rules := scopes.Routes{"/zero": {}, "/any": scopes.Any()}
	want := map[string]string{"/zero": "", "/any": ""}
	for key, message := range map[string]string{
		"":                 "the key is empty",
		"get /x":           "the method must be in upper case",
		"get x":            "the method must be in upper case",
		"GET  /x":          "want METHOD pattern",
		"GET /x ":          "want METHOD pattern",
		" /x":              "want METHOD pattern",
		"GET":              "the pattern has no slash",
		"healthz":          "the pattern has no slash",
		"GET healthz":      "the pattern has no slash",
		"GET {id}":         "the pattern has no slash",
		"GET example.com":  "the pattern has no slash",
		"GET:/x":           "want a space between the method and the pattern",
		"GET/x":            "want a space between the method and the pattern",
		"M-SEARCH/x":       "want a space between the method and the pattern",
		"GET POST /x":      "want METHOD pattern",
		"GET POST:/x":      "want a space between the method and the pattern",
		"GET\t/x":          "want METHOD pattern",
		"GET api.example:": "the pattern has no slash",
	} {
		rules[key], want[key] = all, message
	}
	good := []string{
		"GET /good", "/", "GET /", "/x y", "GET /x y", "api.example/x", "GET api.example/x", "GET api.example:8080/x", "localhost/", "GET LOCALHOST.example/",
		"GET {sub:[a-z]+}.example.com/x", "{sub:[a-z]+}.example.com/x", "GET [::1]/x", "GET /{id:[a-z ]+}", "GET /:id", "GET /*path", "/GET", "M-SEARCH /x",
	}
	for _, key := range good {
		rules[key] = all
	}
	err := rules.Err()
	if err == nil {
		t.Fatal("got no error, want an error for each mistake")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Errorf("got %d mistakes, want %d:\n%s", len(lines), len(want), err)
	}
	for key, message := range want {
		prefix := fmt.Sprintf("scopes: route %q: ", key)
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, prefix) && strings.Contains(line, message) }) {
			t.Errorf("got error\n%s\nwant the line %q with %q", err, prefix, message)
		}
	}
}
