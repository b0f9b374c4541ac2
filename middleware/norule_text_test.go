package middleware_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// causeOf sends r to h, and returns the text of the refusal in the observer's event.
func causeOf(t *testing.T, b *fixture, h http.Handler, r *http.Request) string {
	t.Helper()
	w := serve(h, r)
	events := b.events.Take()
	if len(events) != 1 || events[0].Err == nil || w.Code < 400 {
		t.Fatalf("%s %s: got status %d and the events %v, want one refusal", r.Method, r.URL, w.Code, events)
	}
	return events[0].Err.Error()
}

// routed returns a guard around a mux with these patterns.
func routed(t *testing.T, guard *middleware.Guard, rules scopes.Routes, patterns ...string) http.Handler {
	t.Helper()
	mux := http.NewServeMux()
	for _, pattern := range patterns {
		mux.Handle(pattern, unreachable(t))
	}
	return guard.EnforceRoutes(rules, func(r *http.Request) string { _, pattern := mux.Handler(r); return pattern })(mux)
}

// tableOf returns a table with a rule for each pattern.
func tableOf(rule scopes.Rule, patterns ...string) *scopes.Table {
	t := new(scopes.Table)
	for _, pattern := range patterns {
		t.Handle(pattern, rule)
	}
	return t
}

// TestNoRuleOfRoutes checks that the log tells apart an unknown path, and a route whose
// key is missing or has a mistake in its spelling.
func TestNoRuleOfRoutes(t *testing.T) {
	b := newFixture(t, nil)
	const wrong = `no key for the route`
	rules := scopes.Routes{"GET /users/{id}": scopes.All("x"), "GET /oders": scopes.All("x"), "POST /all": scopes.All("x"), "DELETE /tail/{$}": scopes.All("x")}
	mux := routed(t, b.guard, rules, "GET /users/{id}", "GET /forgotten/{id}", "GET /orders", "/all", "/tail/{$}")
	other := func(pattern string) http.Handler { // a router whose patterns contain no method
		return b.guard.EnforceRoutes(rules, func(*http.Request) string { return pattern })(unreachable(t))
	}
	for _, row := range []struct {
		name           string
		h              http.Handler
		method, target string
		want           string
		hidden         string
	}{
		{"unknown path", mux, "GET", "/nope?secret", `the router found no route for GET "/nope"`, wrong},
		{"unknown method", mux, "POST", "/users/7", `the router found no route for POST "/users/7"`, wrong},
		{"forgotten", mux, "GET", "/forgotten/7", `the rules have no key for the route "GET /forgotten/{id}": GET "/forgotten/7"`, "found no route"},
		{"misspelt", mux, "GET", "/orders", `the rules have no key for the route "GET /orders": GET "/orders"`, "found no route"},
		{"HEAD", mux, "HEAD", "/orders", `the rules have no key for the route "GET /orders": HEAD "/orders"`, "found no route"},
		{"other method", mux, "GET", "/all", `the rules have no key for the route "GET /all": GET "/all"`, "found no route"},
		{"not clean", mux, "GET", "/x//y", "is not clean", wrong},
		{"lower case", mux, "get", "/all", "the method must be in upper case", wrong},
		{"router syntax", other("/users/:id"), "GET", "/users/7", `the rules have no key for the route "GET /users/:id": GET "/users/7"`, "found no route"},
		{"regular expression", other("/users/{id:[a-z ]+}"), "GET", "/users/7", `the rules have no key for the route "GET /users/{id:[a-z ]+}": GET "/users/7"`, "found no route"},
		{"no route", other(""), "GET", "/users/7", `the router found no route for GET "/users/7"`, wrong},
		{"control characters", other("/a\x1b[31m\n"), "GET", "/a", `the route "GET /a\x1b[31m\n": GET "/a"`, "\n"},
		{"long pattern", other("/" + strings.Repeat("p", 1000)), "GET", "/a", `the route "GET /` + strings.Repeat("p", 127) + `...": GET "/a"`, strings.Repeat("p", 128)},
		{"long method", other("/a"), strings.Repeat("M", 1000), "/a", `the route "` + strings.Repeat("M", 32) + `... /a": ` + strings.Repeat("M", 32) + `... "/a"`, strings.Repeat("M", 33)},
	} {
		for _, token := range []string{"", "Bearer " + b.token("x")} {
			r := httptest.NewRequest(http.MethodGet, row.target, http.NoBody)
			r.Method = row.method
			r.Header.Set("Authorization", token)
			if text := causeOf(t, b, row.h, r); !strings.Contains(text, "there is no rule: ") || !strings.Contains(text, row.want) || strings.Contains(text, row.hidden) || strings.Contains(text, "secret") {
				t.Errorf("%s, %.8q: got the text %q, want %q in it", row.name, token, text, row.want)
			}
		}
	}
}

