package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// callerHeaders returns the Options.Headers that several tests use.
func callerHeaders() map[string]func(*bearer.Claims) string {
	return map[string]func(*bearer.Claims) string{
		"X-Subject":   (*bearer.Claims).Subject,
		"X-Client-ID": (*bearer.Claims).ClientID,
		"x-scope":     func(c *bearer.Claims) string { return c.Scopes().String() },
	}
}

// spoof adds fields to the request. A client can send such fields to pretend to be a
// different caller.
func spoof(r *http.Request) *http.Request {
	for _, name := range []string{"X-Subject", "X_Subject", "x_subject", "X-Client-Id", "X-Client_ID", "X_SCOPE", "x-sUBJECT"} {
		r.Header[http.CanonicalHeaderKey(name)] = []string{"admin"}
		r.Header[name] = []string{"admin"}
	}
	r.Header.Set("Connection", "close, X-Subject, x_client-id")
	return r
}

func TestHeaders(t *testing.T) {
	b := newFixture(t, &middleware.Options{Headers: callerHeaders(), RemoveAuthorization: true})
	for _, row := range []struct {
		name   string
		rule   scopes.Rule
		scope  string // the scope of the token; "" if there is no token
		client string
	}{
		{"with a token", scopes.All("x"), "x y", "ci"},
		{"public with a token", scopes.Public(), "x", ""},
		{"public without a token", scopes.Public(), "", ""},
		{"optional without a token", scopes.Optional(scopes.All()), "", ""},
		{"report only with a missing scope", scopes.ReportOnly(scopes.All("z")), "x", "ci"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		if row.scope != "" {
			r = b.request(http.MethodGet, "/", row.scope)
		}
		spoof(r)
		if values := r.Header["Authorization"]; row.rule.IsPublic() && len(values) > 0 {
			r.Header["authorization"] = values // the guard removes the field in every letter case
		}
		before := len(r.Header)
		reached := false
		h := b.guard.Require(row.rule)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			reached = true
			if r.Header.Get("Authorization") != "" {
				t.Errorf("%s: got Authorization in the handler, want no such field", row.name)
			}
			for name, values := range r.Header {
				if strings.EqualFold(name, "Authorization") {
					t.Errorf("%s: got %s in the handler, want no such field", row.name, name)
				}
				if name == "Connection" {
					if got := strings.Join(values, ","); got != "close" {
						t.Errorf("%s: got Connection %q, want close", row.name, got)
					}
					continue
				}
				if strings.Contains(strings.Join(values, ""), "admin") {
					t.Errorf("%s: got the client's value %q of %s in the handler, want no such value", row.name, values, name)
				}
			}
			if got := r.Header.Get("X-Client-Id"); got != row.client {
				t.Errorf("%s: got client %q, want client %q", row.name, got, row.client)
			}
		}))
		h.ServeHTTP(httptest.NewRecorder(), r)
		if !reached || len(r.Header) != before {
			t.Errorf("%s: got handler called = %v and %d fields in the outer request, want handler called = true and %d fields", row.name, reached, len(r.Header), before)
		}
	}
	// If a function of Options.Headers panics, the request is refused.
	panics := newFixture(t, &middleware.Options{Headers: map[string]func(*bearer.Claims) string{"X-A": func(*bearer.Claims) string { panic("x") }}})
	if w := serve(panics.guard.Require(scopes.All())(unreachable(t)), panics.request(http.MethodGet, "/", "x")); w.Code != http.StatusInternalServerError {
		t.Errorf("panic in a function of Options.Headers: got status %d, want status 500", w.Code)
	}
}

