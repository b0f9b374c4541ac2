package middleware_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// ways returns handlers that a guard protects in each way that middleware offers. Each
// handler has the rule for every path.
func ways(t *testing.T, g *middleware.Guard, rule scopes.Rule, next http.Handler) map[string]http.Handler {
	t.Helper()
	handle := http.NewServeMux()
	g.Handle(handle, "/", rule, next)
	mux := http.NewServeMux()
	mux.Handle("/", next)
	var table scopes.Table
	table.Handle("/", rule)
	match := func(r *http.Request) string { _, pattern := mux.Handler(r); return pattern }
	forward := g.ForwardAuth(&table)
	return map[string]http.Handler{
		"Require":       g.Require(rule)(next),
		"RequireAt":     g.RequireAt("/", rule)(next),
		"Handle":        handle,
		"Enforce":       g.Enforce(&table)(mux),
		"EnforceRoutes": g.EnforceRoutes(scopes.Routes{"/": rule}, match)(mux),
		"ForwardAuth": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked := httptest.NewRequest(http.MethodGet, "/auth", http.NoBody)
			asked.Header = r.Header.Clone()
			asked.Header.Set("X-Forwarded-Method", r.Method)
			asked.Header.Set("X-Forwarded-Uri", r.RequestURI)
			forward.ServeHTTP(w, asked)
		}),
	}
}

// TestMistakesHaveNoRule checks that no rule applies to a request with a mistake, whatever the
// rule of the route is, in each way to guard a route. The challenge and the body name no
// error that a scope can solve.
func TestMistakesHaveNoRule(t *testing.T) {
	rules := map[string]scopes.Rule{
		"public": scopes.Public(), "scope": scopes.All("x"), "any token": scopes.All(), "optional": scopes.Optional(scopes.All("x")),
		"report only": scopes.ReportOnly(scopes.All("y")), "both modes": scopes.Optional(scopes.ReportOnly(scopes.All("y"))),
	}
	for _, row := range []struct {
		method, target, cause string
	}{
		{"delete", "/items/7", "the method must be in upper case"},
		{"Delete", "/items/7", "the method must be in upper case"},
		{"DELETe", "/items/7", "the method must be in upper case"},
		{"get", "/", "the method must be in upper case"},
		{"patch", "/", "the method must be in upper case"},
		{"dElEtE~x", "/", "the method must be in upper case"},
		{"GET", "/a/..%2fb", "is not clean"},
		{"GET", "//a", "is not clean"},
		{"get", "/a//b", "is not clean"},
	} {
		for name, rule := range rules {
			b := newFixture(t, nil)
			for way, handler := range ways(t, b.guard, rule, unreachable(t)) {
				for token, wantStatus := range map[string]int{"Bearer " + b.token("x"): http.StatusForbidden, "": http.StatusUnauthorized, "Basic eDp5": http.StatusUnauthorized} {
					r := httptest.NewRequest(http.MethodGet, row.target, http.NoBody)
					r.Method = row.method
					if token != "" {
						r.Header.Set("Authorization", token)
					}
					w := serve(handler, r)
					if w.Code == http.StatusMovedPermanently || w.Code == http.StatusTemporaryRedirect {
						continue // the mux in front of the guard cleans the path
					}
					wantReason := bearer.MissingScope
					if wantStatus == http.StatusUnauthorized {
						wantReason = bearer.NoToken
					}
					if challenge := w.Header().Get("WWW-Authenticate"); w.Code != wantStatus || challenge != `Bearer realm="api"` || strings.Contains(w.Body.String(), "scope") {
						t.Errorf("%s %s, %s, %s, %.8q: got status %d, challenge %q and body %s, want status %d and no error in the challenge", row.method, row.target, way, name, token, w.Code, challenge, w.Body, wantStatus)
					}
					for _, e := range b.events.Take() {
						if e.Reason != wantReason || e.Err == nil || !strings.Contains(e.Err.Error(), row.cause) && way != "ForwardAuth" {
							t.Errorf("%s %s, %s, %s: got the event %v with the error %v, want the reason %s and the text %q", row.method, row.target, way, name, e.Reason, e.Err, wantReason, row.cause)
						}
					}
				}
			}
		}
	}
}

