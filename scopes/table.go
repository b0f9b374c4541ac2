package scopes

import (
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/bearerkit/bearer/internal/cleanpath"
)

// Table maps routes to rules. Its patterns have the same syntax and the same precedence as
// the patterns of [http.ServeMux]. The zero Table is ready to use. The zero Table and a
// nil *Table deny every request. Declare all rules before the first request. After that, a
// Table is safe for concurrent use. A Table must not be copied.
type Table struct {
	// StrictSegments also refuses requests that a lenient service may read as a different
	// route. Set it for a service behind a proxy, and for a router that ignores the letter
	// case of paths. Set it before the first request. The zero value, false, expects that the
	// service compares paths as http.ServeMux does.
	//
	// A lenient service ignores the letter case and the width of characters, full stops and
	// blanks at the end of an element, a slash at the end of the path, and suffixes. It may
	// read a character that looks like a slash as a slash. If one of these forms of a path
	// belongs to a different pattern, there is no rule:
	//   - The pattern "/Admin" also reserves "/admin" and "/ADMIN.json". Requests for these
	//     paths have no rule, even if there is a pattern "/".
	//   - An identifier below a wildcard may have any form. For example,
	//     "/customers/Acme%20Inc." matches "/customers/{id}".
	//
	// If two patterns differ only in this way, for example "/report.csv" and "/report.json",
	// no request matches these two patterns. Declare a wildcard such as "/{report}" instead.
	// An element that contains only full stops and blanks, or that starts with two full
	// stops, has no rule. The page docs/routers.md lists all forms.
	StrictSegments bool

	mux      http.ServeMux
	declared []ruleHandler
	hosts    bool        // at least one pattern has a host
	loose    *looseTable // nil if no pattern has a literal that StrictSegments changes
}

// Handle declares the rule of a pattern. Like [http.ServeMux.Handle], Handle panics if the
// pattern is not valid or conflicts with a declared pattern. Handle also panics if no
// request can match the pattern, and if [Rule.Err] returns an error. So Handle panics for
// the zero Rule. The message contains the source line that calls Handle. For a conflict,
// the message also contains the source line that declared the conflicting pattern.
//
// No request can match a pattern that is unclean (see the comment of the package), or whose literals contain an
// escaped slash or semicolon, because [Table.Rule] refuses such requests. If the identifiers
// of a service contain "%2F", declare a wildcard for the rest of the path, such as
// "/files/{id...}". All readings of "/files/a%2Fb" match this pattern. If something follows
// the identifier, as in "/files/{id}/tags", there is no such pattern. In this case, put the
// rule at the route, with Guard.Require or Guard.EnforceRoutes of package middleware.
//
// Handle panics for an element that begins with a colon or an asterisk, because other routers
// use these characters for wildcards. Here, the wildcards are "{id}" and "{path...}". If the
// element is a literal, write it with an escape, as in "/users/%3Aid".
//
// Handle panics if the program runs with the setting httpmuxgo121=1 of GODEBUG. With this
// setting, http.ServeMux ignores the methods and the wildcards of patterns.
func (t *Table) Handle(pattern string, rule Rule) {
	h := ruleHandler{pattern: pattern, rule: rule, at: caller()}
	defer func() {
		if p := recover(); p != nil {
			panic(t.explain(h, p))
		}
	}()
	if err := rule.Err(); err != nil {
		panic(err)
	}
	if !muxHasMethods() {
		panic("http.ServeMux ignores methods and wildcards, because the setting httpmuxgo121=1 is active; remove it from the environment variable GODEBUG, from the godebug lines in go.mod and from the //go:debug lines")
	}
	host, mistake := neverMatches(pattern)
	if mistake != "" {
		panic("no request can match the pattern: " + mistake)
	}
	if mistake := foreignWildcard(pattern); mistake != "" {
		panic(mistake)
	}
	t.mux.Handle(pattern, h)
	t.declared = append(t.declared, h)
	t.addLoose(pattern)
	t.hosts = t.hosts || host != ""
}

// muxHasMethods reports whether http.ServeMux understands methods and wildcards.
func muxHasMethods() bool {
	const probe = "GET /{x}"
	mux := http.NewServeMux()
	mux.Handle(probe, ruleHandler{})
	_, pattern := mux.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/a"}})
	return pattern == probe
}

