package routing_test

import (
	"flag"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/testkit/spellings"
)

var (
	requests = flag.Int("requests", 500, "number of requests for each configuration")
	seed     = flag.Uint64("seed", 1, "seed of the generator")
	only     = flag.String("only", "", "a part of the names of the configurations that the test uses")
)

// generator returns a function that generates requests for the routes of the configuration.
func (c config) generator(seed uint64) func() request {
	var routes []spellings.Route
	for _, r := range c.routes {
		routes = append(routes, spellings.Route{Method: r.method, Path: r.path})
	}
	g := spellings.New(seed, uint64(len(c.String())), routes)
	return func() request {
		r := request{g.Next(), caller{token: g.IntN(2) == 0}}
		for i := range allScopes {
			if r.caller.token && g.IntN(4) == 0 {
				r.caller.scopes |= 1 << i
			}
		}
		return r
	}
}

// maxFindings is the number of findings that the test prints for one configuration.
const maxFindings = 8

// search sends n generated requests, and returns the findings. It returns only one finding
// for each pair of a pattern and a route, and stops after the given number of findings. It
// also returns how many requests were sent, and how many reached a handler.
func (c config) search(seed uint64, n, limit int) (found []finding, sent, reached int) {
	next := c.generator(seed)
	known := map[string]bool{}
	for sent < n && len(found) < limit {
		sent++
		r := next()
		served, pattern, problem := c.serve(r.raw())
		if len(served) > 0 {
			reached++
		}
		if problem == "" {
			problem = c.wrong(served, r.caller)
		}
		if key := problem + "\n" + pattern; problem != "" && !known[key] {
			known[key] = true
			found = append(found, finding{c, r, problem, pattern})
		}
	}
	return found, sent, reached
}

// TestNoHandlerWithoutItsRule sends generated requests through each router. If a request
// reaches a handler, the rule of the handler must allow the caller.
func TestNoHandlerWithoutItsRule(t *testing.T) {
	total := 0
	for _, c := range configs(t) {
		if c.unfit || !strings.Contains(c.String(), *only) {
			continue
		}
		total++
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			for _, r := range knownRequests() {
				if f, wrong := c.try(r); wrong {
					t.Errorf("got %s, want a refusal", f)
				}
			}
			found, sent, reached := c.search(*seed, *requests, maxFindings)
			for _, f := range found {
				t.Errorf("got %s, want a refusal", f.shrink())
			}
			if reached < sent/20 {
				t.Errorf("%d of %d requests reached a handler, want at least 5 percent, so that the test means something", reached, sent)
			}
			t.Logf("%d of %d requests reached a handler", reached, sent)
		})
	}
	if *only == "" && total < 80 {
		t.Errorf("got %d configurations, want at least 80", total)
	}
}

// knownRequests returns requests without a token that once reached a handler against its rule
// in one of the configurations. A request that the search finds belongs into this list.
func knownRequests() []request {
	var list []request
	for _, line := range []string{
		"HEAD /docs/x", "HEAD /admin/login", "HEAD /admin/log%69n",
		"GET /projects/s%61ndbox", "GET /admin/%6cogin", "GET /reports/|%2Ftitle", "GET /projects/{%2f", "GET /projects/\xc3%2f", "CONNECT /docs/{%2f",
		"POST /users/z%2e", "GET /reports/files%2F", "DELETE /items/%75%73ers%2F", "GET /files/secret/%3f",
		"GET /projects/7/x", "GET /projects/7/", "DELETE /items/7/x", "get /docs/x/y", "POST /users/7",
		"GET /admin/", "GET /admin.json", "GET /users/root.", "GET /users/root/", "GET /healthz/../admin", "GET //admin",
	} {
		method, target, _ := strings.Cut(line, " ")
		for _, fields := range [][]string{nil, {"X-HTTP-Method-Override: GET"}, {"X-Original-URL: /healthz"}} {
			list = append(list, request{Request: spellings.Request{Method: method, Target: target, Host: "h", Fields: fields}})
		}
	}
	return list
}

// TestPlainRequests sends plain requests with a sufficient token. Each request must reach
// the handler of its route.
func TestPlainRequests(t *testing.T) {
	for _, c := range configs(t) {
		if c.rewrites || c.unfit || !strings.Contains(c.String(), *only) {
			continue
		}
		t.Run(c.String(), func(t *testing.T) {
			for _, r := range c.routes {
				if r.path == c.shadowed || r.path == "/projects/café" && c.encoded {
					continue
				}
				for _, req := range r.plain() {
					served, pattern, problem := c.serve(req.raw())
					if !slices.Equal(served, []string{r.String()}) || problem != "" {
						t.Errorf("%s %s: got routes %q, pattern %q and problem %q, want route %q", req.Method, req.Target, served, pattern, problem, r)
					}
				}
			}
		})
	}
}

// plain returns plain requests for the route.
func (r route) plain() []request {
	method := r.method
	if method == "" {
		method = "PUT"
	}
	var list []request
	for _, value := range []string{"zed", "z-1_2~3", "J%C3%BCrgen", "Acme%20Inc.", "a.b", "z:1"} {
		if r.digits {
			value = "77"
		}
		target := strings.NewReplacer("{$}", "", "{path...}", value+"/"+value, "{id}", value, "{name}", value, "{page}", value, "{number}", value).Replace(r.path)
		for _, query := range []string{"", "?x=/admin&y=%2f"} {
			req := request{Request: spellings.Request{Method: method, Target: target + query, Host: "h"}}
			if r.rule != "public" {
				req.caller = caller{token: true, scopes: 1<<len(allScopes) - 1}
			}
			list = append(list, req)
		}
	}
	return list
}
