package chibearer

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/go-chi/chi/v5"
)

// found is the context of a request after the guard. It contains the route whose rule the
// guard checks, and makes sure that chi serves this route.
//
// The request has a chi context of its own. chi uses its contexts again after a request, but
// the request can run on, for example behind [http.TimeoutHandler].
//
// Middleware after the guard can change RoutePath and RouteMethod of chi's context. To
// find the route, chi first reads its context with Value, and then reads RoutePath and
// RouteMethod. So Value restores both fields until chi has found the route. Then Value puts
// back the RoutePath that was there before the guard, because a mux behind [http.StripPrefix]
// uses RoutePath if it is set.
type found struct {
	context.Context              //nolint:containedctx // this is a context
	rctx            *chi.Context // of this request only
	method          string       // of the request
	route           string       // the method that chi uses
	pattern         string
	prefix          string // the pattern of the router in which the guard is
	level           *tree  // the router in which the guard is; nil if unknown
	path            string // the path that this router gets
	levels          []level
	depth           int    // the number of patterns in chi's context before the first level
	before          string // RoutePath of chi's context before the guard
	restored        sync.Once
}

// Value restores the path and the method of chi's context, as long as chi has not found the
// route.
func (f *found) Value(key any) any {
	if key == chi.RouteCtxKey && f.rctx != nil {
		switch i := len(f.rctx.RoutePatterns) - f.depth; {
		case len(f.levels) == 0:
		case i >= 0 && i < len(f.levels):
			f.rctx.RoutePath, f.rctx.RouteMethod = f.levels[i].path, f.route
		case len(f.levels) == 1:
			f.restored.Do(func() {
				if f.rctx.RoutePath == f.path {
					f.rctx.RoutePath = f.before
				}
			})
		}
		return f.rctx
	}
	return f.Context.Value(key)
}

// private returns a copy of chi's context that only this request uses. It returns nil if
// there is no context. The result ok is false if the time limit of the request was over
// before the copy was complete, because chi can then have given its context to another
// request. A client that closes its connection changes nothing if there is no limit.
func private(ctx context.Context, rctx *chi.Context) (_ *chi.Context, ok bool) {
	if rctx == nil {
		return nil, true
	}
	if _, limited := ctx.Deadline(); !limited {
		return rctx.Clone(), true
	}
	if ctx.Err() != nil {
		return nil, false
	}
	own := rctx.Clone()
	// The end of ctx and stop lock the same mutex, so the copy is complete before the end.
	stop := context.AfterFunc(ctx, func() {})
	return own, stop()
}

// locate finds the guard among the routers, and the route that chi will choose.
func (f *found) locate(self *enforcer, root *tree, rctx *chi.Context, r *http.Request) {
	f.rctx = rctx
	f.route = rctx.RouteMethod
	if f.route == "" {
		f.route = r.Method
	}
	if f.route != r.Method && (f.route != http.MethodGet || r.Method != http.MethodHead) {
		return // the rule of a method that other middleware has set is unknown
	}
	patterns := rctx.RoutePatterns
	if t, prefix := root.descend(patterns, f.route); t != nil && slices.Contains(t.guards.lists, self) {
		f.start(t, prefix, routePath(rctx, r), len(patterns))
		return
	}
	if len(patterns) == 0 {
		return
	}
	// The guard is in With or Group, so chi has already found the route in this router.
	last := len(patterns) - 1
	t, prefix := root.descend(patterns[:last], f.route)
	if t == nil {
		return
	}
	e := t.entries[patterns[last]]
	switch {
	case e == nil:
	case e.handlers[f.route] != nil:
		if slices.Contains(guardsIn(inline(e.handlers[f.route])).lists, self) && (e.sub == nil || e.mount != patterns[last]) {
			f.level, f.pattern = t, join(prefix, patterns[last])
			f.prefix, f.path = prefix, routePath(rctx, r)
		}
	case e.sub != nil && slices.Contains(e.guards.lists, self):
		path := "/"
		if n := len(rctx.URLParams.Keys) - 1; patterns[last] == e.mount && n >= 0 && rctx.URLParams.Keys[n] == "*" {
			path += rctx.URLParams.Values[n]
		}
		f.start(e.sub, join(prefix, e.mount), path, len(patterns))
	}
}

// start finds the route from router t on.
func (f *found) start(t *tree, prefix, path string, depth int) {
	pattern, levels := t.walk(f.route, path)
	f.level, f.prefix, f.path = t, prefix, path
	f.pattern, f.levels, f.depth = join(prefix, pattern), levels, depth
	f.before = f.rctx.RoutePath
}

// descend returns the mounted router that the patterns lead to, and its pattern. It returns
// nil if a pattern is not the pattern of a mounted router.
func (t *tree) descend(patterns []string, method string) (_ *tree, prefix string) {
	for _, pattern := range patterns {
		e := t.entries[pattern]
		if e == nil || e.sub == nil || e.handlers[method] != nil {
			return nil, ""
		}
		prefix = join(prefix, e.mount)
		t = e.sub
	}
	return t, prefix
}

// routePath returns the path that chi uses to find the route.
func routePath(rctx *chi.Context, r *http.Request) string {
	switch {
	case rctx.RoutePath != "":
		return rctx.RoutePath
	case r.URL.RawPath != "":
		return r.URL.RawPath
	case r.URL.Path != "":
		return r.URL.Path
	}
	return "/"
}
