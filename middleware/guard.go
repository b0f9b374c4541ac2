package middleware

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/guard"
	"github.com/bearerkit/bearer/scopes"
)

// Options is what a Guard may be told. The zero Options, and nil, are the strict
// choice.
type Options struct {
	// Realm is the realm of challenges (RFC 9110, section 11.5): printable
	// ASCII without quotes. Empty: "api", unless there is a ResourceMetadata.
	Realm string
	// ResourceMetadata is the absolute URL of the protected resource's metadata
	// (RFC 9728, section 5.1) for challenges. Empty: none.
	ResourceMetadata string
}

// Guard lets requests through to handlers, or does not. It is safe for
// concurrent use and keeps nothing of a request.
type Guard struct {
	verifier   bearer.Verifier
	challenges guard.Writer
}

// New returns a Guard that asks v. The error reports all that is wrong at once.
func New(v bearer.Verifier, opts *Options) (*Guard, error) {
	if opts == nil {
		opts = &Options{}
	}
	params := guard.Params{Realm: opts.Realm, ResourceMetadata: opts.ResourceMetadata}
	errs := params.Check()
	if guard.IsNil(v) {
		errs = append(errs, errors.New("verifier: nil"))
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("middleware: %w", errors.Join(errs...))
	}
	return &Guard{verifier: v, challenges: guard.New(params)}, nil
}

// Require returns middleware for one route: requests that do not meet the rule
// are refused. A rule that cannot work ([scopes.Rule.Err]) refuses them all, with
// status 500.
func (g *Guard) Require(rule scopes.Rule) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			g.serve(w, r, next, rule, r.Pattern)
		})
	}
}

// Enforce returns middleware for a whole mux: each request is judged by the rule
// of its route in t. A route without a rule is denied, and so is every route
// where t is nil. The table may be around any router: it matches by itself.
func (g *Guard) Enforce(t *scopes.Table) func(http.Handler) http.Handler {
	if t == nil {
		t = new(scopes.Table)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rule, pattern := t.Rule(r)
			g.serve(w, r, next, rule, pattern)
		})
	}
}

func (g *Guard) serve(w http.ResponseWriter, r *http.Request, next http.Handler, rule scopes.Rule, route string) {
	allowed, err := g.check(r, rule, route)
	if err != nil {
		g.Deny(w, r, err)
		return
	}
	next.ServeHTTP(w, allowed)
	// What the mux behind wrote into our copy is there for those in front, as
	// it would be without us.
	r.Pattern = allowed.Pattern
}

// Check decides on a request and writes nothing. It returns the request with the
// caller's claims in its context (or r itself, where the rule is public), or an
// error for Deny. The error is a *[bearer.Error].
func (g *Guard) Check(r *http.Request, rule scopes.Rule) (*http.Request, error) {
	return g.check(r, rule, r.Pattern)
}

func (g *Guard) check(r *http.Request, rule scopes.Rule, route string) (*http.Request, error) {
	if rule.IsPublic() {
		return r, nil
	}
	ctx, err := bearer.Decide(r.Context(), g.verifier, bearer.Request{
		Transport:     "http",
		Route:         route,
		Authorization: r.Header["Authorization"],
		Rule:          rule,
	})
	if err != nil {
		return nil, err
	}
	return r.WithContext(ctx), nil
}
