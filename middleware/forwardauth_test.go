package middleware_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

func forwardTable() *scopes.Table {
	var table scopes.Table
	table.Handle("GET /deployments/{id}", scopes.All("read:deployments"))
	table.Handle("POST /deployments", scopes.All("deploy:applications"))
	table.Handle("/public/", scopes.Public())
	table.Handle("/whoami", scopes.Optional(scopes.All()))
	table.Handle("admin.example/", scopes.All("admin"))
	return &table
}

func TestForwardAuth(t *testing.T) {
	b := newFixture(t, &middleware.Options{Headers: callerHeaders()})
	h := b.guard.ForwardAuth(forwardTable())
	const method, uri, host = "X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-Host"
	for _, row := range []struct {
		name    string
		forward http.Header
		auth    string
		status  int
		failure string
		client  string
	}{
		{"valid token with the scope", http.Header{method: {"GET"}, uri: {"/deployments/7?x=1"}}, "read:deployments", 204, "", "ci"},
		{"valid token without the scope", http.Header{method: {"POST"}, uri: {"/deployments"}}, "read:deployments", 403, "insufficient_scope", ""},
		{"no token", http.Header{method: {"GET"}, uri: {"/deployments/7"}}, "", 401, "unauthorized", ""},
		{"invalid token", http.Header{method: {"GET"}, uri: {"/deployments/7"}}, "Bearer x", 401, "invalid_token", ""},
		{"two tokens in one field", http.Header{method: {"GET"}, uri: {"/deployments/7"}}, "Bearer x y", 401, "invalid_request", ""},
		{"public route without a token", http.Header{method: {"GET"}, uri: {"/public/x"}}, "", 204, "", ""},
		{"public route with a token", http.Header{method: {"GET"}, uri: {"/public/x"}}, "read:deployments", 204, "", ""},
		{"optional rule without a token", http.Header{method: {"GET"}, uri: {"/whoami"}}, "", 204, "", ""},
		{"host with its own rule", http.Header{method: {"GET"}, uri: {"/public/x"}, host: {"admin.example"}}, "", 401, "unauthorized", ""},
		{"host in upper case", http.Header{method: {"GET"}, uri: {"/public/x"}, host: {"ADMIN.example"}}, "", 401, "unauthorized", ""},
		{"host with a port", http.Header{method: {"GET"}, uri: {"/public/x"}, host: {"admin.example:443"}}, "", 401, "unauthorized", ""},
		{"no host", http.Header{method: {"GET"}, uri: {"/public/x"}, host: {}}, "", 401, "unauthorized", ""},
		{"two hosts", http.Header{method: {"GET"}, uri: {"/public/x"}, host: {"api.example", "admin.example"}}, "", 401, "unauthorized", ""},
		{"path parameter", http.Header{method: {"GET"}, uri: {"/public;x/y"}}, "", 401, "unauthorized", ""},
		{"encoded dots in the target", http.Header{method: {"GET"}, uri: {"/public/..%2fdeployments/7"}}, "", 401, "unauthorized", ""},
		{"dots in the target", http.Header{method: {"GET"}, uri: {"/public/../deployments/7"}}, "", 401, "unauthorized", ""},
		{"fragment in the target", http.Header{method: {"GET"}, uri: {"/public/x#y"}}, "", 401, "unauthorized", ""},
		{"no X-Forwarded fields", nil, "read:deployments", 403, "forbidden", ""},
		{"no rule for the method", http.Header{method: {"PUT"}, uri: {"/deployments"}}, "read:deployments", 403, "forbidden", ""},
		{"no method", http.Header{uri: {"/public/x"}}, "", 401, "unauthorized", ""},
		{"no target", http.Header{method: {"GET"}}, "", 401, "unauthorized", ""},
		{"two targets", http.Header{method: {"GET"}, uri: {"/public/x", "/deployments/7"}}, "", 401, "unauthorized", ""},
		{"two methods", http.Header{method: {"GET", "GET"}, uri: {"/public/x"}}, "", 401, "unauthorized", ""},
		{"target without a slash", http.Header{method: {"GET"}, uri: {"public"}}, "", 401, "unauthorized", ""},
		{"control character in the target", http.Header{method: {"GET"}, uri: {"/public/\x7f"}}, "", 401, "unauthorized", ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/public/auth", http.NoBody)
		switch {
		case row.auth == "":
		case row.auth[0] == 'B':
			r.Header.Set("Authorization", row.auth)
		default:
			r.Header.Set("Authorization", "Bearer "+b.token(row.auth))
		}
		r.Header["X-Subject"] = []string{"admin"}
		r.Header.Set(host, "api.example")
		for name, values := range row.forward {
			r.Header[name] = values
		}
		w := serve(h, r)
		if w.Code != row.status || w.Header().Get("X-Auth-Error") != row.failure || w.Header().Get("X-Client-Id") != row.client {
			t.Errorf("%s: got status %d and the header %v, want status %d and a header with X-Auth-Error %q and X-Client-Id %q", row.name, w.Code, w.Header(), row.status, row.failure, row.client)
		}
		for name := range callerHeaders() { // the proxy replaces the client's copies with these fields
			if got := len(w.Header().Values(name)); (got == 1) != (row.status == 204) || got > 1 {
				t.Errorf("%s: got %d values of %s, want 1 value in a 204 and no value in a refusal", row.name, got, name)
			}
		}
		if (w.Header().Get("WWW-Authenticate") == "") != (row.failure == "") {
			t.Errorf("%s: got challenge %q, want a challenge if and only if the request is refused", row.name, w.Header().Get("WWW-Authenticate"))
		}
		if got := w.Header().Get("X-Subject"); got == "admin" || (got == "") != (row.client == "") {
			t.Errorf("%s: got X-Subject %q, want the subject of the caller", row.name, got)
		}
	}
}

// TestForwardAuthWithoutHost checks that X-Forwarded-Host is required only if a pattern
// has a host.
func TestForwardAuthWithoutHost(t *testing.T) {
	b := newFixture(t, nil)
	for pattern, want := range map[string]int{"/": 204, "GET /x": 204, "h/": 401, "GET h/": 401, "GET  h/x": 401} {
		var table scopes.Table
		table.Handle(pattern, scopes.Public())
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Host = "h"
		r.Header.Set("X-Forwarded-Method", "GET")
		r.Header.Set("X-Forwarded-Uri", "/x")
		w := serve(b.guard.ForwardAuth(&table), r)
		if w.Code != want || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got status %d and the header %v, want status %d and Cache-Control no-store", pattern, w.Code, w.Header(), want)
		}
		r.Header["X-Forwarded-Host"] = []string{"h", "h"}
		if w := serve(b.guard.ForwardAuth(&table), r); w.Code != http.StatusUnauthorized {
			t.Errorf("%s, two hosts: got status %d, want status 401", pattern, w.Code)
		}
	}
}

