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

// ruleFor returns the rule and the pattern of the request's route. A preflight request has
// the route of the request that it announces.
func (g *Guard) ruleFor(t *scopes.Table, r *http.Request) (scopes.Rule, string) {
	if g.isPreflight(r) {
		announced := *r
		announced.Method = r.Header["Access-Control-Request-Method"][0]
		return t.Rule(&announced)
	}
	return t.Rule(r)
}
