package middleware

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/declare"
	"github.com/bearerkit/bearer/internal/probe"
	"github.com/bearerkit/bearer/internal/refusal"
	"github.com/bearerkit/bearer/scopes"
)

// Guard passes requests to handlers or refuses the requests. [New] returns a Guard. The
// zero Guard has no verifier and accepts no token. A Guard is safe for concurrent use and
// keeps no data of a request.
type Guard struct {
	verifier   bearer.Verifier
	opts       Options
	challenges refusal.Challenges
	resource   *resource // nil if Options.Resource is empty
	headers    []header
	rules      registry
	ignored    minuteLog // of fields that ForwardAuth ignores
	unpassed   minuteLog // of WebSocket handshakes that Proxy does not pass
}

// Require returns middleware for one route. The middleware refuses requests that do not
// meet the rule. With the zero Rule, the middleware denies every request. Each handler that
// the middleware returns has a method Rule() scopes.Rule. A program can use this method to
// list the handlers of a router with their rules.
//
// Require works with every router that accepts net/http handlers, because the router has
// chosen the route when the middleware runs.
//
// Require panics if the rule has a mistake in it ([scopes.Rule.Err]). The zero Rule does
// not count as a mistake here. The middleware panics if it gets a nil handler. The panic
// message contains the source line of the declaration.
func (g *Guard) Require(rule scopes.Rule) func(http.Handler) http.Handler {
	return g.RequireAt("", rule)
}

// RequireAt does what [Guard.Require] does. In addition, RequireAt records the pattern of
// the route for [Guard.Routes]. The pattern has the syntax of your router. If the router
// does not set the request's Pattern, observers receive the pattern of RequireAt as the
// route. Some routers, such as chi, set a Pattern without a method. If the pattern of RequireAt has
// the method of the request, observers receive this method in front of the router's Pattern. Use RequireAt with routers that [Guard.Handle] does not support. If the pattern
// begins with a method in lower case, RequireAt panics.
func (g *Guard) RequireAt(pattern string, rule scopes.Rule) func(http.Handler) http.Handler {
	route := Route{Pattern: pattern, Rule: rule}
	g.mustBeValid(route)
	g.rules.add(route)
	return (&requirement{g, route}).wrap
}

type requirement struct {
	guard *Guard
	route Route
}

// wrap is the middleware of Require. Package chibearer recognizes the function by its
// address, so it must not be a closure, which the compiler may copy.
func (r *requirement) wrap(next http.Handler) http.Handler {
	declare.NotNil(transport, r.route.Pattern, "handler", next)
	return &required{r.guard, r.route, next}
}

// Enforce returns middleware for a whole mux. The middleware checks each request against
// the rule of its route in t. The middleware denies requests for routes without a rule. If
// t is nil, it denies every request.
//
// The table finds the route itself, with the rules of [http.ServeMux]. Use Enforce only in
// front of an http.ServeMux, or of a router that chooses the same route for each path that
// the table accepts. For other routers, use [Guard.EnforceRoutes] or [Guard.Require]. Other
// middleware that changes the method, host or path of requests must run before the guard.
//
// Enforce panics if the guard is nil. The returned middleware panics if it gets a nil
// handler.
func (g *Guard) Enforce(t *scopes.Table) func(http.Handler) http.Handler {
	declare.NotNil(transport, "Enforce", "guard", g)
	g.rules.addTable(t)
	hosts := sync.OnceValue(func() bool { return hasHosts(t) }) // called at the first request without a rule
	return func(next http.Handler) http.Handler {
		declare.NotNil(transport, "Enforce", "handler", next)
		return &enforced{g, t, hosts, next}
	}
}

