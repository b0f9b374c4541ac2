package middleware_test

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// dialects lists all dialects. The first dialect is the dialect of nginx.
var dialects = []string{"", "caddy", "haproxy", "ingress-nginx", "envoy"}

// The request that a proxy sends to ForwardAuth has this path. The handler for Envoy is
// behind http.StripPrefix with this prefix.
const authPath = "/auth"

// asked is a client's request. A proxy describes it to ForwardAuth.
type asked struct{ method, target, host string }

// proxied returns the request that a proxy with this dialect sends for the client's request.
func proxied(dialect string, a asked) *http.Request {
	r := httptest.NewRequest(http.MethodGet, authPath, http.NoBody)
	r.Host = "auth.internal"
	switch dialect {
	case "ingress-nginx":
		r.Header["X-Original-Method"] = []string{a.method}
		r.Header["X-Original-Url"] = []string{"https://" + a.host + a.target}
	case "envoy":
		r.Method, r.Host, r.RequestURI = a.method, a.host, authPath+a.target
		if u, err := url.ParseRequestURI(r.RequestURI); err == nil {
			r.URL = u
		} else {
			r.URL.Path = r.RequestURI // a server answers 400 to such a request
		}
	default:
		r.Header["X-Forwarded-Method"] = []string{a.method}
		r.Header["X-Forwarded-Uri"] = []string{a.target}
		r.Header["X-Forwarded-Host"] = []string{a.host}
	}
	return r
}

// forwardAuth returns the handler of a guard with this dialect.
func forwardAuth(guard *middleware.Guard, dialect string, table *scopes.Table) http.Handler {
	handler := guard.ForwardAuth(table)
	if dialect == "envoy" {
		return http.StripPrefix(authPath, handler)
	}
	return handler
}

// TestDialects checks that ForwardAuth comes to the same verdict for the same request with
// each dialect.
func TestDialects(t *testing.T) {
	for _, dialect := range dialects {
		b := newFixture(t, &middleware.Options{Headers: callerHeaders(), Dialect: dialect})
		h := forwardAuth(b.guard, dialect, forwardTable())
		allowed := http.StatusNoContent
		if dialect == "envoy" {
			allowed = http.StatusOK // Envoy accepts no other status
		}
		for name, row := range map[string]struct {
			asked
			scope  string
			status int
		}{
			"valid token with the scope":    {asked{"GET", "/deployments/7?x=1", "api.example"}, "read:deployments", allowed},
			"valid token without the scope": {asked{"POST", "/deployments", "api.example"}, "read:deployments", 403},
			"no token":                      {asked{"GET", "/deployments/7", "api.example"}, "", 401},
			"public route":                  {asked{"GET", "/public/x", "api.example"}, "", allowed},
			"optional rule":                 {asked{"GET", "/whoami", "api.example"}, "", allowed},
			"host with a rule of its own":   {asked{"GET", "/public/x", "admin.example"}, "", 401},
			"host with a port":              {asked{"GET", "/public/x", "admin.example:443"}, "", 401},
			"IPv6 address as the host":      {asked{"GET", "/public/x", "[2001:db8::1]:443"}, "", allowed},
			"host with a percent sign":      {asked{"GET", "/public/x", "admin%2eexample"}, "", 401},
			"two hosts in a list":           {asked{"GET", "/public/x", "api.example, admin.example"}, "", 401},
			"host with user information":    {asked{"GET", "/public/x", "api.example@admin.example"}, "", 401},
			"empty host":                    {asked{"GET", "/public/x", ""}, "", 401},
			"method in lower case":          {asked{"get", "/public/x", "api.example"}, "", 401},
			"method in mixed case":          {asked{"GeT", "/public/x", "api.example"}, "", 401},
			"path in upper case":            {asked{"GET", "/PUBLIC/x", "api.example"}, "", 401},
		} {
			r := proxied(dialect, row.asked)
			if row.scope != "" {
				r.Header.Set("Authorization", "Bearer "+b.token(row.scope))
			}
			w := serve(h, r)
			if w.Code != row.status {
				t.Errorf("%q, %s: got status %d and the header %v, want status %d", dialect, name, w.Code, w.Header(), row.status)
			}
			for field := range callerHeaders() {
				if got := len(w.Header().Values(field)); (got == 1) != (row.status == allowed) {
					t.Errorf("%q, %s: got %d values of %s, want 1 value if the request may pass", dialect, name, got, field)
				}
			}
		}
	}
}

