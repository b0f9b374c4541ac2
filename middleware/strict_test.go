package middleware_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// TestPreflightIsExact checks that only an exact preflight request passes without a token.
// A request that differs in one point is refused.
func TestPreflightIsExact(t *testing.T) {
	guard := refuser(t, bearer.UnknownKey, &middleware.Options{AllowPreflight: true})
	reached := false
	h := guard.Require(scopes.All("read"))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	for name, row := range map[string]struct {
		change func(*http.Request)
		pass   bool
	}{
		"a preflight request":      {func(*http.Request) {}, true},
		"method GET":               {func(r *http.Request) { r.Method = http.MethodGet }, false},
		"method POST":              {func(r *http.Request) { r.Method = http.MethodPost }, false},
		"method in lower case":     {func(r *http.Request) { r.Method = "options" }, false},
		"a body":                   {func(r *http.Request) { r.ContentLength = 1 }, false},
		"a body of unknown length": {func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("x")), -1 }, false},
		"no body, unknown length":  {func(r *http.Request) { r.Body, r.ContentLength = nil, -1 }, false},
		"an empty body":            {func(r *http.Request) { r.ContentLength = -1 }, true},
		"no origin":                {func(r *http.Request) { r.Header.Del("Origin") }, false},
		"two origins":              {func(r *http.Request) { r.Header.Add("Origin", "https://b.example") }, false},
		"no announced method":      {func(r *http.Request) { r.Header.Del("Access-Control-Request-Method") }, false},
		"two announced methods":    {func(r *http.Request) { r.Header.Add("Access-Control-Request-Method", "PUT") }, false},
		"a token":                  {func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, false},
		"an unclean path":          {func(r *http.Request) { r.URL.Path = "/a/../b" }, false},
	} {
		r := httptest.NewRequest(http.MethodOptions, "/", http.NoBody)
		r.Header.Set("Origin", "https://a.example")
		r.Header.Set("Access-Control-Request-Method", "GET")
		row.change(r)
		reached = false
		status := http.StatusUnauthorized
		if row.pass {
			status = http.StatusOK
		}
		if w := serve(h, r); w.Code != status || reached != row.pass {
			t.Errorf("%s: got status %d and handler called = %v, want status %d and handler called = %v", name, w.Code, reached, status, row.pass)
		}
	}
}

// TestHeaderNames checks which field names Options.Headers accepts.
func TestHeaderNames(t *testing.T) {
	subject := map[string]func(*bearer.Claims) string{}
	for name, ok := range map[string]bool{
		"X-Subject": true, "x-subject-2": true, "X0": true, "X9": true, "ZAZ": true, "zaz": true,
		"": false, "X_Subject": false, "X Subject": false, "X:Y": false, "X/Y": false, "X@Y": false, "X[Y": false, "X`Y": false, "X{Y": false, "X;Y": false,
		"é": false, "X\x7f": false, "X\r\nY": false, "Authorization": false, "Host": false, "Connection": false,
	} {
		clear(subject)
		subject[name] = (*bearer.Claims).Subject
		_, err := middleware.New(bearer.VerifierFunc(refuseAll), &middleware.Options{Headers: subject})
		if (err == nil) != ok {
			t.Errorf("%q: accepted = %v, want %v; error: %v", name, err == nil, ok, err)
		}
	}
}

// TestSimilarHeaders checks that the guard removes every field of the client that a server
// after the guard may read as a field of Options.Headers, and that the guard keeps all
// other fields.
func TestSimilarHeaders(t *testing.T) {
	b := newFixture(t, &middleware.Options{Headers: map[string]func(*bearer.Claims) string{"X-Subject1": func(*bearer.Claims) string { return "" }}})
	for name, kept := range map[string]bool{
		"X-Request-Id": true, "X-Subject": true, "X-Subject11": true, "X-Subject2": true, "Y-Subject1": true, "X-Subjecs1": true, "XX-Subject": true, "X1Subject1": true,
		"X-Subject1": false, "X.Subject1": false, "x+subject1": false, "x-subject1": false, "X-SUBJECT1": false, "X_Subject1": false, "x_SUBJECT1": false,
	} {
		r := b.request(http.MethodGet, "/", "")
		r.Header[name] = []string{"client"}
		var got http.Header
		w := serve(b.guard.Require(scopes.All())(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header })), r)
		if _, there := got[name]; there != kept || w.Code != http.StatusOK {
			t.Errorf("%s: got field kept = %v and status %d, want field kept = %v and status 200", name, there, w.Code, kept)
		}
		if !slices.Equal(r.Header[name], []string{"client"}) {
			t.Errorf("%s: got the value %q in the outer request, want the unchanged value \"client\"", name, r.Header[name])
		}
	}
}

// TestRequiredScopes checks that a 403 names all required scopes, with ResourceMetadata too.
func TestRequiredScopes(t *testing.T) {
	b := newFixture(t, &middleware.Options{ResourceMetadata: "https://api.example/m"})
	h := b.guard.Require(scopes.All("read", "write"))(unreachable(t))
	for _, scope := range []string{"read", "write", ""} {
		const want = ` scope="read write"`
		w := serve(h, b.request(http.MethodGet, "/", scope))
		if got := w.Header().Get("WWW-Authenticate"); w.Code != http.StatusForbidden || !strings.HasSuffix(got, want) {
			t.Errorf("with scope %q: got status %d and the challenge %s, want status 403 and a challenge that ends with %q", scope, w.Code, got, want)
		}
	}
	unavailable := refuser(t, bearer.KeysUnavailable, &middleware.Options{ResourceMetadata: "https://api.example/m"})
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("Authorization", "Bearer x")
	_, err := unavailable.Check(r, scopes.All("read"))
	if e, ok := errors.AsType[*bearer.Error](err); !ok || len(e.Missing) != 0 {
		t.Errorf("got %v, want a *bearer.Error with an empty Missing", err)
	}
}

// TestResources checks which resource identifiers and which metadata New accepts.
func TestResources(t *testing.T) {
	for identifier, ok := range map[string]bool{
		"https://api.example": true, "https://api.example/": true, "https://api.example/a/b": true, "https://api.example:8443/a?b=c": true, "http://localhost/a": true,
		"http://127.0.0.1:1": true, "http://[::1]": true,
		"https://a b": false, "https://api.example/\x7f": false, "https:opaque": false, "/a": false, "api.example": false, "https:///a": false, "https://u@api.example": false,
		"http://api.example": false, "http://10.0.0.1": false, "ftp://localhost": false, "https://api.example/#": false, "https://api.example/#a": false,
		"https://api.example/a%2fb": false, "https://api.example/{a}": false, "https://api.example/%7Ba%7D": false, "https://api.example/%7ba": false, "https://api.example/a%7D": false, "https://api.example/a/../b": false, "https://api.example//a": false,
	} {
		_, err := middleware.New(bearer.VerifierFunc(refuseAll), &middleware.Options{Resource: identifier})
		if (err == nil) != ok {
			t.Errorf("%q: accepted = %v, want %v; error: %v", identifier, err == nil, ok, err)
		}
	}
	// The error is about the identifier, not about the metadata URL that New derives.
	if _, err := middleware.New(bearer.VerifierFunc(refuseAll), &middleware.Options{Resource: "ftp://localhost"}); err == nil || !strings.Contains(err.Error(), `Options.Resource: "ftp://localhost": must be https`) {
		t.Errorf("resource with the scheme ftp: got %v, want an error about Options.Resource", err)
	}
	for _, row := range []struct {
		name     string
		resource string
		metadata map[string]any
		ok       bool
	}{
		{"no members", "https://api.example", nil, true},
		{"a member", "https://api.example", map[string]any{"resource_name": "x"}, true},
		{"a member but no resource", "", map[string]any{"resource_name": "x"}, false},
		{"a list of algorithms", "https://api.example", map[string]any{"resource_signing_alg_values_supported": []string{"ES256"}}, true},
		{"the algorithm none", "https://api.example", map[string]any{"resource_signing_alg_values_supported": []string{"ES256", "none"}}, false},
		{"algorithms as a string", "https://api.example", map[string]any{"resource_signing_alg_values_supported": "ES256"}, false},
		{"a list of servers", "https://api.example", map[string]any{"authorization_servers": []string{"https://as.example"}}, true},
		{"an empty list of servers", "https://api.example", map[string]any{"authorization_servers": []string{}}, false},
		{"servers as a string", "https://api.example", map[string]any{"authorization_servers": "https://as.example"}, false},
		{"jwks_uri over http", "https://api.example", map[string]any{"jwks_uri": "http://api.example/keys"}, false},
		{"jwks_uri as a number", "https://api.example", map[string]any{"jwks_uri": 1}, false},
		{"a reserved member", "https://api.example", map[string]any{"resource": "https://evil.example"}, false},
		{"a value without a JSON form", "https://api.example", map[string]any{"x": func() {}}, false},
	} {
		_, err := middleware.New(bearer.VerifierFunc(refuseAll), &middleware.Options{Resource: row.resource, Metadata: row.metadata})
		if (err == nil) != row.ok {
			t.Errorf("metadata with %s: accepted = %v, want %v; error: %v", row.name, err == nil, row.ok, err)
		}
	}
}

// TestMetadataOtherTargets checks that the metadata handler answers 404 to other paths and
// queries.
func TestMetadataOtherTargets(t *testing.T) {
	guard, err := middleware.New(bearer.VerifierFunc(refuseAll), &middleware.Options{Resource: "https://api.example/a?b=c"})
	if err != nil {
		t.Fatal(err)
	}
	_, h := guard.Metadata()
	for target, want := range map[string]int{
		"/.well-known/oauth-protected-resource/a?b=c": 200, "/.well-known/oauth-protected-resource/a": 404, "/.well-known/oauth-protected-resource/a?b=d": 404,
		"/.well-known/oauth-protected-resource?b=c": 404, "/.well-known/oauth-protected-resource/a/b?b=c": 404, "/a?b=c": 404,
	} {
		if w := serve(h, httptest.NewRequest(http.MethodGet, target, http.NoBody)); w.Code != want {
			t.Errorf("%s: got status %d, want status %d", target, w.Code, want)
		}
	}
}

// TestForwardAuthIncomplete checks that the handler denies a request if the proxy does not
// describe the client's request completely, even if the rule is public.
func TestForwardAuthIncomplete(t *testing.T) {
	guard := refuser(t, bearer.UnknownKey, nil)
	var table scopes.Table
	table.Handle("/", scopes.Public())
	h := guard.ForwardAuth(&table)
	for name, row := range map[string]struct {
		method, uri []string
		status      int
	}{
		"method and target":   {[]string{"GET"}, []string{"/a"}, 204},
		"an absolute URI":     {[]string{"GET"}, []string{"https://api.example/a"}, 401},
		"no method":           {nil, []string{"/a"}, 401},
		"an empty method":     {[]string{""}, []string{"/a"}, 401},
		"two methods":         {[]string{"GET", "GET"}, []string{"/a"}, 401},
		"no target":           {[]string{"GET"}, nil, 401},
		"an empty target":     {[]string{"GET"}, []string{""}, 401},
		"two targets":         {[]string{"GET"}, []string{"/a", "/a"}, 401},
		"an invalid target":   {[]string{"GET"}, []string{"a b"}, 401},
		"a control character": {[]string{"GET"}, []string{"/a\x7f"}, 401},
		"an unclean target":   {[]string{"GET"}, []string{"/a/../b"}, 401},
	} {
		r := httptest.NewRequest(http.MethodGet, "/auth", http.NoBody)
		r.Header["X-Forwarded-Method"], r.Header["X-Forwarded-Uri"] = row.method, row.uri
		if w := serve(h, r); w.Code != row.status {
			t.Errorf("%s: got status %d, want status %d", name, w.Code, row.status)
		}
	}
}