// TestForwardAuthPreflight checks that a preflight request passes without a token only if
// nothing in the proxy's request shows a body.
func TestForwardAuthPreflight(t *testing.T) {
	for _, dialect := range dialects {
		b := newFixture(t, &middleware.Options{AllowPreflight: true, Dialect: dialect})
		strict := newFixture(t, &middleware.Options{Dialect: dialect})
		for name, row := range map[string]struct {
			change  func(*http.Request)
			allowed bool
		}{
			"no body":                            {func(*http.Request) {}, true},
			"Content-Length 0":                   {func(r *http.Request) { r.Header.Set("Content-Length", "0") }, true},
			"Content-Length 5 in the header":     {func(r *http.Request) { r.Header.Set("Content-Length", "5") }, false},
			"two Content-Length fields":          {func(r *http.Request) { r.Header["Content-Length"] = []string{"0", "5"} }, false},
			"Content-Length that is no number":   {func(r *http.Request) { r.Header.Set("Content-Length", "x") }, false},
			"Transfer-Encoding in the header":    {func(r *http.Request) { r.Header.Set("Transfer-Encoding", "chunked") }, false},
			"Transfer-Encoding of the request":   {func(r *http.Request) { r.TransferEncoding = []string{"chunked"} }, false},
			"length of the request":              {func(r *http.Request) { r.ContentLength, r.Body = 1, io.NopCloser(strings.NewReader("x")) }, false},
			"unknown length of the request":      {func(r *http.Request) { r.ContentLength, r.Body = -1, io.NopCloser(strings.NewReader("")) }, false},
			"token":                              {func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, false},
			"no Origin":                          {func(r *http.Request) { r.Header.Del("Origin") }, false},
			"no rule for the announced method":   {func(r *http.Request) { r.Header.Set("Access-Control-Request-Method", "PUT") }, false},
			"announced method in lower case":     {func(r *http.Request) { r.Header.Set("Access-Control-Request-Method", "post") }, false},
			"announced method with other fields": {func(r *http.Request) { r.Header.Add("Access-Control-Request-Method", "GET") }, false},
		} {
			preflight := func() *http.Request {
				r := proxied(dialect, asked{"OPTIONS", "/deployments", "h"})
				r.Header.Set("Origin", "https://a.example")
				r.Header.Set("Access-Control-Request-Method", "POST")
				row.change(r)
				return r
			}
			w := serve(forwardAuth(b.guard, dialect, forwardTable()), preflight())
			if allowed := w.Code < http.StatusMultipleChoices; allowed != row.allowed {
				t.Errorf("%q, %s: got status %d, want allowed = %v", dialect, name, w.Code, row.allowed)
			}
			if w := serve(forwardAuth(strict.guard, dialect, forwardTable()), preflight()); w.Code != http.StatusUnauthorized {
				t.Errorf("%q, %s, AllowPreflight false: got status %d, want status 401", dialect, name, w.Code)
			}
		}
	}
}