// TestDialectTargets checks that ForwardAuth accepts a target only in origin-form and in the
// spelling that HTTP allows. A public rule applies to every path.
func TestDialectTargets(t *testing.T) {
	targets := map[string]bool{
		"/": true, "/a": true, "/a?b=c": true, "/a/b%20c?d=%2e%2e/../x": true, "/a/b;c": true, "/a:b/@c": true, "/é": true,
		"": false, "a": false, "*": false, "?a": false, "https://api.example/a": false, "http:/a": false, "api.example:443": false,
		"/a#b": false, "/a?b#c": false, "#a": false, "/a b": false, "/a?b c": false, " /a": false, "/a ": false,
		"/a\tb": false, "/a\r\nb": false, "/a\x00": false, "/a?\x7f": false, "/a%": false, "/a%2": false, "/a%zz": false,
		"//a": false, "/a//b": false, "/a/./b": false, "/a/../b": false, "/a/..": false, "/%2e%2e/a": false, "/a/%2E/b": false,
		"/a%2f%2fb": false, "/a/..%2fb": false, "/a/..;/b": false, "/a/.;x/b": false, "/a/%2e%2e%3bx/b": false, `/a\b`: false, "/a%5cb": false,
		"/%252e%252e/a": false, "/a%00": false, "/a%23": true,
	}
	for _, dialect := range dialects {
		guard := refuser(t, bearer.UnknownKey, &middleware.Options{Dialect: dialect})
		var table scopes.Table
		table.Handle("/", scopes.Public())
		h := forwardAuth(guard, dialect, &table)
		for target, want := range targets {
			if dialect == "ingress-nginx" && strings.TrimLeft(target, "/?# ") == target && target != "" {
				continue // the target becomes a part of the host
			}
			w := serve(h, proxied(dialect, asked{"GET", target, "api.example"}))
			if allowed := w.Code < http.StatusMultipleChoices; allowed != want {
				t.Errorf("%q, target %q: got status %d, want allowed = %v", dialect, target, w.Code, want)
			}
		}
	}
}

// TestDialectMethods checks which methods ForwardAuth accepts. A public rule applies to every
// method.
func TestDialectMethods(t *testing.T) {
	for _, dialect := range dialects {
		guard := refuser(t, bearer.UnknownKey, &middleware.Options{Dialect: dialect})
		var table scopes.Table
		table.Handle("/", scopes.Public())
		h := forwardAuth(guard, dialect, &table)
		for method, want := range map[string]bool{
			"GET": true, "M-SEARCH": true, "X2": true, "Z9~!|": true, "get": false, "GEt": false, "GET,POST": false, "GET, POST": false, "G T": false, "GET ": false,
			`G"T`: false, "G(T": false, "G/T": false, "G:T": false, "G@T": false, "G[T": false, "G{T": false, "G\x7f": false, "G\x00": false, "É": false,
		} {
			w := serve(h, proxied(dialect, asked{method, "/", "h"}))
			if allowed := w.Code < http.StatusMultipleChoices; allowed != want {
				t.Errorf("%q, method %q: got status %d, want allowed = %v", dialect, method, w.Code, want)
			}
		}
	}
}

// TestDialectURLs checks which values of X-Original-URL ForwardAuth accepts.
func TestDialectURLs(t *testing.T) {
	guard := refuser(t, bearer.UnknownKey, &middleware.Options{Dialect: "ingress-nginx"})
	var table scopes.Table
	table.Handle("/", scopes.Public())
	h := guard.ForwardAuth(&table)
	for text, want := range map[string]int{
		"http://h/a": 204, "https://h/a?b=c": 204, "https://h:8443/": 204, "https://[::1]/a": 204, "http:///a": 204, // an HTTP/1.0 request has no host
		"/a": 401, "h/a": 401, "//h/a": 401, "ftp://h/a": 401, "HTTPS://h/a": 401, "http:/h/a": 401, "http:h": 401, "http://h": 401, "http://h?/a": 401,
		"http://h#/a": 401, "http://u@h/a": 401, "http://u:p@h/a": 401, `http://h\/a`: 401, "http://h /a": 401, "http://h%2f/a": 401, "http://h:x/a": 401,
		"http://h/a, http://h/b": 401, "http://[::1/a": 401, "http://é/a": 401,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header = http.Header{"X-Original-Method": {"GET"}, "X-Original-Url": {text}}
		if w := serve(h, r); w.Code != want {
			t.Errorf("%s: got status %d, want status %d", text, w.Code, want)
		}
	}
}

