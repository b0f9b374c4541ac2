package main

import (
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/examples/demo/demotest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

func TestProfile(t *testing.T) { demotest.RunProfile(t, api) }

func TestAPI(t *testing.T) { demotest.RunRoutes(t, api) }

// patterns returns the patterns of the routes. Each pattern contains the method.
func patterns(routes []route) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, r := range routes {
			if !yield("", r.pattern) {
				return
			}
		}
	}
}

// TestRules checks that no route can be reached without a guard. Every route has a rule,
// because the list contains both.
func TestRules(t *testing.T) {
	if open := bearertest.Unguarded(api(demotest.Guard(t)), patterns(routes())); len(open) != 0 {
		t.Errorf("got routes without a guard %q, want none", open)
	}
}

// TestEnforceRoutes sends hostile requests.
func TestEnforceRoutes(t *testing.T) {
	var added []route
	named := demotest.Named{
		Build: func(g *middleware.Guard, rules scopes.Routes, named []demotest.NamedRoute) http.Handler {
			added = nil
			mux := http.NewServeMux()
			for _, r := range named {
				added = append(added, route{pattern: r.Method + " " + r.Pattern})
				mux.HandleFunc(r.Method+" "+r.Pattern, func(w http.ResponseWriter, req *http.Request) { r.Serve(w, req, req.PathValue) })
			}
			return enforce(g, rules, mux)
		},
		Audit: func(_ http.Handler, rules scopes.Routes) middleware.AuditReport {
			return middleware.AuditRoutes(patterns(added), rules)
		},
		Path: func(pattern string) string { return pattern },
	}
	named.Run(t)
}

// served returns the Served field of the response.
func served(h http.Handler, r *http.Request) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Header().Get("Served")
}

// hostRoutes are routes with hosts, trailing slashes and methods.
func hostRoutes(public string) (list []route) {
	for _, pattern := range []string{"/", "/x/", "GET /x/{$}", "api.example/", "api.example/x", "CONNECT /x/", "CONNECT api.example/x/", "POST /y", "/y/{id}"} {
		rule := scopes.All("never")
		if pattern == public {
			rule = scopes.Public()
		}
		list = append(list, route{pattern, rule, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Served", pattern) })})
	}
	return list
}

// TestHosts makes one route public, and checks that requests without a token reach only
// this route: with hosts, with paths that the mux redirects, and with CONNECT.
func TestHosts(t *testing.T) {
	for _, public := range hostRoutes("") {
		h := build(demotest.Guard(t), hostRoutes(public.pattern))
		reached := false
		for _, method := range []string{"GET", "HEAD", "POST", "CONNECT", "OPTIONS", "post"} {
			for _, host := range []string{"", "api.example", "API.example", "api.example:80", "api.example.", "other.example"} {
				for _, path := range []string{"/", "/x", "/x/", "/x/y", "//x", "/x//", "/./x", "/x/../y", "/y", "/y/", "/y/1", "/%78/", "/y%2F1", "/Y"} {
					r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
					r.Method, r.Host = method, host
					got := served(h, r)
					if got != "" && got != public.pattern {
						t.Errorf("only %s is public: got a response of %s for %s %s%s, want a refusal", public.pattern, got, method, host, path)
					}
					reached = reached || got != ""
				}
			}
		}
		if !reached {
			t.Errorf("got no response of the public route %s, want one", public.pattern)
		}
	}
}

// TestOldMux checks that the program does not start with the mux of Go 1.21, which takes
// methods and wildcards literally.
func TestOldMux(t *testing.T) {
	if strings.Contains(os.Getenv("GODEBUG"), "httpmuxgo121=1") {
		defer func() {
			if p := recover(); p != nil {
				t.Log("refused:", p)
			}
		}()
		api(demotest.Guard(t))
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOldMux$", "-test.v") //nolint:gosec // this test program
	cmd.Env = append(os.Environ(), "GODEBUG=httpmuxgo121=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "refused: the program must not set GODEBUG=httpmuxgo121=1") {
		t.Errorf("got error %v and output %s, want a refusal", err, out)
	}
}
