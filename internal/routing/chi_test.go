package routing_test

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/bearerkit/bearer/middleware/chibearer"
)

// chiRouters returns the configurations of chi. A table does not fit a router whose
// middleware sets RoutePath.
func chiRouters(t *testing.T) []config {
	t.Helper()
	var list []config
	for _, o := range []struct {
		option   string
		use      []func(http.Handler) http.Handler
		mounted  bool
		inner    bool // the mounted routers have guards of their own
		noTable  bool // the middleware changes the path that chi matches, but not the URL
		rewrites bool
	}{
		{option: "plain"},
		{option: "mounted", mounted: true},
		{option: "mounted, guards in the mounted routers", mounted: true, inner: true, noTable: true},
		{option: "StripSlashes, guards in the mounted routers", mounted: true, inner: true, noTable: true, use: []func(http.Handler) http.Handler{middleware.StripSlashes}},
		{option: "GetHead", use: []func(http.Handler) http.Handler{middleware.GetHead}},
		{option: "StripSlashes", use: []func(http.Handler) http.Handler{middleware.StripSlashes}, noTable: true},
		{option: "URLFormat", use: []func(http.Handler) http.Handler{middleware.URLFormat}, noTable: true, rewrites: true},
		{option: "CleanPath", use: []func(http.Handler) http.Handler{middleware.CleanPath}, noTable: true},
		{option: "PathRewrite", use: []func(http.Handler) http.Handler{middleware.PathRewrite("/users", "/items"), middleware.PathRewrite("/files", "/admin")}, rewrites: true},
		{option: "all", use: []func(http.Handler) http.Handler{middleware.CleanPath, middleware.StripSlashes, middleware.URLFormat, middleware.GetHead}, mounted: true, noTable: true, rewrites: true},
	} {
		for _, guard := range []string{enforce, enforceRoutes, require} {
			if guard == enforce && o.inner {
				continue
			}
			s, shadowed := newSite(t, api()), ""
			if guard == enforce {
				s = newSite(t, without(digitsOnly))
			}
			if o.mounted {
				shadowed = "/admin" // the mounted router serves this path
			}
			list = append(list, config{shadowed: shadowed, router: "chi", option: o.option, guard: guard, routes: s.routes, handler: s.chi(chiLayout{guard: guard, mounted: o.mounted, inner: o.inner}, o.use...), rewrites: o.rewrites, unfit: guard == enforce && o.noTable})
		}
	}
	return list
}

// A chiLayout describes where the routes and the guards of the API are.
type chiLayout struct {
	guard          string
	mounted, inner bool // some routes are in mounted routers; these routers have the guard
}

// chi returns the API as a chi router.
func (s *site) chi(l chiLayout, use ...func(http.Handler) http.Handler) http.Handler {
	router, admin, reports := chi.NewRouter(), chi.NewRouter(), chi.NewRouter()
	router.Use(use...)
	switch {
	case l.guard == enforce:
		router.Use(s.enforce())
	case l.guard == enforceRoutes && l.inner:
		guard := chibearer.EnforceRoutes(s.guard, s.rules(chiName))
		admin.Use(guard)
		reports.Use(guard)
	case l.guard == enforceRoutes:
		router.Use(noting(chiMatch), chibearer.EnforceRoutes(s.guard, s.rules(chiName)))
	}
	// A route for all methods replaces the routes that chi has for the same path, so it stands
	// before them.
	ordered := slices.Clone(s.routes)
	slices.SortStableFunc(ordered, func(a, b route) int { return cmp.Compare(min(len(a.method), 1), min(len(b.method), 1)) })
	for _, r := range ordered {
		h := s.handler(r)
		on, name := chi.Router(router), chiName(r)
		if l.guard == require || l.inner && !strings.HasPrefix(name, "/admin/") && !strings.HasPrefix(name, "/reports/") {
			h = s.required(r)
		}
		if l.mounted {
			switch {
			case name == "/admin":
				continue
			case strings.HasPrefix(name, "/admin/"):
				on, name = admin, strings.TrimPrefix(name, "/admin")
			case strings.HasPrefix(name, "/reports/"):
				on, name = reports, strings.TrimPrefix(name, "/reports")
			}
		}
		if r.method == "" {
			on.Handle(name, h)
		} else {
			on.Method(r.method, name, h)
		}
	}
	if l.mounted {
		router.Route("/admin", func(sub chi.Router) { sub.Mount("/", admin) })
		router.Mount("/reports", reports)
	}
	return router
}

// chiName translates a path into the syntax of chi.
func chiName(r route) string {
	name := strings.NewReplacer("/{$}", "/", "{path...}", "*").Replace(r.path)
	if r.digits {
		name = strings.Replace(name, "{number}", "{number:[0-9]+}", 1)
	}
	return name
}

// chiMatch returns the pattern that chi will choose. It is a second opinion, which package
// chibearer does not use.
func chiMatch(r *http.Request) string {
	rctx := chi.RouteContext(r.Context())
	path, method := rctx.RoutePath, rctx.RouteMethod
	if path == "" {
		if path = r.URL.RawPath; path == "" {
			path = r.URL.Path
		}
		if path == "" {
			path = "/"
		}
	}
	if method == "" {
		method = r.Method
	}
	return rctx.Routes.Find(chi.NewRouteContext(), method, path)
}
