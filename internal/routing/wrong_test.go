package routing_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/bearerkit/bearer/scopes"
)

// by returns middleware that applies the rule that the function returns for a request.
func (s *site) by(rule func(*http.Request) scopes.Rule) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.guard.Require(rule(r))(next).ServeHTTP(w, r)
		})
	}
}

// loose returns a table that looks only at the method and at the decoded path, as a table
// made with http.ServeMux does.
func (s *site) loose() func(method, path string) scopes.Rule {
	mux, rules := http.NewServeMux(), map[string]scopes.Rule{}
	for _, r := range s.routes {
		mux.Handle(r.muxPattern(), http.NotFoundHandler())
		rules[r.muxPattern()] = r.scopesRule()
	}
	return func(method, path string) scopes.Rule {
		_, pattern := mux.Handler(&http.Request{Method: method, Host: "h", URL: &url.URL{Path: path}})
		return rules[pattern]
	}
}

// A wrongGuard returns the middleware of a guard that is wrong on purpose.
type wrongGuard = func(*site) []func(http.Handler) http.Handler

func one(h ...func(http.Handler) http.Handler) []func(http.Handler) http.Handler { return h }

// wrongTables returns guards with tables.
func wrongTables() map[string]wrongGuard {
	return map[string]wrongGuard{
		"a table that does not compare RawPath": func(s *site) []func(http.Handler) http.Handler {
			loose := s.loose()
			return one(s.by(func(r *http.Request) scopes.Rule { return loose(r.Method, r.URL.Path) }))
		},
		"a table that takes HEAD for GET": func(s *site) []func(http.Handler) http.Handler {
			loose := s.loose()
			return one(s.by(func(r *http.Request) scopes.Rule {
				return loose(strings.Replace(r.Method, "HEAD", "GET", 1), r.URL.EscapedPath())
			}))
		},
		"a table that ignores the method": func(s *site) []func(http.Handler) http.Handler {
			loose := s.loose()
			return one(s.by(func(r *http.Request) scopes.Rule { return loose(http.MethodGet, r.URL.EscapedPath()) }))
		},
		"a table that ignores the letter case": func(s *site) []func(http.Handler) http.Handler {
			loose := s.loose()
			return one(s.by(func(r *http.Request) scopes.Rule {
				return loose(r.Method, strings.Replace(strings.ToLower(r.URL.EscapedPath()), "/projects/z", "/projects/sandbox", 1))
			}))
		},
		"a table that believes a field": func(s *site) []func(http.Handler) http.Handler {
			loose := s.loose()
			return one(s.by(func(r *http.Request) scopes.Rule {
				if field := r.Header.Get("X-Original-Url"); field != "" {
					return loose(r.Method, field)
				}
				return loose(r.Method, r.URL.EscapedPath())
			}))
		},
		"a table in front of StripSlashes": func(s *site) []func(http.Handler) http.Handler {
			return one(middleware.StripSlashes, s.enforce())
		},
		"a table in front of URLFormat": func(s *site) []func(http.Handler) http.Handler {
			return one(middleware.URLFormat, s.enforce())
		},
	}
}

// wrongMatches returns guards with the names of chi's routes, and a router without a guard.
func wrongMatches() map[string]wrongGuard {
	rulesOf := func(s *site) scopes.Routes { return s.rules(chiName) }
	find := func(r *http.Request, method, path string) string {
		return chi.RouteContext(r.Context()).Routes.Find(chi.NewRouteContext(), method, path)
	}
	return map[string]wrongGuard{
		"a match before StripSlashes": func(s *site) []func(http.Handler) http.Handler {
			return one(s.guard.EnforceRoutes(rulesOf(s), noted(chiMatch)), middleware.StripSlashes)
		},
		"a match that ignores RoutePath": func(s *site) []func(http.Handler) http.Handler {
			match := noted(func(r *http.Request) string { return find(r, r.Method, r.URL.EscapedPath()) })
			return one(middleware.URLFormat, s.guard.EnforceRoutes(rulesOf(s), match))
		},
		"a match that ignores RawPath": func(s *site) []func(http.Handler) http.Handler {
			match := noted(func(r *http.Request) string { return find(r, r.Method, r.URL.Path) })
			return one(s.guard.EnforceRoutes(rulesOf(s), match))
		},
		"a match that ignores the method": func(s *site) []func(http.Handler) http.Handler {
			return one(s.by(func(r *http.Request) scopes.Rule {
				rule, _ := rulesOf(s).Rule(http.MethodGet, find(r, http.MethodGet, r.URL.EscapedPath()))
				return rule
			}))
		},
		"no guard": func(*site) []func(http.Handler) http.Handler { return nil },
	}
}

// TestWrongGuards tests that TestNoHandlerWithoutItsRule can fail. For each wrong guard, the
// search must find a request that shows the fault.
func TestWrongGuards(t *testing.T) {
	guards := wrongTables()
	maps.Copy(guards, wrongMatches())
	for name, use := range guards {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, without(digitsOnly))
			c := config{router: "chi", option: name, guard: "wrong", routes: s.routes, handler: s.chi(chiLayout{}, use(s)...)}
			found, sent, _ := c.search(*seed, 20000, 1)
			if len(found) == 0 {
				t.Fatalf("got no finding in %d requests, want one, because this guard is wrong", sent)
			}
			t.Logf("after %d requests: %s", sent, found[0].shrink())
		})
	}
}

// TestUnfitTables tests that a table must not be used with the routers that the comments of
// Enforce exclude. In chi, some middleware changes the path that chi matches, but not the URL.
// If the search finds nothing for a router, the comments are out of date.
func TestUnfitTables(t *testing.T) {
	for _, c := range configs(t) {
		if !c.unfit || !strings.Contains(c.String(), *only) || strings.HasPrefix(c.option, "CleanPath") {
			continue // CleanPath refuses no plain request, and the guard refuses unclean paths
		}
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			found, sent, _ := c.search(*seed, 20000, 1)
			if len(found) == 0 {
				t.Fatalf("got no finding in %d requests, want one", sent)
			}
			t.Logf("after %d requests: %s", sent, found[0].shrink())
		})
	}
}
