package middleware_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// TestPreflightIsOptions has requests that look like preflight ones but for one
// thing: they need a token.
func TestPreflightIsOptions(t *testing.T) {
	guard := refuser(t, bearer.UnknownKey, &middleware.Options{AllowPreflight: true})
	reached := false
	h := guard.Require(scopes.All("read"))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	for name, row := range map[string]struct {
		change func(*http.Request)
		pass   bool
	}{
		"a preflight request": {func(*http.Request) {}, true},
		"GET":                 {func(r *http.Request) { r.Method = http.MethodGet }, false},
		"POST":                {func(r *http.Request) { r.Method = http.MethodPost }, false},
		"options":             {func(r *http.Request) { r.Method = "options" }, false},
		"with a body":         {func(r *http.Request) { r.ContentLength = 1 }, false},
		"of unknown length":   {func(r *http.Request) { r.ContentLength = -1 }, false},
		"no origin":           {func(r *http.Request) { r.Header.Del("Origin") }, false},
		"two origins":         {func(r *http.Request) { r.Header.Add("Origin", "https://b.example") }, false},
		"no method asked for": {func(r *http.Request) { r.Header.Del("Access-Control-Request-Method") }, false},
		"two methods":         {func(r *http.Request) { r.Header.Add("Access-Control-Request-Method", "PUT") }, false},
		"with a token":        {func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, false},
		"an unclean path":     {func(r *http.Request) { r.URL.Path = "/a/../b" }, false},
	} {
		r := httptest.NewRequest(http.MethodOptions, "/", http.NoBody)
		r.Header.Set("Origin", "https://a.example")
		r.Header.Set("Access-Control-Request-Method", "GET")
		row.change(r)
		reached = false
		if w := serve(h, r); reached != row.pass || (w.Code == http.StatusOK) != row.pass {
			t.Errorf("%s: got the handler reached %v with status %d, want %v", name, reached, w.Code, row.pass)
		}
	}
}

// TestHeaderNames has which fields a guard may be told to set.
func TestHeaderNames(t *testing.T) {
	subject := map[string]func(*bearer.Claims) string{}
	for name, ok := range map[string]bool{
		"X-Subject": true, "x-subject-2": true, "X0": true, "X9": true, "ZAZ": true, "zaz": true,
		"": false, "X_Subject": false, "X Subject": false, "X:Y": false, "X/Y": false, "X@Y": false, "X[Y": false, "X`Y": false, "X{Y": false, "X;Y": false,
		"é": false, "X\x7f": false, "X\r\nY": false, "Authorization": false, "Host": false, "Connection": false,
	} {
		clear(subject)
		subject[name] = (*bearer.Claims).Subject
		_, err := middleware.New(bearer.VerifierFunc(nobody), &middleware.Options{Headers: subject})
		if (err == nil) != ok {
			t.Errorf("%q: got %v, want ok %v", name, err, ok)
		}
	}
}

// TestHeadersOfOthers wants the client's own fields left alone, and those that some
// server behind would take for ours removed.
func TestHeadersOfOthers(t *testing.T) {
	b := newBench(t, &middleware.Options{Headers: map[string]func(*bearer.Claims) string{"X-Subject1": func(*bearer.Claims) string { return "" }}})
	for name, kept := range map[string]bool{
		"X-Request-Id": true, "X-Subject": true, "X-Subject11": true, "X-Subject2": true, "Y-Subject1": true, "X-Subjecs1": true, "XX-Subject": true, "X1Subject1": true,
		"X-Subject1": false, "X.Subject1": false, "x+subject1": false, "x-subject1": false, "X-SUBJECT1": false, "X_Subject1": false, "x_SUBJECT1": false,
	} {
		r := b.request(http.MethodGet, "/", "")
		r.Header[name] = []string{"client"}
		var got http.Header
		w := serve(b.guard.Require(scopes.All())(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header })), r)
		if _, there := got[name]; there != kept || w.Code != http.StatusOK {
			t.Errorf("%s: got it at the handler %v with status %d, want %v", name, there, w.Code, kept)
		}
		if !slices.Equal(r.Header[name], []string{"client"}) {
			t.Errorf("%s: got the caller's own request changed", name)
		}
	}
}

// TestMissingOnly wants a client that lacks one scope of two told about that one,
// also where there is metadata.
func TestMissingOnly(t *testing.T) {
	b := newBench(t, &middleware.Options{ResourceMetadata: "https://api.example/m"})
	h := b.guard.Require(scopes.All("read", "write"))(never(t))
	for scope, want := range map[string]string{"read": ` scope="write"`, "write": ` scope="read"`, "": ` scope="read write"`} {
		w := serve(h, b.request(http.MethodGet, "/", scope))
		if got := w.Header().Get("WWW-Authenticate"); w.Code != http.StatusForbidden || !strings.HasSuffix(got, want) {
			t.Errorf("with %q: got status %d and %s, want%s", scope, w.Code, got, want)
		}
	}
	unavailable := refuser(t, bearer.KeysUnavailable, &middleware.Options{ResourceMetadata: "https://api.example/m"})
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("Authorization", "Bearer x")
	_, err := unavailable.Check(r, scopes.All("read"))
	if e, ok := errors.AsType[*bearer.Error](err); !ok || len(e.Missing) != 0 {
		t.Errorf("got %v, want an error without scopes", err)
	}
}

// TestResources has what may be the identifier of a resource, and what may be said
// of it.
func TestResources(t *testing.T) {
	for identifier, ok := range map[string]bool{
		"https://api.example": true, "https://api.example/": true, "https://api.example/a/b": true, "https://api.example:8443/a?b=c": true, "http://localhost/a": true,
		"http://127.0.0.1:1": true, "http://[::1]": true,
		"https://a b": false, "https://api.example/\x7f": false, "https:opaque": false, "/a": false, "api.example": false, "https:///a": false, "https://u@api.example": false,
		"http://api.example": false, "http://10.0.0.1": false, "ftp://localhost": false, "https://api.example/#": false, "https://api.example/#a": false,
		"https://api.example/a%2fb": false, "https://api.example/{a}": false, "https://api.example/%7Ba%7D": false, "https://api.example/%7ba": false, "https://api.example/a%7D": false, "https://api.example/a/../b": false, "https://api.example//a": false,
	} {
		_, err := middleware.New(bearer.VerifierFunc(nobody), &middleware.Options{Resource: identifier})
		if (err == nil) != ok {
			t.Errorf("%q: got %v, want ok %v", identifier, err, ok)
		}
	}
	// It is the identifier that is wrong, and not what follows from it.
	if _, err := middleware.New(bearer.VerifierFunc(nobody), &middleware.Options{Resource: "ftp://localhost"}); err == nil || !strings.Contains(err.Error(), `Options.Resource: "ftp://localhost": must be https`) {
		t.Errorf("ftp: got %v, want Options.Resource named", err)
	}
	for _, row := range []struct {
		name     string
		resource string
		metadata map[string]any
		ok       bool
	}{
		{"none", "https://api.example", nil, true},
		{"some", "https://api.example", map[string]any{"resource_name": "x"}, true},
		{"of no resource", "", map[string]any{"resource_name": "x"}, false},
		{"algorithms", "https://api.example", map[string]any{"resource_signing_alg_values_supported": []string{"ES256"}}, true},
		{"algorithms with none", "https://api.example", map[string]any{"resource_signing_alg_values_supported": []string{"ES256", "none"}}, false},
		{"algorithms as a text", "https://api.example", map[string]any{"resource_signing_alg_values_supported": "ES256"}, false},
		{"servers", "https://api.example", map[string]any{"authorization_servers": []string{"https://as.example"}}, true},
		{"no servers", "https://api.example", map[string]any{"authorization_servers": []string{}}, false},
		{"servers as a text", "https://api.example", map[string]any{"authorization_servers": "https://as.example"}, false},
		{"keys over http", "https://api.example", map[string]any{"jwks_uri": "http://api.example/keys"}, false},
		{"keys that are no text", "https://api.example", map[string]any{"jwks_uri": 1}, false},
		{"what the guard says", "https://api.example", map[string]any{"resource": "https://evil.example"}, false},
		{"no JSON", "https://api.example", map[string]any{"x": func() {}}, false},
	} {
		_, err := middleware.New(bearer.VerifierFunc(nobody), &middleware.Options{Resource: row.resource, Metadata: row.metadata})
		if (err == nil) != row.ok {
			t.Errorf("metadata: %s: got %v, want ok %v", row.name, err, row.ok)
		}
	}
}

// TestMetadataElsewhere asks the handler of the metadata for what it does not have.
func TestMetadataElsewhere(t *testing.T) {
	guard, err := middleware.New(bearer.VerifierFunc(nobody), &middleware.Options{Resource: "https://api.example/a?b=c"})
	if err != nil {
		t.Fatal(err)
	}
	_, h := guard.Metadata()
	for target, want := range map[string]int{
		"/.well-known/oauth-protected-resource/a?b=c": 200, "/.well-known/oauth-protected-resource/a": 404, "/.well-known/oauth-protected-resource/a?b=d": 404,
		"/.well-known/oauth-protected-resource?b=c": 404, "/.well-known/oauth-protected-resource/a/b?b=c": 404, "/a?b=c": 404,
	} {
		if w := serve(h, httptest.NewRequest(http.MethodGet, target, http.NoBody)); w.Code != want {
			t.Errorf("%s: got %d, want %d", target, w.Code, want)
		}
	}
}

// TestForwardAuthOfNothing has proxies that do not say which request they ask about.
// Not even a public rule lets those through.
func TestForwardAuthOfNothing(t *testing.T) {
	guard := refuser(t, bearer.UnknownKey, nil)
	var table scopes.Table
	table.Handle("/", scopes.Public())
	h := guard.ForwardAuth(&table)
	for name, row := range map[string]struct {
		method, uri []string
		want        bool
	}{
		"both":                     {[]string{"GET"}, []string{"/a"}, true},
		"a whole URI":              {[]string{"GET"}, []string{"https://api.example/a"}, true},
		"no method":                {nil, []string{"/a"}, false},
		"an empty method":          {[]string{""}, []string{"/a"}, false},
		"two methods":              {[]string{"GET", "GET"}, []string{"/a"}, false},
		"no target":                {[]string{"GET"}, nil, false},
		"an empty target":          {[]string{"GET"}, []string{""}, false},
		"two targets":              {[]string{"GET"}, []string{"/a", "/a"}, false},
		"a target that is not one": {[]string{"GET"}, []string{"a b"}, false},
		"a control character":      {[]string{"GET"}, []string{"/a\x7f"}, false},
		"an unclean target":        {[]string{"GET"}, []string{"/a/../b"}, false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/auth", http.NoBody)
		r.Header["X-Forwarded-Method"], r.Header["X-Forwarded-Uri"] = row.method, row.uri
		if w := serve(h, r); (w.Code == http.StatusNoContent) != row.want {
			t.Errorf("%s: got %d, want let through %v", name, w.Code, row.want)
		}
	}
}