// TestDialectEnvoyIncomplete checks that ForwardAuth denies a request that a program made
// without a target or without a method.
func TestDialectEnvoyIncomplete(t *testing.T) {
	var table scopes.Table
	table.Handle("/", scopes.Public())
	h := refuser(t, bearer.UnknownKey, &middleware.Options{Dialect: "envoy"}).ForwardAuth(&table)
	for name, row := range map[string]struct {
		method, target string
		status         int
	}{
		"complete": {"GET", "/", 200}, "no target": {"GET", "", 401}, "no method": {"", "/", 401},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Method, r.RequestURI = row.method, row.target
		if w := serve(h, r); w.Code != row.status {
			t.Errorf("%s: got status %d, want status %d", name, w.Code, row.status)
		}
	}
}

// TestDialectStatuses checks the answer to each kind of refusal with each dialect.
func TestDialectStatuses(t *testing.T) {
	type answer struct {
		status int
		error  string // the value of X-Auth-Error
	}
	for _, row := range []struct {
		reason              bearer.Reason
		nginx, caddy, envoy answer
	}{
		{bearer.KeysUnavailable, answer{403, "unavailable"}, answer{503, ""}, answer{403, "unavailable"}},
		{bearer.KeyNotAsked, answer{403, "unavailable"}, answer{503, ""}, answer{403, "unavailable"}},
		{bearer.Internal, answer{403, "server_error"}, answer{500, ""}, answer{403, "server_error"}},
		{bearer.InvalidRequest, answer{401, "invalid_request"}, answer{400, ""}, answer{400, "invalid_request"}},
		{bearer.Expired, answer{401, "invalid_token"}, answer{401, ""}, answer{401, "invalid_token"}},
		{bearer.MissingScope, answer{403, "insufficient_scope"}, answer{403, ""}, answer{403, "insufficient_scope"}},
	} {
		for _, dialect := range dialects {
			want := map[string]answer{
				"": row.nginx, "ingress-nginx": row.nginx, "caddy": row.caddy, "haproxy": row.caddy, "envoy": row.envoy,
			}[dialect]
			guard := refuser(t, row.reason, &middleware.Options{Dialect: dialect})
			r := proxied(dialect, asked{"GET", "/deployments/7", "api.example"})
			r.Header.Set("Authorization", "Bearer x")
			w := serve(forwardAuth(guard, dialect, forwardTable()), r)
			if got := (answer{w.Code, w.Header().Get("X-Auth-Error")}); got != want {
				t.Errorf("%q, %s: got %v, want %v", dialect, row.reason, got, want)
			}
			if got, unavailable := w.Header().Get("Retry-After"), row.reason == bearer.KeysUnavailable || row.reason == bearer.KeyNotAsked; (got != "") != unavailable {
				t.Errorf("%q, %s: got Retry-After %q, want a value only if the keys are unavailable", dialect, row.reason, got)
			}
			if !strings.HasPrefix(w.Body.String(), `{"error":"`) || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%q, %s: got the header %v and the body %q, want a JSON object that is not stored", dialect, row.reason, w.Header(), w.Body)
			}
		}
	}
}

// TestDialectRemovedFields checks that the answer to Envoy names the client's fields that
// Envoy must remove.
func TestDialectRemovedFields(t *testing.T) {
	const removed = "X-Envoy-Auth-Headers-To-Remove"
	for _, remove := range []bool{false, true} {
		b := newFixture(t, &middleware.Options{Headers: callerHeaders(), Dialect: "envoy", RemoveAuthorization: remove})
		h := forwardAuth(b.guard, "envoy", forwardTable())
		for _, token := range []bool{false, true} {
			r := proxied("envoy", asked{"GET", "/whoami", "api.example"})
			if token {
				r.Header.Set("Authorization", "Bearer "+b.token("x"))
			}
			w := serve(h, r)
			names := strings.Split(w.Header().Get(removed), ",")
			if size := len(w.Header().Get(removed)); size > 8<<10 {
				t.Errorf("got a list of %d bytes, want at most 8 KiB", size)
			}
			for name, want := range map[string]bool{
				"x-subject": !token, "x_subject": true, "x.subject": true, "x-client-id": !token, "x_client_id": true, "authorization": remove,
				"x-original-url": true, "x_original_url": true, "x-http-method-override": true, "": false,
				"x_client-id": true, "x-client_id": true, "x.client_id": true, "x-client.id": true, "x_http-method_override": true, "x-http_method-override": true,
				"x.http.method.override": true, "forwarded": true, "x-forwarded-host": true, "x_forwarded-host": true, "x-forwarded-prefix": true, "x-forwarded-ssl": true,
				"x-forwarded-for": false, "x-forwarded-proto": false, "x-forwarded-port": false, "x_forwarded_for": true, "x-forwarded_proto": true, "host": false,
			} {
				if got := slices.Contains(names, name); got != want {
					t.Errorf("token %v: got %s in %q = %v, want %v", token, name, names, got, want)
				}
			}
		}
	}
}

