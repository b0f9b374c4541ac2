package routing_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/mux"
)

// gorillaRouters returns the configurations of gorilla/mux.
func gorillaRouters(t *testing.T) []config {
	t.Helper()
	var list []config
	for _, o := range []struct {
		option     string
		change     func(*mux.Router) *mux.Router
		subrouters bool
	}{
		{"default", func(r *mux.Router) *mux.Router { return r }, false},
		{"UseEncodedPath", func(r *mux.Router) *mux.Router { return r.UseEncodedPath() }, false},
		{"SkipClean", func(r *mux.Router) *mux.Router { return r.SkipClean(true) }, false},
		{"StrictSlash", func(r *mux.Router) *mux.Router { return r.StrictSlash(true) }, false},
		{"all", func(r *mux.Router) *mux.Router { return r.UseEncodedPath().SkipClean(true).StrictSlash(true) }, true},
		{"subrouters", func(r *mux.Router) *mux.Router { return r }, true},
	} {
		for _, guard := range []string{enforce, enforceRoutes, require} {
			s := newSite(t, api())
			if guard == enforce {
				s = newSite(t, without(digitsOnly))
			}
			encoded := o.option == "UseEncodedPath" || o.option == "all" // a table decodes "/caf%C3%A9", these routers do not
			if guard == enforceRoutes {
				front := newSite(t, s.routes)
				list = append(list, config{router: "gorilla", option: o.option + ", guard in front", guard: guard, routes: s.routes, handler: front.gorillaBehind(o.change(mux.NewRouter()), o.subrouters), encoded: encoded})
			}
			list = append(list, config{router: "gorilla", option: o.option, guard: guard, routes: s.routes, handler: s.gorilla(o.change(mux.NewRouter()), guard, o.subrouters), unfit: guard == enforce && encoded, encoded: encoded})
		}
	}
	return list
}

// gorilla adds the API to a router.
func (s *site) gorilla(router *mux.Router, guard string, subrouters bool) http.Handler {
	if guard == enforceRoutes {
		router.Use(s.guard.EnforceRoutes(s.rules(gorillaName), noted(func(r *http.Request) string { return template(mux.CurrentRoute(r)) })))
	}
	var admin, reports *mux.Router
	if subrouters {
		admin, reports = router.PathPrefix("/admin").Subrouter(), router.PathPrefix("/reports").Subrouter()
	}
	for _, r := range s.routes {
		h := s.handler(r)
		if guard == require {
			h = s.required(r)
		}
		on, name := router, gorillaName(r)
		if subrouters {
			switch {
			case strings.HasPrefix(name, "/admin/"):
				on, name = admin, strings.TrimPrefix(name, "/admin")
			case strings.HasPrefix(name, "/reports/"):
				on, name = reports, strings.TrimPrefix(name, "/reports")
			}
		}
		added := on.Handle(name, h)
		if r.method != "" {
			added.Methods(r.method)
		}
	}
	if guard == enforce {
		return s.enforce()(router)
	}
	return router
}

// gorillaBehind returns the router behind the guard. The guard asks the router for the route
// before the router does.
func (s *site) gorillaBehind(router *mux.Router, subrouters bool) http.Handler {
	handler := s.gorilla(router, "", subrouters)
	return s.guard.EnforceRoutes(s.rules(gorillaName), noted(func(r *http.Request) string {
		var found mux.RouteMatch
		if !router.Match(r, &found) || found.MatchErr != nil {
			return ""
		}
		return template(found.Route)
	}))(handler)
}

// template returns the template of a route.
func template(route *mux.Route) string {
	if route == nil {
		return ""
	}
	text, err := route.GetPathTemplate()
	if err != nil {
		return ""
	}
	return text
}

// gorillaName translates a path into the syntax of gorilla/mux.
func gorillaName(r route) string {
	name := strings.NewReplacer("/{$}", "/", "{path...}", "{path:.*}").Replace(r.path)
	if r.digits {
		name = strings.Replace(name, "{number}", "{number:[0-9]+}", 1)
	}
	return name
}
