package scopes

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// Table is rules by route, in the pattern syntax of [http.ServeMux], with its
// precedence. The zero Table is ready to use and denies every route. Register
// all rules before the table serves; after that it is safe for concurrent use.
// A Table must not be copied.
type Table struct{ mux http.ServeMux }

// Handle declares the rule of a pattern. Like [http.ServeMux.Handle] it panics
// where the pattern is not valid or conflicts with another one; it does the
// same for a rule that [Rule.Err] finds wrong.
func (t *Table) Handle(pattern string, rule Rule) {
	if err := rule.Err(); err != nil {
		panic(fmt.Errorf("scopes: pattern %q: %w", pattern, err))
	}
	t.mux.Handle(pattern, ruleHandler{rule})
}

// Rule returns the rule for the request and the pattern that it was declared
// with, or the zero Rule and "" where there is none.
//
// No rule matches a path that is not clean, and none a path whose escaped and
// decoded spellings belong to different patterns, as /public/..%2fsecret and
// /a/b%2fc can: the handler behind may read the other spelling.
func (t *Table) Rule(r *http.Request) (Rule, string) {
	if !clean(r.URL.Path) {
		return Rule{}, ""
	}
	rule, pattern := t.match(r)
	if r.URL.RawPath != "" && pattern != "" {
		decoded := &http.Request{Method: r.Method, Host: r.Host, URL: &url.URL{Path: r.URL.Path}}
		if _, other := t.match(decoded); other != pattern {
			return Rule{}, ""
		}
	}
	return rule, pattern
}

func (t *Table) match(r *http.Request) (Rule, string) {
	// The mux answers redirects and refusals with handlers of its own; only
	// ours is a match.
	h, pattern := t.mux.Handler(r)
	if rh, ok := h.(ruleHandler); ok {
		return rh.rule, pattern
	}
	return Rule{}, ""
}

// clean reports whether the decoded path has no empty, "." or ".." element and
// no backslash, which some file systems take for a slash.
func clean(p string) bool {
	if p == "" || p[0] != '/' || strings.Contains(p, `\`) {
		return false
	}
	c := path.Clean(p)
	return c == p || (len(p) == len(c)+1 && p[len(p)-1] == '/')
}

// ruleHandler carries a rule through the mux. It is never served.
type ruleHandler struct{ rule Rule }

// ServeHTTP answers 404: a Table decides and serves nothing.
func (ruleHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }
