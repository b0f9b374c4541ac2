package routing_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/julienschmidt/httprouter"

	"github.com/bearerkit/bearer/scopes"
)

// serveMux returns the configurations of http.ServeMux.
func serveMux(t *testing.T) []config {
	t.Helper()
	var list []config
	for _, guard := range []string{enforce, enforceRoutes, require} {
		s := newSite(t, without(digitsOnly))
		list = append(list, config{router: "ServeMux", option: "plain", guard: guard, routes: s.routes, handler: s.serveMux(guard, "")})
		s = newSite(t, slices.Clone(s.routes))
		for i := range s.routes {
			s.routes[i].path = "/api" + s.routes[i].path
		}
		list = append(list, config{router: "ServeMux", option: "StripPrefix", guard: guard, routes: s.routes, handler: s.serveMux(guard, "/api")})
	}
	return list
}

// serveMux returns the API as an http.ServeMux. If the prefix is not empty, the API is
// behind http.StripPrefix. Then EnforceRoutes is behind http.StripPrefix too.
func (s *site) serveMux(guard, prefix string) http.Handler {
	mux := http.NewServeMux()
	pattern := func(r route) string { return strings.Replace(r.muxPattern(), prefix, "", 1) }
	for _, r := range s.routes {
		h := s.handler(r)
		if guard == require {
			h = s.required(r)
		}
		mux.Handle(pattern(r), h)
	}
	h := http.Handler(mux)
	if guard == enforceRoutes {
		rules := scopes.Routes{}
		for _, r := range s.routes {
			rules[pattern(r)] = r.scopesRule()
		}
		h = s.guard.EnforceRoutes(rules, noted(func(r *http.Request) string { _, p := mux.Handler(r); return p }))(mux)
	}
	if prefix != "" {
		outer := http.NewServeMux()
		outer.Handle(prefix+"/", http.StripPrefix(prefix, h))
		h = outer
	}
	if guard == enforce {
		h = s.enforce()(h)
	}
	return h
}

// httpRouters returns the configurations of httprouter. This router does not report the
// route before it calls the handler, so there is no EnforceRoutes.
func httpRouters(t *testing.T) []config {
	t.Helper()
	var list []config
	for _, guard := range []string{enforce, require} {
		for option, change := range map[string]func(*httprouter.Router){
			"default":    func(*httprouter.Router) {},
			"no repairs": func(r *httprouter.Router) { r.RedirectFixedPath, r.RedirectTrailingSlash = false, false },
		} {
			s := newSite(t, without(digitsOnly, "GET /projects/sandbox", "GET /projects/café", "GET /users/root", "GET /files/secret/{path...}", "GET /admin/login", "/{page}", "/{path...}"))
			router := httprouter.New()
			change(router)
			name := colons("/*path")
			s.each(func(method string, r route, h http.Handler) { router.Handler(method, name(r), h) }, guard)
			h := http.Handler(router)
			if guard == enforce {
				h = s.enforce()(router)
			}
			list = append(list, config{router: "httprouter", option: option, guard: guard, routes: s.routes, handler: h})
		}
	}
	return list
}

// anyMethod are the methods of a route for all methods in a router that wants a list.
var anyMethod = []string{"GET", "POST", "PUT", "PATCH", "HEAD", "OPTIONS", "DELETE", "CONNECT", "TRACE"}

// each calls add for each route and each of its methods. A route for all methods has the
// methods that no other route with this path has.
func (s *site) each(add func(method string, r route, h http.Handler), guard string) {
	taken := map[string]bool{}
	for _, r := range s.routes {
		taken[r.method+" "+r.path] = true
	}
	for _, r := range s.routes {
		h := s.handler(r)
		if guard == require {
			h = s.required(r)
		}
		if r.method != "" {
			add(r.method, r, h)
			continue
		}
		for _, method := range anyMethod {
			if !taken[method+" "+r.path] {
				add(method, r, h)
			}
		}
	}
}

// colons returns a function that translates a path into the syntax of gin, echo and
// httprouter. The argument is the last segment that matches the rest of a path.
func colons(rest string) func(route) string {
	return func(r route) string {
		segments := strings.Split(r.path, "/")
		for i, segment := range segments {
			switch {
			case segment == "{$}":
				segments[i] = ""
			case strings.HasSuffix(segment, "...}"):
				segments[i] = rest[1:]
			case strings.HasPrefix(segment, "{"):
				segments[i] = ":" + strings.Trim(segment, "{}")
			}
		}
		return strings.Join(segments, "/")
	}
}
