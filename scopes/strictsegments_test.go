package scopes_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/bearerkit/bearer/scopes"
)

// TestStrictSegments tests requests that a lenient service reads as a different route.
func TestStrictSegments(t *testing.T) {
	const site = "/,/admin,/keys/{id},GET /customers/{id},/files/,/exact/{$}"
	for _, row := range []struct {
		patterns, target, want string // the table has the patterns; the rule has the pattern want
		loose                  string // the pattern without StrictSegments, if it differs from want
	}{
		// The readings of one kind.
		{site, "/ADMIN", "", "/"},
		{site, "/aDmin", "", "/"},
		{site, "/adm\u0131n", "", "/"},
		{site, "/adm\u0130n", "", "/"},
		{site, "/\u212aeys/1", "", "/"},
		{site, "/key\u017f/1", "", "/"},
		{site, "/admin.", "", "/"},
		{site, "/admin...", "", "/"},
		{site, "/admin%20", "", "/"},
		{site, "/admin+", "", "/"},
		{site, "/admin%C2%A0", "", "/"},
		{site, "/admin%E2%80%8B", "", "/"},
		{site, "/admin%E3%80%82", "", "/"},
		{site, "/admin%E2%80%A6", "", "/"},
		{site, "/admin.json", "", "/"},
		{site, "/admin.tar.gz", "", "/"},
		{site, "/keys.json/1", "", "/"},
		{site, "/admin/", "", "/"},
		{site, "/admin/.json", "", "/"},
		{site, "/admin/.json/", "", "/"},
		{site, "/%EF%BD%81dmin", "", "/"},
		{site, "/%EF%BC%A1DMIN", "", "/"},
		{site, "/keys%EF%BC%8F1", "", "/"},
		{site, "/keys%E2%88%951", "", "/"},
		{site, "/keys%E2%81%841", "", "/"},
		{site, "/keys%E2%A7%B81", "", "/"},
		{site, "/admin%EF%BC%9Bx", "", "/"},
		{site, "/admin%CD%BEx", "", "/"},
		{site, "/admin%EF%BC%9Fx", "", "/"},
		{site, "/admin%EF%BC%83x", "", "/"},
		// Several readings together.
		{site, "/ADMIN.JSON", "", "/"},
		{site, "/Admin%20.json.%20", "", "/"},
		{site, "/ADMIN/", "", "/"},
		{site, "/%2541DMIN", "", "/"},
		{site, "/KEYS.json;x/1", "", "/"},
		{site, "/KEYS/a%2fb", "", "/"},
		{site, "/KEYS/a%E2%88%95b", "", "/"},
		{site, "/%EF%BC%ABEYS/a%E2%81%84b", "", "/"},
		{site, "/KEYS%EF%BC%8F1.json", "", "/"},
		{"/,/office", "/o%EF%AC%83ce", "", "/"},
		{"/,/strasse", "/STRA%C3%9FE", "", "/"},
		{site, "/ADMIN%3fx", "", "/"},
		{site, "/ADMIN;x%3fy/b", "", "/"},
		// Characters that some service may read as "..", or that have too many readings.
		{site, "/files/..%20/admin", "", "/files/"},
		{site, "/files/%20../admin", "", "/files/"},
		{site, "/files/.../admin", "", "/files/"},
		{site, "/files/...x", "", "/files/"},
		{site, "/files/.%20%3fx", "", "/files/"},
		{site, "/files/..json/x", "", "/files/"},
		{site, "/files/%EF%BC%8E%EF%BC%8E/admin", "", "/files/"},
		{site, "/files/%E2%80%A5/admin", "", "/files/"},
		{site, "/files/..%EF%BC%8Fadmin", "", "/files/"},
		{site, "/files/a%EF%BC%BCb", "", "/files/"},
		{site, "/files/a%EF%BC%8Fb%E2%88%95c", "", "/files/"},
		{site, "/files/a%EF%BC%8F%EF%BC%8Fb", "", "/files/"},
		{site, "/files/a%EF%BC%8Fb%252fc", "", "/files/"},
		{site, "/files/a%EF%BC%852fb", "", "/files/"},
		// Literals with upper-case letters or suffixes.
		{"/,/Admin", "/Admin", "/Admin", ""},
		{"/,/Admin", "/admin", "", "/"},
		{"/,/Admin", "/ADMIN", "", "/"},
		{"/,/Admin,/admin", "/Admin", "", "/Admin"},
		{"/,/Admin,/admin", "/admin", "", "/admin"},
		{"/,/Admin,/admin", "/other", "/", ""},
		{"/,GET /Admin,/admin", "/admin", "", "/admin"},
		{"/,/robots.txt", "/robots.txt", "/robots.txt", ""},
		{"/,/robots.txt", "/robots", "", "/"},
		{"/,/robots.txt", "/robots.json", "", "/"},
		{"/,/r.csv,/r.json", "/r.csv", "", "/r.csv"},
		{"/,/{report}", "/r.csv", "/{report}", ""},
		{"/,/v1.0/a,/v1.1/a", "/v1.1/a", "/v1.1/a", ""},
		{"/,/v1.0/a,/v1.1/a", "/V1.1/a", "", "/"},
		{"/,/.well-known/{name}", "/.well-known/security.txt", "/.well-known/{name}", ""},
		{"/,/.env,/{$}", "/.env", "/.env", ""},
		{"/,/{$}", "/.env", "", "/"},
		{"/files/{$},/files/{name}", "/files/.env", "", "/files/{name}"},
		{"/files/{name}", "/files/.env", "/files/{name}", ""},
		{"/,/café", "/caf%C3%A9", "/café", ""},
		{"/,/café", "/CAF%C3%89", "", "/"},
		{"/,/Admin/{$}", "/Admin/", "/Admin/{$}", ""},
		{"/Admin/{a}/x,/admin/b/{c},/", "/admin/b/x", "", "/admin/b/{c}"},
		{"/Admin/{a}/x,/admin/b/{c},/", "/Admin/b/x", "", "/Admin/{a}/x"},
		{"/Admin/{a}/x,/admin/b/{c},/", "/Admin/a/x", "/Admin/{a}/x", ""},
	} {
		for _, strict := range []bool{true, false} {
			table := routes(strings.Split(row.patterns, ",")...)
			table.StrictSegments = strict
			want := row.want
			if !strict && row.loose != "" {
				want = row.loose
			}
			if _, got := table.Rule(httptest.NewRequest(http.MethodGet, row.target, http.NoBody)); got != want {
				t.Errorf("table with %s, StrictSegments %v: %s: got pattern %q, want %q", row.patterns, strict, row.target, got, want)
			}
		}
	}
}

