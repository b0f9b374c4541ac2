package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// TestForwardAuthMistakes checks that the observer receives a different text for each
// mistake of a proxy, with and without a token.
func TestForwardAuthMistakes(t *testing.T) {
	var plain, withHost, nested scopes.Table
	plain.Handle("/x", scopes.All("x"))
	withHost.Handle("h/x", scopes.All("x"))
	nested.Handle("/", scopes.All("x"))
	nested.Handle("/admin", scopes.All("y"))
	const method, uri, host = "X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-Host"
	for _, row := range []struct {
		want    string
		dialect string
		table   *scopes.Table
		change  func(h http.Header)
	}{
		{"the X-Forwarded-Method field is missing; the proxy must set it for every request, because otherwise a client can choose it", "", nil, func(h http.Header) { h.Del(method) }},
		{"the X-Forwarded-Method field is missing; the proxy must set it for every request, because otherwise a client can choose it", "", nil, func(h http.Header) { h[method] = []string{""} }},
		{"the X-Forwarded-Uri field is missing; the proxy must set it for every request, because otherwise a client can choose it", "", nil, func(h http.Header) { h.Del(uri) }},
		{"the X-Forwarded-Method field appears more than once; the proxy must replace the client's field", "", nil, func(h http.Header) { h.Add(method, "GET") }},
		{"the X-Forwarded-Uri field appears more than once; the proxy must replace the client's field", "", nil, func(h http.Header) { h.Add(uri, "/x") }},
		{"the X-Forwarded-Host field appears more than once; the proxy must replace the client's field", "", nil, func(h http.Header) { h.Add(host, "h") }},
		{`the X-Forwarded-Method field is "get"; it must be a method in upper case`, "", nil, func(h http.Header) { h.Set(method, "get") }},
		{"the X-Forwarded-Uri field does not begin with a slash; it must be a path, and may have a query", "", nil, func(h http.Header) { h.Set(uri, "http://h/x") }},
		{"the X-Forwarded-Uri field contains a fragment", "", nil, func(h http.Header) { h.Set(uri, "/x#y") }},
		{"the X-Forwarded-Uri field contains a blank", "", nil, func(h http.Header) { h.Set(uri, "/x y") }},
		{"the X-Forwarded-Uri field contains a control character", "", nil, func(h http.Header) { h.Set(uri, "/x\ty") }},
		{"the X-Forwarded-Uri field contains a control character", "", nil, func(h http.Header) { h.Set(uri, "/x\x7f") }},
		{"the X-Forwarded-Uri field contains an invalid escape", "", nil, func(h http.Header) { h.Set(uri, "/x%zz") }},
		{"the X-Forwarded-Host field is missing; the proxy must set it for every request, because otherwise a client can choose it; the table has a pattern with a host", "", &withHost, func(h http.Header) { h.Del(host) }},
		{"the host contains user information; the table has a pattern with a host", "", &withHost, func(h http.Header) { h.Set(host, "user:secret@h") }},
		{`the host "h, i" is invalid; the table has a pattern with a host`, "", &withHost, func(h http.Header) { h.Set(host, "h, i") }},
		{`no pattern of the table matches GET "api.example/unknown"`, "", nil, func(h http.Header) { h.Set(uri, "/unknown?x=1") }},
		{`no pattern of the table matches PATCH "api.example/deployments/7"`, "", nil, func(h http.Header) { h.Set(method, "PATCH") }},
		{`the pattern / matches, but scopes.Table.StrictSegments refuses GET "/ADMIN"`, "", &nested, func(h http.Header) { h.Set(uri, "/ADMIN") }},
		{`the decoded path, is not clean; see the package comment of scopes: GET "api.example/public/../x"`, "", nil, func(h http.Header) { h.Set(uri, "/public/../x") }},
		{"the X-Forwarded-Method and X-Forwarded-Uri fields are missing; the proxy must set them for every request, because otherwise a client can choose them", "", &plain, func(h http.Header) { h.Del(method); h.Del(uri); h.Del(host) }},
		{"the X-Forwarded-Method, X-Forwarded-Uri and X-Forwarded-Host fields are missing; the proxy must set them for every request, because otherwise a client can choose them", "", &withHost, func(h http.Header) { h.Del(method); h.Del(uri); h.Del(host) }},
		{"the X-Forwarded-Uri and X-Forwarded-Host fields are missing; the proxy must", "caddy", &withHost, func(h http.Header) { h[uri] = []string{""}; h[host] = []string{""} }},
		{"the X-Forwarded-Uri field is missing; the proxy must", "haproxy", &plain, func(h http.Header) { h.Del(uri); h.Del(host) }},
		{"the X-Forwarded-Uri field is missing; the proxy must", "", nil, func(h http.Header) { h.Add(method, "GET"); h.Del(uri) }},
		{"the X-Original-Method and X-Original-Url fields are missing; the proxy must", "ingress-nginx", nil, func(h http.Header) { h.Del("X-Original-Method"); h.Del("X-Original-Url") }},
		{"the X-Original-Method field is missing; the proxy must set it for every request, because otherwise a client can choose it", "ingress-nginx", nil, func(h http.Header) { h.Del("X-Original-Method") }},
		{"the X-Original-Url field is missing; the proxy must set it for every request, because otherwise a client can choose it", "ingress-nginx", nil, func(h http.Header) { h.Del("X-Original-Url") }},
		{"the X-Original-Url field appears more than once; the proxy must replace the client's field", "ingress-nginx", nil, func(h http.Header) { h.Add("X-Original-Url", "http://h/x") }},
		{"the X-Original-Url field is not an absolute http or https URL", "ingress-nginx", nil, func(h http.Header) { h.Set("X-Original-Url", "/x") }},
		{"the X-Original-Url field has no path", "ingress-nginx", nil, func(h http.Header) { h.Set("X-Original-Url", "http://h") }},
		{"the X-Original-Url field contains user information", "ingress-nginx", nil, func(h http.Header) { h.Set("X-Original-Url", "http://u@h/x") }},
		{"the X-Original-Url field has no host; the table has a pattern with a host", "ingress-nginx", &withHost, func(h http.Header) { h.Set("X-Original-Url", "http:///x") }},
	} {
		for _, token := range []bool{false, true} {
			b := newFixture(t, &middleware.Options{Dialect: row.dialect})
			table := row.table
			if table == nil {
				table = forwardTable()
			}
			r := proxied(row.dialect, asked{"GET", "/deployments/7", "api.example"})
			row.change(r.Header)
			if token {
				r.Header.Set("Authorization", "Bearer "+b.token("read:deployments"))
			}
			w := serve(b.guard.ForwardAuth(table), r)
			events := b.events.Take()
			if len(events) != 1 || w.Code < 400 {
				t.Fatalf("%s, token %v: got status %d and %d events, want a refusal and 1 event", row.want, token, w.Code, len(events))
			}
			if got := events[0].Err.Error(); !strings.Contains(got, row.want) {
				t.Errorf("token %v: got the error %q, want an error that contains %q", token, got, row.want)
			}
			if strings.Contains(events[0].Err.Error(), "secret") || strings.Contains(w.Body.String(), "field") {
				t.Errorf("%s: got the error %v and the body %q, want no secret and no text for logs", row.want, events[0].Err, w.Body)
			}
		}
	}
}

