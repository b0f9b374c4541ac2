package middleware

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/scopes"
)

// These texts are causes for bearer.Request.NoRule.
const (
	// The function noRule adds the method and the path to these texts.
	noPattern = "no pattern of the table matches"
	noSame    = "no pattern of the table matches every form of" // for paths with several forms; see scopes.Table.Rule
	noRoute   = "the router found no route with a rule for"
	noneGiven = "no rule is declared for"
	// This text is complete.
	declaredWithout = "the route is declared without a rule"
)

// noRule returns the cause for bearer.Request.NoRule, with the method and the path of the
// request. If the request itself has no mistake, the cause is otherwise. If there is a rule,
// noRule returns "".
func (g *Guard) noRule(r *http.Request, rule scopes.Rule, otherwise string) string {
	if !rule.IsZero() {
		return ""
	}
	cause := g.mistake(r)
	if cause == "" {
		cause = otherwise
		if u := r.URL; cause == noPattern && (u.RawPath != "" || strings.ContainsAny(u.Path, "%;?#")) {
			cause = noSame
		}
	}
	return cause + " " + target(g.announced(r))
}

// mistake describes why no rule applies to the request, whatever its route is. It returns ""
// if the request has no such mistake. A request with a mistake is refused on public routes
// too, because a handler can read it as a request for a different route.
func (g *Guard) mistake(r *http.Request) string {
	if !scopes.CleanPath(r.URL) {
		return "the path, or the decoded path, is not clean; see scopes.CleanPath:"
	}
	// Methods are case-sensitive, and all registered methods are in upper case (RFC 9110,
	// section 9.1 and section 16.1.1). Some services ignore the letter case.
	if method := g.announced(r).Method; method != strings.ToUpper(method) {
		return "the method must be in upper case:"
	}
	if cause := g.overridden(r); cause != "" {
		return cause + ":"
	}
	return ""
}

const (
	maxMethod = 32  // bytes of the method in a cause
	maxPath   = 128 // bytes of the path in a cause
)

// target returns the method and the path of a request for a log. Both are cut and escaped.
// The text has no query and no user information, because these may contain secrets.
func target(r *http.Request) string {
	path := ""
	switch u := r.URL; {
	case u == nil:
	case u.RawPath != "":
		path = u.EscapedPath()
	default:
		path = (&url.URL{Path: u.Path[:min(len(u.Path), maxPath+1)]}).EscapedPath() // a long path is cut before it is escaped
	}
	return quote.EscapeTo(r.Method, maxMethod) + " " + strconv.Quote(quote.CutTo(path, maxPath))
}