// TestStrictSegmentsHonest tests that StrictSegments does not refuse ordinary requests.
func TestStrictSegmentsHonest(t *testing.T) {
	table := routes("/", "/admin", "GET /healthz", "GET /customers/{id}", "/customers/{id}/orders", "/customers/{id}/orders/{order}", "/files/", "/tree/{path...}", "/exact/{$}", "/v1.0/users/{id}", "/v1.1/users/{id}",
		"/.well-known/openid-configuration", "/favicon.ico", "/API/Users", "/search/{text}", "/users/{id}/", "/%3Abatch", "/c++/{x}", "admin.example/")
	for _, strict := range []bool{false, true} {
		table.StrictSegments = strict
		for target, want := range map[string]string{
			"/": "/", "/index": "/", "/index.html": "/", "/a/b/c.css": "/", "/img/Logo@2x.PNG": "/", "/js/app.3f2a.min.js": "/", "/docs/": "/", "/Docs/Intro/": "/", "/static/@scope/x.js": "/", "/a~b/_c-d": "/", "/healthz": "GET /healthz", "/healthz?x=/admin": "GET /healthz",
			"/customers/7": "GET /customers/{id}", "/customers/Acme%20Inc.": "GET /customers/{id}", "/customers/acme.json": "GET /customers/{id}", "/customers/ADMIN": "GET /customers/{id}", "/customers/J%C3%BCrgen": "GET /customers/{id}", "/customers/a%40b.example": "GET /customers/{id}", "/customers/a+b@c.example": "GET /customers/{id}", "/customers/550e8400-E29B-41d4-a716-446655440000": "GET /customers/{id}", "/customers/urn:isbn:0451450523": "GET /customers/{id}", "/customers/dGVzdA==": "GET /customers/{id}", "/customers/%E5%B1%B1%E7%94%B0%E3%80%82": "GET /customers/{id}", "/customers/A%20/orders": "/customers/{id}/orders", "/customers/1.5/orders/X.Y.": "/customers/{id}/orders/{order}", "/customers/100%25": "GET /customers/{id}", "/customers/a'b(c)!*": "GET /customers/{id}", "/customers/%F0%9F%98%80": "GET /customers/{id}", "/customers/%D0%98%D0%B2%D0%B0%D0%BD": "GET /customers/{id}", "/customers/%EF%BC%A1%EF%BC%A2": "GET /customers/{id}", "/customers/a,b;c=1": "GET /customers/{id}", "/customers/a%26b": "GET /customers/{id}", "/customers/what%3F": "GET /customers/{id}", "/customers/c%23": "GET /customers/{id}", "/customers/a$b": "GET /customers/{id}", "/customers/%E4%BD%95%EF%BC%9F": "GET /customers/{id}",
			"/files/": "/files/", "/files/a/B.tar.gz": "/files/", "/files/a%2Fb": "/files/", "/files/a/": "/files/", "/files/.env": "/files/", "/files/a%EF%BC%8Fb": "/files/", "/files/v1.2/x": "/files/", "/tree/a%2Fb": "/tree/{path...}", "/tree/A.b/%20c": "/tree/{path...}", "/tree/": "/tree/{path...}", "/exact/": "/exact/{$}",
			"/v1.0/users/7": "/v1.0/users/{id}", "/v1.1/users/Bob": "/v1.1/users/{id}", "/.well-known/openid-configuration": "/.well-known/openid-configuration", "/favicon.ico": "/favicon.ico", "/API/Users": "/API/Users", "/users/7/": "/users/{id}/", "/users/7/x": "/users/{id}/", "/:batch": "/%3Abatch", "/c++/7": "/c++/{x}",
			"/search/foo%20bar": "/search/{text}", "/search/C%2B%2B": "/search/{text}", "/search/3%25%20off": "/search/{text}",
			"http://admin.example/x": "admin.example/", "http://www.example:8080/x": "/", "http://WWW.example./x": "/", "http://[::1]:80/x": "/", "http://192.0.2.7/x": "/",
		} {
			if _, got := table.Rule(httptest.NewRequest(http.MethodGet, target, http.NoBody)); got != want {
				t.Errorf("StrictSegments %v: %s: got pattern %q, want %q", strict, target, got, want)
			}
		}
	}
}