// TestForwardAuthStrictSegments checks that ForwardAuth always reads paths with
// StrictSegments, and does not change the table of the program.
func TestForwardAuthStrictSegments(t *testing.T) {
	var table scopes.Table
	table.Handle("/", scopes.Public())
	table.Handle("/admin", scopes.All("x"))
	table.Handle("/customers/{name}", scopes.Public())
	h := refuser(t, bearer.UnknownKey, nil).ForwardAuth(&table)
	for target, want := range map[string]int{
		"/": 204, "/x": 204, "/X": 204, "/customers/Acme%20Inc.": 204, "/customers/a.json": 204,
		"/admin": 401, "/ADMIN": 401, "/Admin": 401, "/admin.": 401, "/admin%20": 401, "/admin.json": 401, "/admin;x": 401, "/%ff": 401,
	} {
		if w := serve(h, proxied("", asked{"GET", target, "h"})); w.Code != want {
			t.Errorf("%s: got status %d, want status %d", target, w.Code, want)
		}
	}
	if table.StrictSegments {
		t.Error("got StrictSegments true in the table of the program, want no change")
	}
	rule, _ := table.Rule(&http.Request{Method: http.MethodGet, URL: mustParse(t, "/admin.json")})
	if !rule.IsPublic() {
		t.Errorf("got the rule %v from the table of the program, want the public rule", rule)
	}
}

