package middleware

import (
	"net/http"

	"github.com/bearerkit/bearer/scopes"
)

// isPreflight reports whether r is a CORS preflight request and Options.AllowPreflight is
// set. Browsers send preflight requests without credentials and without a body ([Fetch],
// section 4.8).
//
// [Fetch]: https://fetch.spec.whatwg.org/#cors-preflight-fetch
func (g *Guard) isPreflight(r *http.Request) bool {
	return g.opts.AllowPreflight && r.Method == http.MethodOptions && r.ContentLength == 0 &&
		len(r.Header["Origin"]) == 1 && len(r.Header["Access-Control-Request-Method"]) == 1 &&
		len(authorization(r.Header)) == 0
}

// ruleFor returns the rule and the pattern of the request's route.
func (g *Guard) ruleFor(t *scopes.Table, r *http.Request) (scopes.Rule, string) {
	return t.Rule(g.announced(r))
}

// announced returns the request that decides about the rule. A preflight request has the
// rule of the request that it announces.
func (g *Guard) announced(r *http.Request) *http.Request {
	if !g.isPreflight(r) {
		return r
	}
	announced := *r
	announced.Method = r.Header["Access-Control-Request-Method"][0]
	return &announced
}