// TestHeadersNamedByConnection checks that the guard removes the names in Options.Headers
// from Connection. Otherwise a proxy after the guard drops these fields.
func TestHeadersNamedByConnection(t *testing.T) {
	b := newFixture(t, &middleware.Options{Headers: map[string]func(*bearer.Claims) string{"Subject": (*bearer.Claims).Subject}})
	for _, row := range [][2]string{{"close", "close"}, {"Subject", ""}, {"subject,\tclose", "\tclose"}, {"close, SUBJECT ", "close"}, {"Subjects", "Subjects"}} {
		value, want := row[0], row[1]
		r := b.request(http.MethodGet, "/", "")
		r.Header["Connection"] = []string{value}
		var got string
		serve(b.guard.Require(scopes.All())(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Connection") })), r)
		if got != want || r.Header.Get("Connection") != value {
			t.Errorf("%q: got Connection %q in the handler and %q in the outer request, want %q in the handler and no change in the outer request", value, got, r.Header.Get("Connection"), want)
		}
	}
}

// newSender returns a function that makes the guard set a field to the argument. The
// returned function returns the values of this field in the handler's request.
func newSender(tb testing.TB) func(value string) []string {
	tb.Helper()
	var value string
	b := newFixture(tb, &middleware.Options{Headers: map[string]func(*bearer.Claims) string{"X-Value": func(*bearer.Claims) string { return value }}})
	r := b.request(http.MethodGet, "/", "")
	return func(v string) []string {
		value = v
		allowed, err := b.guard.Check(r, scopes.All())
		if err != nil {
			tb.Fatal(err)
		}
		return allowed.Header["X-Value"]
	}
}

// TestHeaderValues checks that values are encoded as documented at Options.Headers.
func TestHeaderValues(t *testing.T) {
	send := newSender(t)
	for _, row := range []struct{ value, want string }{
		{"ci@clients", "ci@clients"},
		{"read:a write:b", "read:a write:b"},
		{" a b ", "%20a b%20"},
		{"100%", "100%25"},
		{"a,b", "a%2Cb"},
		{"\"\\", "%22%5C"},
		{"a\r\nX-Admin: yes", "a%0D%0AX-Admin: yes"},
		{"naïve\x00\x7f", "na%C3%AFve%00%7F"},
		{"~!", "~!"},
	} {
		got := send(row.value)
		if len(got) != 1 || got[0] != row.want {
			t.Errorf("%q: got %q, want %q", row.value, got, row.want)
			continue
		}
		if back, err := url.PathUnescape(got[0]); err != nil || back != row.value {
			t.Errorf("%q: got %q (error: %v) after decoding, want the original value", row.value, back, err)
		}
	}
	if got := send(""); got != nil {
		t.Errorf("got %q for an empty value, want no field", got)
	}
}

func FuzzHeaderValues(f *testing.F) {
	f.Add("a\r\nb: c")
	f.Add(" %,\"\\é")
	send := newSender(f)
	f.Fuzz(func(t *testing.T, value string) {
		if value == "" {
			return
		}
		got := send(value)
		if len(got) != 1 {
			t.Fatalf("%q: got %q, want one field", value, got)
		}
		if strings.ContainsFunc(got[0], func(c rune) bool { return c < ' ' || c > '~' || c == ',' }) || strings.TrimSpace(got[0]) != got[0] {
			t.Errorf("%q: got %q, want printable ASCII without a comma or outer spaces", value, got)
		}
		if back, err := url.PathUnescape(got[0]); err != nil || back != value {
			t.Errorf("%q: got %q (error: %v) after decoding, want the original value", value, back, err)
		}
	})
}

func TestProxy(t *testing.T) {
	b := newFixture(t, &middleware.Options{Headers: callerHeaders()})
	var got http.Header
	var path string
	backend := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, path = r.Header, r.URL.Path }))
	defer backend.Close()
	target, err := url.Parse(backend.URL + "/base")
	if err != nil {
		t.Fatal(err)
	}
	proxy := b.guard.Proxy(target)
	for _, row := range []struct {
		name   string
		h      http.Handler
		scope  string
		client string
	}{
		{"with a required scope", b.guard.Require(scopes.All("x"))(proxy), "x", "ci"},
		{"with a public rule", b.guard.Require(scopes.Public())(proxy), "x", ""},
		{"without a guard", proxy, "x", ""},
	} {
		front := httptest.NewServer(row.h)
		r := spoof(b.request(http.MethodGet, front.URL+"/reports", row.scope))
		r.Header.Set("X-Forwarded-For", "192.0.2.1")
		r.Header.Set("Te", "trailers")
		answered := fetch(t, front.Client(), r)
		front.Close()
		if answered.status != http.StatusOK || path != "/base/reports" {
			t.Errorf("%s: got status %d and the path %q at the target, want status 200 and the path /base/reports", row.name, answered.status, path)
		}
		if got.Get("Authorization") != "" || got.Get("X-Forwarded-For") != "127.0.0.1" || got.Get("X-Forwarded-Proto") != "http" {
			t.Errorf("%s: got the header %v at the target, want no Authorization, and X-Forwarded fields from the proxy", row.name, got)
		}
		for name, values := range got {
			if strings.Contains(strings.Join(values, ""), "admin") {
				t.Errorf("%s: got the client's value of %s at the target, want no such value", row.name, name)
			}
		}
		if got.Get("X-Client-Id") != row.client || got.Get("X-Subject") == "" && row.client != "" {
			t.Errorf("%s: got client %q, want client %q", row.name, got.Get("X-Client-Id"), row.client)
		}
	}
}

// TestNoHeadersKeepsHeader checks that the handler gets all fields of the client if
// Options.Headers is nil.
func TestNoHeadersKeepsHeader(t *testing.T) {
	b := newFixture(t, nil)
	r := b.request(http.MethodGet, "/", "x")
	allowed, err := b.guard.Check(r, scopes.All("x"))
	if err != nil || allowed.Header.Get("Authorization") == "" {
		t.Errorf("got the request %v (error: %v), want a request with all fields of the client", allowed, err)
	}
}