// TestStrictSegmentsFold tests, for every character, that a path in upper case, lower case or
// another case matches no weaker pattern than the path of the route.
func TestStrictSegmentsFold(t *testing.T) {
	tested := 0
	for c := rune(0x21); c <= unicode.MaxRune; c++ {
		if !unicode.IsLetter(c) {
			continue
		}
		others := map[rune]struct{}{unicode.ToUpper(c): {}, unicode.ToLower(c): {}, unicode.ToTitle(c): {}, unicode.SimpleFold(c): {}}
		delete(others, c)
		if len(others) == 0 {
			continue
		}
		table := routes("/", "/x/"+string(c))
		table.StrictSegments = true
		for other := range others {
			tested++
			r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/x/" + string(other)}}
			if _, got := table.Rule(r); got != "" {
				t.Errorf("pattern /x/%c (%U), path /x/%c (%U): got pattern %q, want none", c, c, other, other, got)
			}
		}
	}
	if tested < 2000 {
		t.Errorf("tested %d pairs, want at least 2000", tested)
	}
}

// TestTableRuleIsLinear tests paths with as many readings as possible. The number of
// allocations must not depend on the length of a path with a given number of elements, and
// only in a linear way on the number of elements.
func TestTableRuleIsLinear(t *testing.T) {
	table := routes("/", "/admin", "/Admin/{id}", "admin.example/")
	table.StrictSegments = true
	for _, unit := range []string{"/A.b;c", "/A%2fb", "/%252541.x;y", "/.a", "/a%3fb%23c", "/%EF%BD%81", "/a%EF%BC%8Fb.", "/ſ", "/a+.+"} {
		measure := func(n int) float64 {
			r := request(t, http.MethodGet, "http://Www.Example./"+strings.Repeat(unit, n)[1:]+"/")
			return testing.AllocsPerRun(5, func() { table.Rule(r) })
		}
		if small, large := measure(50), measure(400); large > 9*small+100 {
			t.Errorf("%q: got %v allocations for 50 elements and %v for 400, want at most 9 times as many", unit, small, large)
		}
	}
}

func ExampleTable_strictSegments() {
	var rules scopes.Table
	rules.StrictSegments = true
	rules.Handle("/", scopes.Public())
	rules.Handle("/admin", scopes.All("admin"))
	rules.Handle("/customers/{id}", scopes.All("read:customers"))
	for _, target := range []string{"/admin", "/Admin", "/admin.json", "/customers/Acme%20Inc."} {
		rule, _ := rules.Rule(httptest.NewRequest(http.MethodGet, target, http.NoBody))
		fmt.Printf("%s: %s\n", target, rule)
	}
	// Output:
	// /admin: scope "admin"
	// /Admin: denied
	// /admin.json: denied
	// /customers/Acme%20Inc.: scope "read:customers"
}