// The method explain converts the value of a panic to an error. The mux reports a line of
// this file as the place of every declaration. The error contains the lines of the user's
// code instead.
func (t *Table) explain(h ruleHandler, p any) error {
	text := regexp.MustCompile(` ?\(registered at [^)]*\)`).ReplaceAllString(fmt.Sprint(p), "")
	text = fmt.Sprintf("scopes: pattern %q (declared at %s): %s", h.pattern, h.at, strings.ReplaceAll(text, "\n", " "))
	for _, other := range t.declared {
		if strings.Contains(text, fmt.Sprintf("conflicts with pattern %q", other.pattern)) {
			text += fmt.Sprintf(" (%q was declared at %s)", other.pattern, other.at)
		}
	}
	return fmt.Errorf("%s", text)
}

// Len returns the number of declared patterns. For a nil *Table, Len returns 0.
func (t *Table) Len() int {
	if t == nil {
		return 0
	}
	return len(t.declared)
}

// All returns the patterns and their rules in the order of their declaration.
func (t *Table) All() iter.Seq2[string, Rule] {
	return func(yield func(string, Rule) bool) {
		if t == nil {
			return
		}
		for _, h := range t.declared {
			if !yield(h.pattern, h.rule) {
				return
			}
		}
	}
}

// Rule returns the rule for the request, and the pattern of this rule. If no pattern
// matches, it returns the zero Rule and "".
//
// No pattern matches an unclean path; see the comment of the package. No pattern matches a method that
// contains a lower-case letter or is no token (RFC 9110, section 9.1), because some services
// ignore the letter case of a method.
//
// A handler may read a path or a host differently than http.ServeMux. Rule therefore
// matches several forms of a request. If the forms do not match the same pattern, Rule
// returns the zero Rule:
//   - The forms of the path "/he%61lthz" are "/healthz", and "/he%61lthz" without decoding.
//     Some routers match the raw path (URL.RawPath), for example chi and echo.
//   - The forms of the path "/a/b%2fc" are "/a/b%2fc" and "/a/b/c". For a service with such
//     paths, see [Table.Handle].
//
// There are also forms of a path with ";", "?" or "#", and of a host. The page
// docs/routers.md lists all forms. [Table].StrictSegments adds forms for lenient services. A
// path with several forms has no rule if it is longer than 8 KiB, or if all its forms
// together are longer than 64 KiB. For a router that compares even the usual escapes with
// its routes, for example gin with UseEscapedPath, use [Routes].
//
// If a HEAD request matches a pattern with the method GET and also a pattern without a
// method, the caller must meet the rules of both patterns. Rule then returns the pattern of
// GET.
//
// A pattern without a method does not match a CONNECT request, because some proxies turn the
// connection of such a request into a tunnel, which no rule controls.
func (t *Table) Rule(r *http.Request) (Rule, string) {
	if t == nil || !isUpper(r.Method) || !cleanpath.Clean(r.URL) {
		return Rule{}, ""
	}
	rule, pattern := match(&t.mux, r)
	if pattern == "" {
		return Rule{}, ""
	}
	if t.hosts {
		loose, ok := looseHost(r.Host)
		if !ok {
			return Rule{}, ""
		}
		if loose != hostOf(r) && !t.sameByPath(r, loose, pattern) {
			return Rule{}, ""
		}
	}
	if !t.hasOneReading(r.URL) && !t.sameByPath(r, r.Host, pattern) {
		return Rule{}, ""
	}
	return t.ruleOfMethod(rule, r, pattern)
}

// The function match returns the rule and the pattern that the request matches.
func match(mux *http.ServeMux, r *http.Request) (Rule, string) {
	// For redirects and errors, the mux returns a handler of package net/http. So only a
	// ruleHandler is a match.
	h, pattern := mux.Handler(r)
	if rh, ok := h.(ruleHandler); ok {
		return rh.rule, pattern
	}
	return Rule{}, ""
}

// A ruleHandler stores a rule in the mux. It never serves a request.
type ruleHandler struct {
	pattern string
	rule    Rule
	at      string // the file and the line of the declaration
}

// ServeHTTP answers with the status 404. Because of this method, a ruleHandler is an
// http.Handler.
func (ruleHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }
