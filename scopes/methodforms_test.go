package scopes_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

// TestTableRuleMethods tests the methods that servers treat differently. For HEAD, some
// routers use the route of GET, and others the route of all methods. For CONNECT, some
// proxies make a tunnel.
func TestTableRuleMethods(t *testing.T) {
	read, admin := scopes.All("read"), scopes.All("admin")
	var table scopes.Table
	table.Handle("GET /docs/{name}", scopes.Public())
	table.Handle("/docs/{name}", read)
	table.Handle("GET /admin/login", scopes.Public())
	table.Handle("/admin/{path...}", admin)
	table.Handle("GET /reports", read)
	table.Handle("GET /own", read)
	table.Handle("HEAD /own", scopes.Public())
	table.Handle("/own", admin)
	table.Handle("/", scopes.Public())
	table.Handle("CONNECT /tunnel", admin)
	for _, row := range []struct{ method, path, rule, pattern string }{
		{"GET", "/docs/x", "public", "GET /docs/{name}"},
		{"HEAD", "/docs/x", `scope "read"`, "GET /docs/{name}"},
		{"HEAD", "/admin/login", `scope "admin"`, "GET /admin/login"},
		{"HEAD", "/admin/x", `scope "admin"`, "/admin/{path...}"},
		{"HEAD", "/reports", `scope "read"`, "GET /reports"},
		{"HEAD", "/own", "public", "HEAD /own"},
		{"HEAD", "/other", "public", "/"},
		{"CONNECT", "/other", "denied", ""},
		{"CONNECT", "/docs/x", "denied", ""},
		{"CONNECT", "/admin/x", "denied", ""},
		{"CONNECT", "/tunnel", `scope "admin"`, "CONNECT /tunnel"},
		{"GET", "/tunnel", "public", "/"},
	} {
		rule, pattern := table.Rule(&http.Request{Method: row.method, Host: "h", URL: &url.URL{Path: row.path}})
		if rule.String() != row.rule || pattern != row.pattern {
			t.Errorf("%s %s: got rule %v and pattern %q, want rule %s and pattern %q", row.method, row.path, rule, pattern, row.rule, row.pattern)
		}
	}
	// Two rules that are not public must both be met.
	var two scopes.Table
	two.Handle("GET /x", read)
	two.Handle("/", admin)
	if rule, _ := two.Rule(&http.Request{Method: http.MethodHead, URL: &url.URL{Path: "/x"}}); rule.String() != `scope "read" and scope "admin"` {
		t.Errorf("got rule %v, want both rules", rule)
	}
}