// EnforceRoutes returns middleware that checks each request against the rule of its route in
// rules. The function match returns the pattern of the route that the router has chosen for
// the request, or "" if there is no route. The middleware denies requests without a route,
// and requests for routes without a rule. Because the router itself chooses the route, the
// rule is always the rule of the handler that serves the request. The function match must
// be safe for concurrent use. Its result must not depend on the fields of Options.Headers,
// or on Authorization if Options.RemoveAuthorization is set, because the guard changes these
// fields before the router chooses the route.
//
// For chi, gin and echo, use the functions EnforceRoutes of the modules chibearer,
// ginbearer, echov4bearer and echov5bearer. For an [http.ServeMux], the guard is around the
// mux. The keys of the rules are then the patterns of the mux:
//
//	match := func(r *http.Request) string { _, pattern := mux.Handler(r); return pattern }
//	handler := guard.EnforceRoutes(rules, match)(mux)
//
// The router must choose the same route for the request that it gets from the guard. So
// other middleware that changes the method, host or path of requests must run before the
// guard. With GODEBUG=httpmuxgo121=1, do not use EnforceRoutes with an [http.ServeMux],
// because such a mux ignores the methods in patterns.
//
// If Options.AllowPreflight is set, match gets a preflight request twice: with the method
// that it announces, and with the method OPTIONS. If the router has a different route for
// OPTIONS, this route must have a rule too. A router that has already chosen the route for
// OPTIONS cannot find the route of the announced method. Then the guard must be in front of
// the router, as in the example for gorilla/mux in examples/routers.
//
// EnforceRoutes panics if the rules have a mistake in them ([scopes.Routes.Err]), or if
// match is nil. The returned middleware panics if it gets a nil handler.
func (g *Guard) EnforceRoutes(rules scopes.Routes, match func(*http.Request) (pattern string)) func(http.Handler) http.Handler {
	declare.NotNil(transport, "EnforceRoutes", "guard", g)
	declare.NotNil(transport, "EnforceRoutes", "function match", match)
	if err := rules.Err(); err != nil {
		panic(scopes.Invalid(fmt.Errorf("middleware: EnforceRoutes: %w", err)).Err()) //nolint:forbidigo // Handle panics too; Invalid adds the source line
	}
	g.rules.addRoutes(rules)
	hosts := slices.ContainsFunc(slices.Collect(maps.Keys(rules)), hasHost)
	return func(next http.Handler) http.Handler {
		declare.NotNil(transport, "EnforceRoutes", "handler", next)
		return &matched{g, rules, hosts, match, next}
	}
}

type required struct {
	guard *Guard
	route Route
	next  http.Handler
}

// Rule returns the rule of the route.
func (h *required) Rule() scopes.Rule { return h.route.Rule }

// ServeHTTP calls the handler if the request meets the rule. Otherwise it refuses the
// request.
func (h *required) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.guard.serve(w, r, h.next, h.route.Rule, routeName(r, h.route.Pattern), declaredWithout)
}

type enforced struct {
	guard *Guard
	table *scopes.Table
	hosts func() bool // a pattern contains a host
	next  http.Handler
}

// ServeHTTP calls the handler if the request meets the rule of the route. Otherwise it
// refuses the request.
func (h *enforced) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rule, pattern := h.guard.ruleFor(h.table, r)
	cause := ""
	if rule.IsZero() {
		cause = h.guard.noRule(r, rule, noPattern, h.hosts())
	}
	h.guard.serve(w, r, h.next, rule, pattern, cause)
}

type matched struct {
	guard *Guard
	rules scopes.Routes
	hosts bool // a key contains a host
	match func(*http.Request) (pattern string)
	next  http.Handler
}

// ServeHTTP calls the handler if the request meets the rule of the route. Otherwise it
// refuses the request.
func (h *matched) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := h.guard.announced(r)
	pattern := h.match(asked)
	rule, name := h.rules.Rule(asked.Method, pattern)
	if asked != r {
		// The router serves a preflight request by the route of OPTIONS. If this is a
		// different route than the announced one, it must have a rule too.
		if served := h.match(r); served != "" && served != pattern {
			if own, _ := h.rules.Rule(r.Method, served); own.IsZero() {
				rule, name, asked, pattern = own, "", r, served
			}
		}
	}
	cause := ""
	if rule.IsZero() {
		cause = noRoute
		if pattern != "" {
			cause = noKey(asked.Method, pattern)
		}
		cause = h.guard.noRule(r, rule, cause, h.hosts)
	}
	h.guard.serve(w, r, h.next, rule, name, cause)
}

func (g *Guard) serve(w http.ResponseWriter, r *http.Request, next http.Handler, rule scopes.Rule, route, noRule string) {
	allowed, err := g.check(r, rule, route, noRule)
	if err != nil {
		g.Deny(w, r, err)
		return
	}
	g.setNonce(w.Header(), allowed)
	if allowed != r {
		// The deferred call runs even if the handler panics, so middleware that recovers
		// the panic can log the route.
		defer copyPatternBack(r, allowed)
	}
	next.ServeHTTP(w, allowed)
}