// TestForwardAuthFaults checks that every refusal has a status that nginx accepts.
func TestForwardAuthFaults(t *testing.T) {
	for _, row := range []struct {
		err    bearer.Reason
		status int
		want   string
	}{
		{bearer.KeysUnavailable, http.StatusForbidden, "unavailable"},
		{bearer.KeyNotAsked, http.StatusForbidden, "unavailable"},
		{bearer.Internal, http.StatusForbidden, "server_error"},
		{bearer.MissingScope, http.StatusForbidden, "insufficient_scope"},
		{bearer.InvalidRequest, http.StatusUnauthorized, "invalid_request"},
		{bearer.Expired, http.StatusUnauthorized, "invalid_token"},
	} {
		err, want := row.err, row.want
		guard := refuser(t, err, nil)
		r := httptest.NewRequest(http.MethodGet, "/auth", http.NoBody)
		r.Header = http.Header{"X-Forwarded-Method": {"GET"}, "X-Forwarded-Uri": {"/deployments/7"}, "X-Forwarded-Host": {"api.example"}, "Authorization": {"Bearer x"}}
		w := serve(guard.ForwardAuth(forwardTable()), r)
		if w.Code != row.status || w.Header().Get("X-Auth-Error") != want {
			t.Errorf("%s: got status %d and the header %v, want status %d and X-Auth-Error %q", err, w.Code, w.Header(), row.status, want)
		}
		if (w.Header().Get("Retry-After") != "") != (row.want == "unavailable") {
			t.Errorf("%s: got Retry-After %q, want a value if and only if X-Auth-Error is \"unavailable\"", err, w.Header().Get("Retry-After"))
		}
		if w := serve(guard.ForwardAuth(nil), r); w.Code < 401 || w.Code > 403 {
			t.Errorf("%s, no table: got status %d, want status 401 or 403", err, w.Code)
		}
	}
}