// TestForwardAuthLateRules checks that rules count that were declared after ForwardAuth was
// called and before the first request.
func TestForwardAuthLateRules(t *testing.T) {
	var table scopes.Table
	h := refuser(t, bearer.UnknownKey, nil).ForwardAuth(&table)
	table.Handle("/", scopes.Func("f", func(context.Context) error { return nil }))
	table.Handle("h/", scopes.Public())
	if w := serve(h, proxied("", asked{"GET", "/x", "h"})); w.Code != http.StatusNoContent {
		t.Errorf("got status %d, want status 204", w.Code)
	}
}

func mustParse(t *testing.T, target string) *url.URL {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestForwardAuthSize checks that ForwardAuth denies a request if its own fields in the
// answer are too large for nginx, and that the observer learns why.
func TestForwardAuthSize(t *testing.T) {
	const limit, overhead = 3072, len("X-Scope: \r\nCache-Control: no-store\r\n")
	for size, want := range map[int]bool{0: true, 100: true, limit - overhead: true, limit - overhead + 1: false, 5000: false} {
		for name, rule := range map[string]scopes.Rule{
			"rule": scopes.All("x"), "optional": scopes.Optional(scopes.All("x")), "report only": scopes.ReportOnly(scopes.All("y")),
			"both": scopes.Optional(scopes.ReportOnly(scopes.All("y"))),
		} {
			b := newFixture(t, &middleware.Options{Headers: map[string]func(*bearer.Claims) string{
				"X-Scope": func(*bearer.Claims) string { return strings.Repeat("s", size) },
			}})
			var table scopes.Table
			table.Handle("/", rule)
			r := proxied("", asked{"GET", "/a", "h"})
			r.Header.Set("Authorization", "Bearer "+b.token("x"))
			w := serve(b.guard.ForwardAuth(&table), r)
			events := b.events.Take()
			if len(events) != 1 {
				t.Fatalf("%s, %d bytes: got %d events, want 1", name, size, len(events))
			}
			if want {
				if w.Code != 204 || len(w.Header().Get("X-Scope")) != size || events[0].Reason != "" {
					t.Errorf("%s, %d bytes: got status %d and the event %+v, want status 204", name, size, w.Code, events[0])
				}
				continue
			}
			if w.Code != 403 || w.Header().Get("X-Auth-Error") != "server_error" || w.Header().Get("X-Scope") != "" || events[0].Reason != bearer.Internal {
				t.Errorf("%s, %d bytes: got status %d, the header %v and the event %+v, want status 403 with server_error", name, size, w.Code, w.Header(), events[0])
			}
			testkit.WantError(t, name, events[0].Err, "Options.Headers", strconv.Itoa(size+overhead)+" bytes", "3072")
		}
	}
}

// TestForwardAuthSizeAfterRule checks that a caller without the scope is refused because of
// the scope, even if its fields are too large.
func TestForwardAuthSizeAfterRule(t *testing.T) {
	b := newFixture(t, &middleware.Options{Headers: map[string]func(*bearer.Claims) string{
		"X-Scope": func(*bearer.Claims) string { return strings.Repeat("s", 5000) },
	}})
	var table scopes.Table
	table.Handle("/", scopes.All("y"))
	r := proxied("", asked{"GET", "/a", "h"})
	r.Header.Set("Authorization", "Bearer "+b.token("x"))
	w := serve(b.guard.ForwardAuth(&table), r)
	if got := w.Header().Get("WWW-Authenticate"); w.Code != 403 || !strings.Contains(got, `scope="y"`) {
		t.Errorf("got status %d and challenge %q, want status 403 and the missing scope", w.Code, got)
	}
}

// TestForwardAuthCallsFunctionsOnce checks that ForwardAuth calls a function of a rule once
// for each request, even if the guard also checks the size of its fields.
func TestForwardAuthCallsFunctionsOnce(t *testing.T) {
	for _, denied := range []error{nil, errors.New("x")} {
		b, calls := newFixture(t, &middleware.Options{Headers: callerHeaders()}), 0
		var table scopes.Table
		table.Handle("/", scopes.And(scopes.All("x"), scopes.Func("f", func(context.Context) error { calls++; return denied })))
		r := proxied("", asked{"GET", "/a", "h"})
		r.Header.Set("Authorization", "Bearer "+b.token("x"))
		if w := serve(b.guard.ForwardAuth(&table), r); calls != 1 || (w.Code == http.StatusNoContent) != (denied == nil) {
			t.Errorf("error %v: got status %d and %d calls, want 1 call", denied, w.Code, calls)
		}
	}
}

// TestForwardAuthPanic checks that a panic in a function of Options.Headers is a refusal
// that the observer receives.
func TestForwardAuthPanic(t *testing.T) {
	b := newFixture(t, &middleware.Options{Headers: map[string]func(*bearer.Claims) string{"X-Scope": func(*bearer.Claims) string { panic(errors.New("x")) }}})
	r := proxied("", asked{"GET", "/whoami", "h"})
	r.Header.Set("Authorization", "Bearer "+b.token("x"))
	w := serve(b.guard.ForwardAuth(forwardTable()), r)
	if events := b.events.Take(); w.Code != 403 || w.Header().Get("X-Auth-Error") != "server_error" || len(events) != 1 || events[0].Reason != bearer.Internal {
		t.Errorf("got status %d, the header %v and the events %+v, want one refusal with the reason %q", w.Code, w.Header(), events, bearer.Internal)
	}
}

// TestForwardAuthManyScopes checks that a challenge names the scopes of the rule unless the
// challenge becomes too large for nginx.
func TestForwardAuthManyScopes(t *testing.T) {
	for count, named := range map[int]bool{1: true, 200: true, 204: true, 205: false, 1000: false} {
		b := newFixture(t, nil)
		var names []string
		for i := range count {
			names = append(names, fmt.Sprintf("scope%04d", i)) // 10 bytes with the blank
		}
		var table scopes.Table
		table.Handle("/", scopes.All(names...))
		r := proxied("", asked{"GET", "/a", "h"})
		r.Header.Set("Authorization", "Bearer "+b.token("x"))
		w := serve(b.guard.ForwardAuth(&table), r)
		challenge := w.Header().Get("WWW-Authenticate")
		if w.Code != http.StatusForbidden || !strings.Contains(challenge, `error="insufficient_scope"`) || strings.Contains(challenge, `scope="scope0000 `) != (named && count > 1) || strings.Contains(challenge, `scope="`) != named || len(challenge) > 3072 {
			t.Errorf("%d scopes: got status %d and a challenge of %d bytes, want status 403 and named scopes = %v", count, w.Code, len(challenge), named)
		}
	}
}

// TestForwardAuthRulesAfterRequests checks that ForwardAuth applies a rule that is declared after the
// first request, to every form of the path.
func TestForwardAuthRulesAfterRequests(t *testing.T) {
	b := newFixture(t, nil)
	var table scopes.Table
	table.Handle("/", scopes.Public())
	h := b.guard.ForwardAuth(&table)
	status := func(target string) int { return serve(h, proxied("", asked{"GET", target, "admin.example"})).Code }
	for _, target := range []string{"/admin/x", "/ADMIN/x", "/a/x"} {
		if got := status(target); got != http.StatusNoContent {
			t.Errorf("%s, before: got status %d, want 204", target, got)
		}
	}
	for _, late := range []struct{ pattern, target string }{
		{"/admin/", "/admin/x"}, {"GET /reports/{id}", "/reports/7"}, {"admin.example/", "/a/x"},
	} {
		table.Handle(late.pattern, scopes.All("admin"))
		if got := status(late.target); got != http.StatusUnauthorized {
			t.Errorf("%s, after the declaration of %s: got status %d, want 401", late.target, late.pattern, got)
		}
	}
	if got := status("/ADMIN/x"); got != http.StatusUnauthorized {
		t.Errorf("/ADMIN/x, after: got status %d, want 401", got)
	}
}

// TestForwardAuthFirstRequests checks that concurrent first requests get the right rule.
func TestForwardAuthFirstRequests(t *testing.T) {
	b := newFixture(t, nil)
	h := b.guard.ForwardAuth(forwardTable())
	var requests sync.WaitGroup
	for range 8 {
		requests.Go(func() {
			if got := serve(h, proxied("", asked{"GET", "/deployments/7", "api.example"})).Code; got != http.StatusUnauthorized {
				t.Errorf("got status %d, want 401", got)
			}
		})
	}
	requests.Wait()
}

// TestForwardAuthHeadModes checks with all pairs of rules that a HEAD request, for which a
// table may combine two rules, gets the same verdict with and without Options.Headers. It also
// checks that a refusal is waived only if each of the two rules alone waives it.
func TestForwardAuthHeadModes(t *testing.T) {
	headers := map[string]func(*bearer.Claims) string{"X-Subject": (*bearer.Claims).Subject}
	rules := map[string]func() scopes.Rule{
		"public": scopes.Public, "any token": func() scopes.Rule { return scopes.All() }, "x": func() scopes.Rule { return scopes.All("x") },
		"function": func() scopes.Rule { return scopes.Func("f", func(context.Context) error { return nil }) },
		"denies":   func() scopes.Rule { return scopes.Func("f", func(context.Context) error { return errors.New("no") }) },
	}
	for name, rule := range maps.Clone(rules) {
		if name != "public" {
			rules["report only "+name] = func() scopes.Rule { return scopes.ReportOnly(rule()) }
			rules["optional "+name] = func() scopes.Rule { return scopes.Optional(rule()) }
			rules["both modes "+name] = func() scopes.Rule { return scopes.Optional(scopes.ReportOnly(rule())) }
		}
	}
	without, with := newFixture(t, nil), newFixture(t, &middleware.Options{Headers: headers})
	status := func(b *fixture, method, token string, first, second scopes.Rule) int {
		var table scopes.Table
		table.Handle("GET /a", first)
		table.Handle("/a", second)
		r := proxied("", asked{method, "/a", "h"})
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		return serve(b.guard.ForwardAuth(&table), r).Code
	}
	allowed := 0
	for firstName, first := range rules {
		for secondName, second := range rules {
			for _, b := range []*fixture{without, with} {
				for _, token := range []string{"", b.token("x"), b.token("y")} {
					a, c := first(), second()
					each := []int{status(b, "GET", token, a, c), status(b, "POST", token, a, c)}
					want := each[0] == http.StatusNoContent && each[1] == http.StatusNoContent
					// One mode must not make up for the rule that does not have it.
					got := status(b, "HEAD", token, a, c) == http.StatusNoContent
					sameMode := a.IsReportOnly() == c.IsReportOnly() && a.IsOptional() == c.IsOptional()
					if got && !want || !got && want && (sameMode || a.IsPublic() || c.IsPublic()) {
						t.Errorf("GET /a: %s; /a: %s; headers %v, token %v: got allowed = %v, want %v", firstName, secondName, b == with, token != "", got, want)
					}
					if got {
						allowed++
					}
					if one := status(b, "HEAD", token, a, a) == http.StatusNoContent; one != (each[0] == http.StatusNoContent) {
						t.Errorf("%s for both patterns, headers %v, token %v: got allowed = %v, want the verdict of GET", firstName, b == with, token != "", one)
					}
				}
			}
		}
	}
	if allowed < 100 {
		t.Errorf("got %d allowed requests, want at least 100", allowed)
	}
}