// copyPatternBack copies Pattern and path values from the served request to the outer
// request. The served request is the guard's copy of the outer request. A mux after the
// guard sets Pattern and path values only in this copy, but middleware before the guard
// logs the values in the outer request.
func copyPatternBack(outer, served *http.Request) {
	if served.Pattern != outer.Pattern {
		ctx, header := outer.Context(), outer.Header
		*outer = *served.WithContext(ctx)
		outer.Header = header
	}
	// The server deletes the temporary files of a form only if the outer request contains
	// the form.
	if served.MultipartForm != outer.MultipartForm {
		outer.MultipartForm = served.MultipartForm
	}
}

// Check decides whether a request may pass, and writes no response. If the request may
// pass, Check returns the request for the handler. The context of the returned request
// contains the caller's claims. With a public rule, Check adds no claims.
//
// If the request is refused, Check returns an error for [Guard.Deny]. The error contains a
// *[bearer.Error]. If the rule has a mistake in it, Check refuses even requests with a
// valid token. In this case, the reason is [bearer.Internal].
func (g *Guard) Check(r *http.Request, rule scopes.Rule) (*http.Request, error) {
	return g.check(r, rule, r.Pattern, g.noRule(r, rule, noneGiven, false))
}

// The method check decides whether a request may pass. A request with a mistake has no rule.
// If rule is the zero Rule, noRule is the cause for bearer.Request.NoRule.
func (g *Guard) check(r *http.Request, rule scopes.Rule, route, noRule string) (*http.Request, error) {
	switch {
	case rule.IsZero():
	case g.mistake(r) != "":
		rule = scopes.Rule{}
		noRule = g.noRule(r, rule, "", false)
	case rule.IsPublic() || g.isPreflight(r) && rule.Err() == nil:
		probe.Allowed(r.Context())
		return g.prepare(r, r.Context(), route)
	}
	ctx, err := bearer.Decide(r.Context(), g.verifier, bearer.Request{
		Transport:     "http",
		Route:         route,
		Authorization: fieldValues(r.Header, "Authorization", "authorization"),
		Method:        r.Method,
		Scheme:        targetScheme(r),
		Host:          r.Host,
		Path:          targetPath(r),
		Proofs:        fieldValues(r.Header, "Dpop", "dpop"),
		Rule:          rule,
		NoRule:        noRule,
		Observer:      g.opts.Observer,
	})
	if err != nil {
		return nil, g.advise(err, rule)
	}
	if rule.IsOptional() {
		if _, ok := bearer.FromContext(ctx); !ok {
			probe.Allowed(ctx)
		}
	}
	return g.prepare(r, ctx, route)
}

// advise adds the scopes that the rule requires of a client without scopes to the error of a
// 401 if the guard's challenges contain a metadata URL. The client can then request a token
// with these scopes. If the rule has alternatives, the scopes are from one of them; see
// [scopes.Rule.Required].
func (g *Guard) advise(err error, rule scopes.Rule) error {
	if g.opts.ResourceMetadata == "" {
		return err
	}
	refused, ok := errors.AsType[*bearer.Error](err)
	if !ok || refusal.Of(refused).Status != http.StatusUnauthorized {
		return err
	}
	advised := *refused
	advised.Required = rule.Required(scopes.Set{})
	return &advised
}

// prepare returns the request for the handler.
func (g *Guard) prepare(r *http.Request, ctx context.Context, route string) (prepared *http.Request, err error) { //nolint:revive // ctx is the context of the returned request
	defer func() {
		// If a function of Options.Headers panics, the request is refused.
		if p := recover(); p != nil {
			prepared, err = nil, &bearer.Error{Reason: bearer.Internal, Err: fmt.Errorf("panic: %v", p)}
		}
	}()
	header := g.forwarded(r.Header, ctx)
	ctx = g.withRoute(r, ctx, route)
	if header == nil && ctx == r.Context() {
		return r, nil
	}
	prepared = r.WithContext(ctx)
	if header != nil {
		prepared.Header = header
	}
	return prepared, nil
}
