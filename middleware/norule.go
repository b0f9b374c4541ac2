package middleware

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/bearerkit/bearer/internal/cleanpath"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/scopes"
)

// These texts are causes for bearer.Request.NoRule.
const (
	// The function noRule adds the method and the path to these texts.
	noPattern = "no pattern of the table matches"
	noSame    = "no pattern of the table matches every form of" // for paths with several forms; see scopes.Table.Rule
	noRoute   = "the router found no route for"
	noneGiven = "no rule is declared for"
	// This text is complete.
	declaredWithout = "the route is declared without a rule"
)

// preflightAdvice follows the cause if a CORS preflight request has no rule.
const preflightAdvice = "; this is a CORS preflight request: run the CORS middleware before the guard, or set Options.AllowPreflight"

// noKey returns the cause if the router has found a route, and the rules have no key for it.
// Routers can report the pattern with or without the method.
func noKey(method, pattern string) string {
	route := quote.CutTo(pattern, maxPath)
	if m, _ := splitMethod(pattern); m == "" {
		route = quote.CutTo(method, maxMethod) + " " + route
	}
	return "the rules have no key for the route " + strconv.Quote(route) + ":"
}

// noRule returns the cause for bearer.Request.NoRule, with the method and the path of the
// request. If withHost is true, the host is in front of the path. If the request itself has
// no mistake, the cause is otherwise. If there is a rule, noRule returns "".
func (g *Guard) noRule(r *http.Request, rule scopes.Rule, otherwise string, withHost bool) string {
	if !rule.IsZero() {
		return ""
	}
	about := target(g.announced(r), withHost)
	if cause := g.mistake(r); cause != "" {
		return cause + " " + about
	}
	if u := r.URL; otherwise == noPattern && (u.RawPath != "" || strings.ContainsAny(u.Path, "%;?#")) {
		otherwise = noSame
	}
	text := otherwise + " " + about
	if otherwise != noneGiven && !g.opts.AllowPreflight && asksPreflight(r) {
		text += preflightAdvice
	}
	return text
}

// asksPreflight reports whether the fields of r are those of a CORS preflight request.
func asksPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && len(r.Header["Origin"]) > 0 && len(r.Header["Access-Control-Request-Method"]) > 0
}

// splitMethod splits a pattern into the method and the rest. The method is "" if the pattern
// has none. A space in a path or a regular expression ends no method.
func splitMethod(pattern string) (method, rest string) {
	i := strings.IndexAny(pattern, " \t")
	if i < 0 || strings.ContainsAny(pattern[:i], "/{") {
		return "", pattern
	}
	return pattern[:i], strings.TrimLeft(pattern[i:], " \t")
}

// hasHost reports whether a pattern contains a host.
func hasHost(pattern string) bool {
	_, rest := splitMethod(pattern)
	return !strings.HasPrefix(rest, "/")
}

// hasHosts reports whether a pattern of t contains a host.
func hasHosts(t *scopes.Table) bool {
	for pattern := range t.All() {
		if hasHost(pattern) {
			return true
		}
	}
	return false
}

// mistake describes why no rule applies to the request, whatever its route is. It returns ""
// if the request has no such mistake. A request with a mistake is refused on public routes
// too, because a handler can read it as a request for a different route.
func (g *Guard) mistake(r *http.Request) string {
	if !cleanpath.Clean(r.URL) {
		return "the path, or the decoded path, is not clean; see the package comment of scopes:"
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
	maxHost   = 64  // bytes of the host in a cause
	maxPath   = 128 // bytes of the path, or of a pattern, in a cause
)

// target returns the method and the path of a request for a log. If withHost is true, the
// host is in front of the path, because a pattern of the rules contains a host. All parts are
// cut and escaped. The text has no query and no user information, because these may contain
// secrets.
func target(r *http.Request, withHost bool) string {
	path := ""
	switch u := r.URL; {
	case u == nil:
	case u.RawPath != "":
		path = u.EscapedPath()
	default:
		path = (&url.URL{Path: u.Path[:min(len(u.Path), maxPath+1)]}).EscapedPath() // a long path is cut before it is escaped
	}
	host := ""
	if withHost {
		host = quote.CutTo(r.Host[strings.LastIndexByte(r.Host, '@')+1:], maxHost)
	}
	return quote.EscapeTo(r.Method, maxMethod) + " " + strconv.Quote(host+quote.CutTo(path, maxPath))
}
