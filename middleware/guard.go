package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/declare"
	"github.com/bearerkit/bearer/internal/refusal"
	"github.com/bearerkit/bearer/scopes"
)

// Guard lets requests through to handlers, or does not. It is safe for
// concurrent use and keeps nothing of a request.
type Guard struct {
	verifier   bearer.Verifier
	opts       Options
	challenges refusal.Challenges
	resource   *resource // nil: none
	headers    []header
	rules      registry
}

// Require returns middleware for one route: requests that do not meet the rule are
// refused. The handlers it makes have a method Rule() scopes.Rule, for walks over the
// routes of a router.
//
// What cannot work is refused where it is declared: Require panics if the rule is wrong
// ([scopes.Rule.Err]), and the middleware panics if it gets a nil handler. The message
// names the line of the caller. The zero Rule is not wrong: it denies every request.
func (g *Guard) Require(rule scopes.Rule) func(http.Handler) http.Handler {
	return g.RequireAt("", rule)
}

// RequireAt is [Guard.Require] for a route whose pattern is known, in whatever
// syntax: [Guard.Routes] names it. It is for routers that [Guard.Handle] does not
// fit.
func (g *Guard) RequireAt(pattern string, rule scopes.Rule) func(http.Handler) http.Handler {
	route := Route{Pattern: pattern, Rule: rule}
	g.mustWork(route)
	g.rules.add(route)
	return func(next http.Handler) http.Handler {
		declare.NotNil(transport, pattern, "handler", next)
		return &required{g, route, next}
	}
}

// Enforce returns middleware for a whole mux: each request is judged by the rule
// of its route in t. A route without a rule is denied, and so is every route
// where t is nil. The table may be around any router: it matches by itself.
// Whatever changes the method, the host or the path of requests for the router
// goes in front of the guard. The middleware panics if it gets a nil handler.
func (g *Guard) Enforce(t *scopes.Table) func(http.Handler) http.Handler {
	declare.NotNil(transport, enforcedRoutes, "guard", g)
	g.rules.addTable(t)
	return func(next http.Handler) http.Handler {
		declare.NotNil(transport, enforcedRoutes, "handler", next)
		return &enforced{g, t, next}
	}
}

// enforcedRoutes stands for the routes of a table in messages.
const enforcedRoutes = "a table of routes"

type required struct {
	guard *Guard
	route Route
	next  http.Handler
}

// Rule returns the rule.
func (h *required) Rule() scopes.Rule { return h.route.Rule }

// ServeHTTP serves requests that meet the rule.
func (h *required) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pattern := r.Pattern
	if pattern == "" {
		pattern = h.route.Pattern
	}
	h.guard.serve(w, r, h.next, h.route.Rule, pattern)
}

type enforced struct {
	guard *Guard
	table *scopes.Table
	next  http.Handler
}

// ServeHTTP serves requests that meet the rule of their route.
func (h *enforced) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rule, pattern := h.guard.find(h.table, r)
	h.guard.serve(w, r, h.next, rule, pattern)
}

func (g *Guard) serve(w http.ResponseWriter, r *http.Request, next http.Handler, rule scopes.Rule, route string) {
	allowed, err := g.check(r, rule, route)
	if err != nil {
		g.Deny(w, r, err)
		return
	}
	if allowed != r {
		// Deferred, so that middleware that recovers a panic can log the route.
		defer copyPatternBack(r, allowed)
	}
	next.ServeHTTP(w, allowed)
}

// copyPatternBack copies Pattern and path values, which a mux behind the guard wrote into
// the guard's copy, to the outer request, for logging in front of the guard.
func copyPatternBack(r, served *http.Request) {
	if served.Pattern != r.Pattern {
		ctx, header := r.Context(), r.Header
		*r = *served.WithContext(ctx)
		r.Header = header
	}
	// The server removes the files of a form that its own request knows.
	if served.MultipartForm != r.MultipartForm {
		r.MultipartForm = served.MultipartForm
	}
}

// Check decides on a request and writes nothing. It returns the request with the
// caller's claims in its context (or r itself, where the rule is public), or an
// error for Deny. The error holds a *[bearer.Error]; of a rule that is wrong its reason is
// [bearer.Internal].
func (g *Guard) Check(r *http.Request, rule scopes.Rule) (*http.Request, error) {
	return g.check(r, rule, r.Pattern)
}

func (g *Guard) check(r *http.Request, rule scopes.Rule, route string) (*http.Request, error) {
	if !scopes.CleanPath(r.URL) {
		rule = unclean
	} else if rule.IsPublic() || g.isPreflight(r) && rule.Err() == nil {
		return g.prepare(r, r.Context())
	}
	ctx, err := bearer.Decide(r.Context(), g.verifier, bearer.Request{
		Transport:     "http",
		Route:         route,
		Authorization: authorization(r.Header),
		Rule:          rule,
		Observer:      g.opts.Observer,
	})
	if err != nil {
		return nil, g.advise(err, rule)
	}
	return g.prepare(r, ctx)
}

// unclean is the rule of every path that is not clean. It lets nobody in, and tells
// observers why.
var unclean = scopes.Func("clean path", func(context.Context) error {
	return errors.New("the path has an empty element, dots, a backslash, NUL or a bare #, in one of its spellings")
})

// authorization returns the values of all Authorization fields. Servers spell the
// name as the map does; what builds requests on its own, as adapters of other
// servers do, may keep the lower case of HTTP/2, and two fields are two fields.
func authorization(h http.Header) []string {
	values := h["Authorization"]
	if more := h["authorization"]; len(more) > 0 { //nolint:staticcheck // SA1008 knows canonical names only
		values = append(values[:len(values):len(values)], more...)
	}
	return values
}

// advise adds the scopes of the rule to a refusal for want of a good token, so
// that a client that finds its way by our metadata knows what to ask for.
func (g *Guard) advise(err error, rule scopes.Rule) error {
	if g.opts.ResourceMetadata == "" {
		return err
	}
	refused, ok := errors.AsType[*bearer.Error](err)
	if !ok || refusal.Of(refused).Status != http.StatusUnauthorized {
		return err
	}
	advised := *refused
	advised.Missing = rule.Scopes()
	return &advised
}

// prepare returns r as the handler gets it.
func (g *Guard) prepare(r *http.Request, ctx context.Context) (prepared *http.Request, err error) { //nolint:revive // the context is that of the request to make
	defer func() {
		// A hook's panic ends this request only, and never as a pass.
		if p := recover(); p != nil {
			prepared, err = nil, &bearer.Error{Reason: bearer.Internal, Err: fmt.Errorf("panic: %v", p)}
		}
	}()
	header := g.forwarded(r.Header, ctx)
	if header == nil && ctx == r.Context() {
		return r, nil
	}
	prepared = r.WithContext(ctx)
	if header != nil {
		prepared.Header = header
	}
	return prepared, nil
}