// TestPreflightOfLowerCase checks that a preflight for a method in lower case is refused, as
// the announced request is.
func TestPreflightOfLowerCase(t *testing.T) {
	for _, method := range []string{"patch", "delete", "Patch"} {
		b := newFixture(t, &middleware.Options{AllowPreflight: true})
		for way, handler := range ways(t, b.guard, scopes.All("x"), unreachable(t)) {
			if way == "ForwardAuth" {
				continue // the fixture sends no preflight to the proxy
			}
			r := httptest.NewRequest(http.MethodOptions, "/", http.NoBody)
			r.Header = http.Header{"Origin": {"https://a.example"}, "Access-Control-Request-Method": {method}}
			if w := serve(handler, r); w.Code != http.StatusUnauthorized {
				t.Errorf("%s, preflight for %s: got status %d, want 401", way, method, w.Code)
			}
			for _, e := range b.events.Take() {
				if want := "the method must be in upper case: " + method + ` "/"`; e.Err == nil || !strings.Contains(e.Err.Error(), want) {
					t.Errorf("%s, preflight for %s: got the error %v, want %q in it", way, method, e.Err, want)
				}
			}
		}
	}
}

// TestNoRuleText checks the text for the log if no rule applies. The text contains the method
// and the path, cut and escaped, and never the query, user information or a token.
func TestNoRuleText(t *testing.T) {
	b := newFixture(t, nil)
	var table scopes.Table
	table.Handle("GET /x", scopes.All("x"))
	mux := http.NewServeMux()
	mux.Handle("GET /x", unreachable(t))
	mux.Handle("GET /open", unreachable(t))
	match := func(r *http.Request) string { _, pattern := mux.Handler(r); return pattern }
	guarded := map[string]http.Handler{
		"table":  b.guard.Enforce(&table)(mux),
		"nil":    b.guard.Enforce(nil)(mux),
		"routes": b.guard.EnforceRoutes(scopes.Routes{"GET /x": scopes.All("x")}, match)(mux),
		"zero":   b.guard.RequireAt("GET /x", scopes.Rule{})(mux),
		"check": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := b.guard.Check(r, scopes.Rule{})
			b.guard.Deny(w, r, err)
		}),
	}
	for _, row := range []struct {
		handler, method, target, want string
	}{
		{"table", "GET", "/y?q=secret", `no pattern of the table matches GET "/y"`},
		{"table", "POST", "/x", `no pattern of the table matches POST "/x"`},
		{"nil", "GET", "/x", `no pattern of the table matches GET "/x"`},
		{"routes", "GET", "/nowhere", `the router found no route for GET "/nowhere"`},
		{"routes", "GET", "/open", `the rules have no key for the route "GET /open": GET "/open"`},
		{"zero", "GET", "/x", "the route is declared without a rule"},
		{"check", "GET", "/x?secret", `no rule is declared for GET "/x"`},
		{"table", "GET", "http://user:secret@h/y?secret", `no pattern of the table matches GET "/y"`},
		{"table", "GET", "/y%2fz%E2%80%AE", `no pattern of the table matches every form of GET "/y%2fz%E2%80%AE"`},
		{"table", "GET", "/y%1b", "the path, or the decoded path, is not clean"},
		{"table", "GET", "/" + strings.Repeat("y", 300), `no pattern of the table matches GET "/` + strings.Repeat("y", 127) + `..."`},
		{"table", strings.Repeat("M", 40), "/y", `no pattern of the table matches ` + strings.Repeat("M", 32) + `... "/y"`},
	} {
		for _, token := range []string{"", "Bearer " + b.token("x"), "Bearer x.y"} {
			r := httptest.NewRequest(row.method, row.target, http.NoBody)
			if token != "" {
				r.Header.Set("Authorization", token)
			}
			serve(guarded[row.handler], r)
			events := b.events.Take()
			if len(events) != 1 || events[0].Err == nil {
				t.Fatalf("%+v: got the events %v, want one refusal", row, events)
			}
			text := events[0].Err.Error()
			if !strings.Contains(text, "there is no rule: "+row.want) || strings.Contains(text, "secret") {
				t.Errorf("%+v, %.8q: got the text %q, want %q in it", row, token, text, row.want)
			}
			if got, want := errors.Is(events[0].Err, scopes.ErrNoRule), events[0].Reason == bearer.MissingScope; got != want {
				t.Errorf("%+v: got %v, with ErrNoRule in its chain: %v, want %v", row, events[0].Err, got, want)
			}
		}
	}
	if _, err := b.guard.Check(&http.Request{Method: "G\x1b\nET", URL: &url.URL{Path: "/a\n\x1b[31m"}}, scopes.Rule{}); err == nil || strings.ContainsAny(err.Error(), "\n\x1b") {
		t.Errorf("got %v, want an error without control characters", err)
	}
	if _, err := b.guard.Check(&http.Request{Method: http.MethodGet}, scopes.Public()); err == nil || !errors.Is(err, bearer.NoToken) {
		t.Errorf("a request without a URL: got %v, want a refusal", err)
	}
}