// TestNoRuleHost checks that the log contains the host of the request if a pattern contains a
// host. The host is cut and escaped, and has no user information.
func TestNoRuleHost(t *testing.T) {
	b := newFixture(t, nil)
	hosts := []string{"GET api.example/reports/{id}", "GET /x"}
	table := tableOf(scopes.All("x"), hosts...)
	rules := scopes.Routes{hosts[0]: scopes.All("x")}
	ways := map[string]http.Handler{
		"Enforce":       b.guard.Enforce(table)(unreachable(t)),
		"EnforceRoutes": routed(t, b.guard, rules, hosts...),
		"ForwardAuth":   b.guard.ForwardAuth(table),
	}
	plain := map[string]http.Handler{
		"Enforce":       b.guard.Enforce(tableOf(scopes.All("x"), "GET /x"))(unreachable(t)),
		"EnforceRoutes": routed(t, b.guard, scopes.Routes{"GET /x": scopes.All("x"), "/y": scopes.All("x")}, "GET /x"),
		"ForwardAuth":   b.guard.ForwardAuth(tableOf(scopes.All("x"), "GET /x")),
	}
	for _, row := range []struct{ host, path, want string }{
		{"127.0.0.1", "/reports/1", `GET "127.0.0.1/reports/1"`},
		{"127.0.0.1:8080", "/reports/1", `GET "127.0.0.1:8080/reports/1"`},
		{"[::1]:8080", "/reports/1", `GET "[::1]:8080/reports/1"`},
		{"", "/reports/1", `GET "/reports/1"`},
		{"user:secret@h", "/reports/1", `GET "h/reports/1"`},
		{"h\"\n\x1b[31m", "/reports/1", `GET "h\"\n\x1b[31m/reports/1"`},
		{strings.Repeat("h", 1000), "/reports/1", `GET "` + strings.Repeat("h", 64) + `.../reports/1"`},
		{"other.example", "/reports/1?secret", `GET "other.example/reports/1"`},
	} {
		for _, token := range []string{"", "Bearer " + b.token("x")} {
			request := func() *http.Request {
				r := httptest.NewRequest(http.MethodGet, row.path, http.NoBody)
				r.Host = row.host
				r.Header = http.Header{"Authorization": {token}, "X-Forwarded-Method": {"GET"}, "X-Forwarded-Uri": {row.path}, "X-Forwarded-Host": {row.host}}
				return r
			}
			for way, h := range ways {
				text := causeOf(t, b, h, request())
				ok := strings.Contains(text, row.want)
				if way == "ForwardAuth" {
					ok = ok || strings.Contains(text, "; the table has a pattern with a host") // the proxy sent an unusable host
				}
				if !ok || strings.Contains(text, "secret") || strings.ContainsAny(text, "\n\x1b") {
					t.Errorf("%q, %s: got the text %q, want %q in it", row.host, way, text, row.want)
				}
			}
			for way, h := range plain {
				if text := causeOf(t, b, h, request()); !strings.Contains(text, `GET "/reports/1"`) {
					t.Errorf("%q, %s without a host in a pattern: got the text %q, want no host in it", row.host, way, text)
				}
			}
		}
	}
	strict := new(scopes.Table)
	strict.Handle("api.example/", scopes.All("x"))
	strict.Handle("api.example/admin", scopes.All("y"))
	r := proxied("", asked{"GET", "/ADMIN", "api.example"})
	if text := causeOf(t, b, b.guard.ForwardAuth(strict), r); !strings.Contains(text, `StrictSegments refuses GET "api.example/ADMIN"`) {
		t.Errorf("StrictSegments: got the text %q, want the host in it", text)
	}
}