// TestDialectManyHyphens checks that the list for Envoy is short even if a field of
// Options.Headers has many hyphens.
func TestDialectManyHyphens(t *testing.T) {
	name := "X" + strings.Repeat("-A", 30)
	b := newFixture(t, &middleware.Options{Dialect: "envoy", Headers: map[string]func(*bearer.Claims) string{name: (*bearer.Claims).Subject}})
	r := proxied("envoy", asked{"GET", "/whoami", "api.example"})
	r.Header.Set("Authorization", "Bearer "+b.token("x"))
	w := serve(forwardAuth(b.guard, "envoy", forwardTable()), r)
	list := w.Header().Get("X-Envoy-Auth-Headers-To-Remove")
	if len(list) < 1000 || len(list) > 60<<10 {
		t.Errorf("got a list of %d bytes, want less than 60 KiB, the limit of Envoy", len(list))
	}
	for _, mark := range []string{"_", "."} {
		if spelling := strings.ToLower(strings.ReplaceAll(name, "-", mark)); !slices.Contains(strings.Split(list, ","), spelling) {
			t.Errorf("got no %s in the list", spelling)
		}
	}
}

// TestDialectUnknown checks that New reports an unknown dialect together with other mistakes.
func TestDialectUnknown(t *testing.T) {
	for _, dialect := range []string{"apache", "Caddy", "nginx ", "ingress"} {
		_, err := middleware.New(nil, &middleware.Options{Dialect: dialect, Realm: `"`})
		testkit.WantError(t, dialect, err, "verifier: nil", "Options.Realm", `Options.Dialect: `+strconv.Quote(dialect), "envoy")
	}
}

// TestDialectsAgree sends generated requests to ForwardAuth with each dialect. All dialects
// come to the verdict of a table with StrictSegments for the same request.
func TestDialectsAgree(t *testing.T) {
	rules := func() *scopes.Table {
		var table scopes.Table
		for pattern, rule := range map[string]scopes.Rule{
			"/": scopes.Public(), "/admin": scopes.All("x"), "GET /a/{id}": scopes.Public(), "POST /a/": scopes.All("x"), "admin.example/": scopes.All("x"),
		} {
			table.Handle(pattern, rule)
		}
		table.StrictSegments = true
		return &table
	}
	random := rand.New(rand.NewPCG(17, 6)) //nolint:gosec // the same requests in each run
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	methods := []string{"GET", "GET", "POST", "get", "DELETE", "G T", "OPTIONS", "X-Y"}
	hosts := []string{"api.example", "admin.example", "ADMIN.example", "admin.example.", "admin.example:1", "admin%2eexample", "[::1]", "a_b", "a,b", "a b"}
	pieces := []string{"/", "/", "/", "a", "admin", "ADMIN", ".", "..", "%2e", "%2f", "%5c", `\`, ";", "?", "#", "%", " ", "%00", "%c0%af", "é", "x.json", "%20", "\x01", "*"}
	handlers := make([]http.Handler, len(dialects))
	for i, dialect := range dialects {
		handlers[i] = forwardAuth(refuser(t, bearer.UnknownKey, &middleware.Options{Dialect: dialect}), dialect, rules())
	}
	reference, allowed := rules(), 0
	for range 20_000 {
		a := asked{pick(methods), "/", pick(hosts)}
		for range random.IntN(6) {
			a.target += pick(pieces)
		}
		want := false
		if u, err := url.ParseRequestURI(a.target); err == nil && a.method == strings.ToUpper(a.method) && !strings.ContainsAny(a.method+a.target, " #\x01") && !strings.ContainsAny(a.host, "%, ") {
			rule, _ := reference.Rule(&http.Request{Method: a.method, Host: a.host, URL: u})
			want = rule.IsPublic()
		}
		if want {
			allowed++
		}
		for i, h := range handlers {
			if w := serve(h, proxied(dialects[i], a)); (w.Code < http.StatusMultipleChoices) != want {
				t.Fatalf("%q, %q: got status %d, want allowed = %v", dialects[i], a, w.Code, want)
			}
		}
	}
	if allowed < 1000 {
		t.Errorf("got %d allowed requests, want at least 1000", allowed)
	}
}
