package scopes_test

import (
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

func TestRoutesErr(t *testing.T) {
	err := scopes.Routes{"": scopes.All(), "get /x": scopes.All(), "GET  /x": scopes.All(), "GET": scopes.All(), "/zero": {}, "/any": scopes.Any(), "GET /good": scopes.All(), "api.example/x": scopes.All()}.Err()
	if err == nil {
		t.Fatal("got no error, want an error for each mistake")
	}
	text := err.Error()
	if got := strings.Count(text, "scopes: route "); got != 6 {
		t.Errorf("got %d mistakes, want 6:\n%s", got, text)
	}
	for _, want := range []string{`route "": `, `route "get /x": the method must be in upper case`, `route "GET  /x": `, `route "GET": `, `route "/zero": `, `route "/any": `} {
		if !strings.Contains(text, want) {
			t.Errorf("got error %q, want %q in it", text, want)
		}
	}
}
