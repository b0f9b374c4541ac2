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

// Guard lets requests through to handlers or refuses them. It is safe for concurrent use
// and keeps no data of a request.
type Guard struct {
	verifier   bearer.Verifier
	opts       Options
	challenges refusal.Challenges
	resource   *resource // nil if Options.Resource is empty
	headers    []header
	rules      registry
}

// Require returns middleware for one route, which refuses requests that do not meet the
// rule. The handlers that it returns have a method Rule() scopes.Rule, so that a program
// that lists the routes of a router can read their rules.
//
// Mistakes panic where they are declared: Require panics if the rule is invalid
// ([scopes.Rule.Err]), and the middleware panics if its handler is nil. The message
// contains the source line of the declaration. The zero Rule does not panic; it denies
// every request.
func (g *Guard) Require(rule scopes.Rule) func(http.Handler) http.Handler {
	return g.RequireAt("", rule)
}

// RequireAt is [Guard.Require] for a route with a known pattern, in the syntax of any
// router. [Guard.Routes] lists the pattern, and observers get it if the router sets no
// Pattern of the request. Use RequireAt with routers that [Guard.Handle] does not support.
func (g *Guard) RequireAt(pattern string, rule scopes.Rule) func(http.Handler) http.Handler {
	route := Route{Pattern: pattern, Rule: rule}
	g.mustBeValid(route)
	g.rules.add(route)
	return func(next http.Handler) http.Handler {
		declare.NotNil(transport, pattern, "handler", next)
		return &required{g, route, next}
	}
}

// Enforce returns middleware for a whole mux. It checks each request against the rule of
// its route in t. Routes without a rule are denied; if t is nil, all routes are. The table
// matches requests itself, so Enforce works with any router. Middleware that changes the
// method, host or path of requests must run before the guard. The middleware panics if its
// handler is nil.
func (g *Guard) Enforce(t *scopes.Table) func(http.Handler) http.Handler {
	declare.NotNil(transport, enforcedRoutes, "guard", g)
	g.rules.addTable(t)
	return func(next http.Handler) http.Handler {
		declare.NotNil(transport, enforcedRoutes, "handler", next)
		return &enforced{g, t, next}
	}
}

// enforcedRoutes names the routes of a table in panic messages.
const enforcedRoutes = "a table of routes"

type required struct {
	guard *Guard
	route Route
	next  http.Handler
}

// Rule returns the rule of the route.
func (h *required) Rule() scopes.Rule { return h.route.Rule }

// ServeHTTP calls the handler if the request meets the rule, and refuses it otherwise.
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

// ServeHTTP calls the handler if the request meets the rule of its route, and refuses it
// otherwise.
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
		// Deferred, so that middleware that recovers a panic of the handler can log the
		// route.
		defer copyPatternBack(r, allowed)
	}
	next.ServeHTTP(w, allowed)
}

// copyPatternBack copies Pattern and path values, which a mux after the guard wrote into
// the guard's copy of the request, to the outer request. Middleware before the guard can
// then log them.
func copyPatternBack(r, served *http.Request) {
	if served.Pattern != r.Pattern {
		ctx, header := r.Context(), r.Header
		*r = *served.WithContext(ctx)
		r.Header = header
	}
	// The server deletes the temporary files of a form only if its own request has the
	// form.
	if served.MultipartForm != r.MultipartForm {
		r.MultipartForm = served.MultipartForm
	}
}

// Check decides whether a request may pass, and writes nothing. It returns the request for
// the handler, with the caller's claims in its context, or an error for [Guard.Deny]. With
// a public rule, the context contains no claims. The error contains a *[bearer.Error]; if
// the rule is invalid, its Reason is [bearer.Internal].
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

// unclean is the rule for every path that is not clean. It denies all requests, and its
// error tells observers the reason.
var unclean = scopes.Func("clean path", func(context.Context) error {
	return errors.New("the path contains an empty or dot element, a backslash, NUL or an unescaped #, before or after decoding")
})

// authorization returns the values of all Authorization fields. net/http's server writes
// the name in canonical form. Adapters of other servers may keep the lower case of HTTP/2,
// and a request with a field in each form must count as one with two fields.
func authorization(h http.Header) []string {
	values := h["Authorization"]
	if more := h["authorization"]; len(more) > 0 { //nolint:staticcheck // SA1008 expects canonical names
		values = append(values[:len(values):len(values)], more...)
	}
	return values
}

// advise adds the scopes of the rule to a 401, so that a client that follows the metadata
// knows which scopes to request.
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

// prepare returns the request that the handler gets.
func (g *Guard) prepare(r *http.Request, ctx context.Context) (prepared *http.Request, err error) { //nolint:revive // ctx is the context of the returned request
	defer func() {
		// A panic in a function of Options.Headers refuses the request.
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
