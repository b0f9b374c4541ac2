package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// wildcardCases are scopes of a token, and whether a route that requires the scope is allowed
// with and without wildcards. The cases with the source Stytch are from the tests of Stytch's
// Go library (PerformM2MAuthorizationCheck), and the cases with the source UAA are after the
// tests of UaaStringUtils in Cloud Foundry's UAA.
var wildcardCases = []struct {
	source, granted, required string
	wildcards, literal        bool
}{
	{"Stytch", "read:users write:users", "read:users", true, true},
	{"Stytch", "read_users write_users", "read_users", true, true},
	{"Stytch", "read:* write:*", "read:users", true, false},
	{"Stytch", "read:users", "write:users", false, false},
	{"Stytch", "read:users write:*", "delete:books", false, false},
	{"Stytch", "read", "read:users", false, false},
	{"Stytch", "read:users", "read", false, false},
	{"UAA", "saml.group.*", "saml.group.1", true, false},
	{"UAA", "saml.group.*", "saml.group1.3", false, false},
	{"UAA", "space.*", "space.13242323423423423..developer", false, false},
	{"UAA", "space.*", "space.1.", false, false},
	{"UAA", "space.*", "test.space.1", false, false},
	{"UAA", "space.*", "spaces.1", false, false},
	{"UAA grants it, but a * in the middle is not at the end", "space.*.developer", "space.1.developer", false, false},
	{"UAA grants it, but - is no separator", "saml-group-*", "saml-group-1", false, false},
	{"UAA grants only one segment", "space.*", "space.1.developer", true, false},
	{"issue", "read:*", "read:users:all", true, false},
	{"issue", "read:*", "read", false, false},
	{"issue", "read/*", "read/users", true, false},
	{"issue", "*", "read", false, false},
	{"issue", "*", "read:users", false, false},
	{"issue", "read*", "read:users", false, false},
	{"issue", "read*", "readers", false, false},
	{"nothing after the separator", "read:*", "read:", false, false},
	{"an empty segment", "read:*", "read::users", false, false},
	{"an empty segment at the end", "read:*", "read:users:", false, false},
	{"another separator", "read:*", "read.users", false, false},
	{"other separators belong to the segment", "read:*", "read:https://api.example/x", true, false},
	{"upper case", "read:*", "READ:users", false, false},
	{"no name before the separator", ":*", ":users", false, false},
	{"several wildcards in one scope", "read:*:*", "read:users:all", false, false},
	{"several stars", "read:**", "read:users", false, false},
	{"a URL", "https://api.example/things/*", "https://api.example/things/7", true, false},
	{"a URL", "https://api.example/*", "https://api.example", false, false},
	{"a longer wildcard", "read:users:*", "read:users:all", true, false},
	{"a longer wildcard", "read:users:*", "read:users", false, false},
	{"a longer wildcard after others", "a b c d read:users:* e", "read:users:all", true, false},
}

// TestWildcardScopes tests the cases at a route, with and without Profile.WildcardScopes.
func TestWildcardScopes(t *testing.T) {
	issuer := testkit.NewIssuer(t, "EdDSA")
	for _, wildcards := range []bool{false, true} {
		v := testkit.NewVerifier(t, issuer, func(c *bearer.Config) { c.Profile.WildcardScopes = wildcards })
		guard, err := middleware.New(v, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range wildcardCases {
			mux := http.NewServeMux()
			guard.Handle(mux, "GET /things", scopes.All(row.required), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			request := httptest.NewRequest(http.MethodGet, "/things", http.NoBody)
			request.Header.Set("Authorization", "Bearer "+issuer.Token(map[string]any{"scope": row.granted}))
			response := httptest.NewRecorder()
			mux.ServeHTTP(response, request)
			want := http.StatusForbidden
			if row.literal || wildcards && row.wildcards {
				want = http.StatusOK
			}
			if response.Code != want {
				t.Errorf("%s: wildcards %v: a token with %q at a route that requires %q: got status %d, want %d", row.source, wildcards, row.granted, row.required, response.Code, want)
			}
		}
	}
}