// TestNoRuleOfPreflight checks that the log says what to do if a CORS preflight request has no
// rule. Other requests, and requests with a mistake, do not get this text.
func TestNoRuleOfPreflight(t *testing.T) {
	const hint = `OPTIONS "/x"; this is a CORS preflight request: run the CORS middleware before the guard, or set Options.AllowPreflight`
	preflight := http.Header{"Origin": {"https://a.example"}, "Access-Control-Request-Method": {"GET"}}
	for _, row := range []struct {
		name, method, path string
		header             http.Header
		allow, want        bool
	}{
		{"preflight", "OPTIONS", "/x", preflight, false, true},
		{"preflight for an unknown path", "OPTIONS", "/nope", preflight, true, false},
		{"no Origin", "OPTIONS", "/x", http.Header{"Access-Control-Request-Method": {"GET"}}, false, false},
		{"no announced method", "OPTIONS", "/x", http.Header{"Origin": {"https://a.example"}}, false, false},
		{"other method", "POST", "/x", preflight, false, false},
		{"not clean", "OPTIONS", "/a//x", preflight, false, false},
		{"lower case", "options", "/x", preflight, false, false},
	} {
		b := newFixture(t, &middleware.Options{AllowPreflight: row.allow})
		table := tableOf(scopes.All("x"), "GET /x")
		for way, h := range map[string]http.Handler{
			"Enforce":       b.guard.Enforce(table)(unreachable(t)),
			"EnforceRoutes": routed(t, b.guard, scopes.Routes{"GET /x": scopes.All("x")}, "GET /x"),
			"one route":     routed(t, b.guard, scopes.Routes{"GET /x": scopes.All("x")}, "/x"),
			"ForwardAuth":   b.guard.ForwardAuth(table),
			"zero Rule":     b.guard.Require(scopes.Rule{})(unreachable(t)),
		} {
			r := httptest.NewRequest(http.MethodGet, row.path, http.NoBody)
			r.Method, r.Header = row.method, row.header.Clone()
			r.Header["X-Forwarded-Method"], r.Header["X-Forwarded-Uri"] = []string{row.method}, []string{row.path}
			text := causeOf(t, b, h, r)
			if got, want := strings.Contains(text, "preflight"), row.want && way != "zero Rule"; got != want || got && !strings.Contains(text, hint) {
				t.Errorf("%s, %s: got the text %q, want the text %q in it: %v", row.name, way, text, hint, want)
			}
		}
	}
}

// TestNoRuleInLog checks that the limits on the size of a record do not cut the advice, even
// if the method, the host, the path and the pattern have the maximum size.
func TestNoRuleInLog(t *testing.T) {
	out := new(testkit.Buffer)
	issuer := testkit.NewIssuer(t, "ES256")
	verifier := testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Logger = slog.New(slog.NewJSONHandler(out, nil)) })
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		t.Fatal(err)
	}
	long := "/" + strings.Repeat("p", 500)
	h := guard.EnforceRoutes(scopes.Routes{"h/x": scopes.All()}, func(*http.Request) string { return long })(unreachable(t))
	r := httptest.NewRequest(http.MethodOptions, long, http.NoBody)
	r.Host = strings.Repeat("h", 500)
	r.Header = http.Header{"Origin": {"https://a.example"}, "Access-Control-Request-Method": {"GET"}}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(1000 * time.Hour) // The process has a limit on the records of a minute. No other test writes records in this minute.
		serve(h, r)
		if text := out.String(); !strings.Contains(text, "or set Options.AllowPreflight; the request has no Authorization field") {
			t.Errorf("got the record %s, want the whole advice in it", text)
		}
	})
}
