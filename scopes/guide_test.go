package scopes_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

// TestGuideRouters tests the examples of docs/routers.md. In each row, a table with the
// patterns gets a request, and wants a pattern or no rule.
func TestGuideRouters(t *testing.T) {
	list := func(patterns ...string) []string { return patterns }
	for _, row := range []struct {
		strict   bool
		patterns []string
		method   string
		target   string
		want     string
	}{
		{false, list("/healthz", "/{any}"), "GET", "/healthz", "/healthz"},
		{false, list("/healthz", "/{any}"), "GET", "/he%61lthz", ""},
		{false, list("/{any}"), "GET", "/he%61lthz", "/{any}"},
		{false, list("/café", "/{any}"), "GET", "/caf%C3%A9", "/café"},
		{false, list("/a/{x}", "/a/b/{x}"), "GET", "/a/b%2fc", ""},
		{false, list("/a/{x...}"), "GET", "/a/b%2fc", "/a/{x...}"},
		{false, list("/a/{x...}"), "GET", "/a/b%2fc%252fd", ""},
		{false, list("/{x}/keys", "/admin/keys"), "GET", "/admin;x/keys", ""},
		{false, list("/{x}/keys"), "GET", "/admin;x/keys", "/{x}/keys"},
		{false, list("/{x}", "/admin"), "GET", "/admin%3fx", ""},
		{false, list("/files/{x}"), "GET", "/files/%3fx", "/files/{x}"},
		{false, list("/", "admin.example/"), "GET", "http://Admin.example./", ""},
		{false, list("/", "admin.example/"), "GET", "http://admin.example/", "admin.example/"},
		{false, list("/x"), "CONNECT", "/x", ""},
		{false, list("GET /x", "/{any}"), "HEAD", "/x", "GET /x"},
		{true, list("/Admin", "/"), "GET", "/Admin", "/Admin"},
		{true, list("/Admin", "/"), "GET", "/admin", ""},
		{true, list("/Admin", "/"), "GET", "/ADMIN", ""},
		{true, list("/Admin", "/"), "GET", "/ADMIN.json", ""},
		{true, list("/Admin", "/"), "GET", "/other", "/"},
		{false, list("/Admin", "/"), "GET", "/admin", "/"},
		{true, list("/robots.txt", "/"), "GET", "/robots.txt", "/robots.txt"},
		{true, list("/customers/{id}", "/"), "GET", "/customers/Acme%20Inc.", "/customers/{id}"},
		{true, list("/report.csv", "/report.json"), "GET", "/report.csv", ""},
		{true, list("/{report}"), "GET", "/report.csv", "/{report}"},
		{true, list("/{x...}"), "GET", "/a/...", ""},
		{true, list("/{x...}"), "GET", "/a/..b", ""},
		{true, list("/{x...}"), "GET", "/a/b", "/{x...}"},
	} {
		table := scopes.Table{StrictSegments: row.strict}
		for _, pattern := range row.patterns {
			table.Handle(pattern, scopes.Public())
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, row.target, http.NoBody)
		r.Method = row.method
		if _, got := table.Rule(r); got != row.want {
			t.Errorf("%q, strict %v: %s %s: got pattern %q, want pattern %q", row.patterns, row.strict, row.method, row.target, got, row.want)
		}
	}
}
