package chibearer

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/go-chi/chi/v5"

	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// tree describes a router and its mounted routers.
type tree struct {
	routes  chi.Routes
	guards  guards // in the list of Use
	entries map[string]*entry
}

// entry describes the routes with one pattern.
type entry struct {
	handlers map[string]http.Handler // by method
	all      bool                    // one handler was registered for all methods
	mount    string                  // the pattern of the mount, ending with "/*", or "" if this is no mount
	sub      *tree                   // the mounted router, or nil for another mounted handler
	guards   guards                  // in the list of With or Group around the mounted router
}

// maxTrees is the largest number of routers that an enforcer keeps in memory.
const maxTrees = 64

// trees contains the trees of the routers that use the middleware, usually one. It is safe
// for concurrent use. A map never changes after it was stored.
type trees struct {
	known atomic.Pointer[map[*chi.Mux]*tree]
}

// of returns the tree of the router. If trees is full, it forgets all other routers.
func (t *trees) of(root *chi.Mux) *tree {
	known := t.known.Load()
	if known != nil && (*known)[root] != nil {
		return (*known)[root]
	}
	more := map[*chi.Mux]*tree{root: newTree(root)}
	if known != nil && len(*known) < maxTrees {
		maps.Copy(more, *known)
	}
	t.known.Store(&more)
	return more[root]
}

func newTree(r chi.Routes) *tree { return buildTree(r, nil) }

// buildTree reads the routes of r. The argument parents contains the routers around r.
func buildTree(r chi.Routes, parents []chi.Routes) *tree {
	t := &tree{routes: r, guards: guardsIn(r.Middlewares()), entries: map[string]*entry{}}
	for _, route := range r.Routes() {
		e := t.entry(route.Pattern)
		for method, h := range route.Handlers {
			if method == "*" {
				e.all = true
			} else {
				e.handlers[method] = h
			}
		}
		if route.SubRoutes != nil && !contains(parents, route.SubRoutes) {
			e.mount = route.Pattern
			e.sub = buildTree(route.SubRoutes, append(slices.Clone(parents), r))
			e.guards = guardsIn(inline(route.Handlers["*"]))
		}
	}
	t.addStubs()
	return t
}

// addStubs adds the patterns "/x" and "/x/" of each mounted router or handler at "/x/*".
// chi registers these patterns with the mount, but does not list them.
func (t *tree) addStubs() {
	for pattern, e := range t.entries {
		prefix, found := strings.CutSuffix(pattern, "/*")
		if !found || !e.all {
			continue
		}
		for _, stub := range []string{prefix, prefix + "/"} {
			if s := t.entry(stub); s.mount == "" {
				s.mount, s.sub, s.guards = pattern, e.sub, e.guards
			}
		}
	}
}

func (t *tree) entry(pattern string) *entry {
	e := t.entries[pattern]
	if e == nil {
		e = &entry{handlers: map[string]http.Handler{}}
		t.entries[pattern] = e
	}
	return e
}

// contains compares routers only if their type is comparable.
func contains(parents []chi.Routes, r chi.Routes) bool {
	return reflect.TypeOf(r).Comparable() && slices.ContainsFunc(parents, func(p chi.Routes) bool {
		return reflect.TypeOf(p).Comparable() && p == r
	})
}

// level is a router on the way to the handler, with the path that this router gets.
type level struct {
	tree *tree
	path string
}

// walk finds the route for the method and the path. It returns the whole pattern, or "" if
// there is no route, and the routers on the way.
func (t *tree) walk(method, path string) (pattern string, levels []level) {
	prefix := ""
	for {
		levels = append(levels, level{t, path})
		rctx := chi.NewRouteContext()
		t.routes.Find(rctx, method, path)
		if len(rctx.RoutePatterns) == 0 {
			return "", levels
		}
		own := rctx.RoutePatterns[0]
		e := t.entries[own]
		switch {
		case e == nil:
			return "", levels // the route was registered after the first request
		case e.mount == "" || own != e.mount && e.handlers[method] != nil:
			return join(prefix, own), levels // an ordinary route
		case e.sub == nil:
			return join(prefix, e.mount), levels // a mounted handler that has no list of routes
		case e.handlers[method] != nil:
			return "", levels // the route was registered in place of the mounted router
		}
		prefix = join(prefix, e.mount)
		t, path = e.sub, "/"
		if own == e.mount {
			path += rest(rctx)
		}
	}
}

// rest returns the part of the path that the first "*" matched.
func rest(rctx *chi.Context) string {
	if i := slices.Index(rctx.URLParams.Keys, "*"); i >= 0 {
		return rctx.URLParams.Values[i]
	}
	return ""
}

// listed is one route of a router.
type listed struct {
	method, pattern string
	handler         http.Handler
	guards          guards // in front of the handler
	ambiguous       bool   // the route was registered in place of a mounted router
}

func list(r chi.Routes) []listed {
	if r == nil {
		return nil
	}
	return newTree(r).list("", guards{})
}

func (t *tree) list(prefix string, outer guards) (routes []listed) {
	outer = outer.plus(t.guards)
	for pattern, e := range t.entries {
		for method, h := range e.handlers {
			routes = append(routes, listed{
				method, join(prefix, pattern), h, outer.plus(guardsIn(inline(h))),
				e.sub != nil && e.mount == pattern,
			})
		}
		if e.sub != nil && e.mount == pattern {
			routes = append(routes, e.sub.list(join(prefix, pattern), outer.plus(e.guards))...)
		}
	}
	slices.SortFunc(routes, func(a, b listed) int {
		return strings.Compare(a.pattern+" "+a.method, b.pattern+" "+b.method)
	})
	return routes
}

// rule returns the rule that applies to requests for the route. The result guarded is false
// if the audit finds no guard in front of the route that has this rule.
func (l *listed) rule(rules scopes.Routes) (rule scopes.Rule, guarded bool) {
	if l.ambiguous && len(l.guards.lists) > 0 {
		return scopes.Rule{}, true // the guard denies the requests, see walk
	}
	rule, _ = rules.Rule(l.method, l.pattern)
	want := middleware.Route{Rule: rule}.String()
	for _, e := range l.guards.lists {
		own, _ := e.rules.Rule(l.method, l.pattern)
		if (middleware.Route{Rule: own}).String() == want {
			return rule, true
		}
	}
	h := l.handler
	if chain, ok := h.(*chi.ChainHandler); ok {
		h = chain.Endpoint
	}
	required := l.guards.required
	if handler, ok := h.(interface{ Rule() scopes.Rule }); ok {
		required = append(slices.Clone(required), handler.Rule())
	}
	if len(required) == 0 || len(l.guards.lists) > 0 {
		return scopes.Rule{}, false
	}
	return together(required), true
}

// inline returns the middleware of With and Group around a handler.
func inline(h http.Handler) chi.Middlewares {
	if chain, ok := h.(*chi.ChainHandler); ok {
		return chain.Middlewares
	}
	return nil
}
