package scopes

import (
	"encoding/hex"
	"fmt"
	"iter"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Table is rules by route, in the pattern syntax of [http.ServeMux], with its
// precedence. The zero Table is ready to use and denies every route, and so does a nil
// *Table. Register all rules before the table serves; after that it is safe for
// concurrent use. A Table must not be copied.
type Table struct {
	mux      http.ServeMux
	declared []ruleHandler
	hosts    bool // some pattern has a host
}

// Handle declares the rule of a pattern. Like [http.ServeMux.Handle] it panics if the
// pattern is not valid, can never match, or conflicts with another one, and if
// [Rule.Err] finds the rule wrong. The message names the line of the caller and, of a
// conflict, that of the other pattern.
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
	host, why := neverMatches(pattern)
	if why != "" {
		panic(why + ", so that it can never match")
	}
	t.mux.Handle(pattern, h)
	t.declared = append(t.declared, h)
	t.hosts = t.hosts || host != ""
}

// neverMatches returns the host of a pattern, and what no request can have of it,
// where another pattern would take its place: the mux does not say so, or only of
// a path beside a method.
func neverMatches(pattern string) (host, why string) {
	before, p, ok := strings.Cut(pattern, "/")
	if i := strings.IndexAny(before, " \t"); i >= 0 {
		if before[:i] != strings.ToUpper(before[:i]) {
			return "", "its method is not in upper case"
		}
		before = strings.TrimLeft(before[i:], " \t")
	}
	_, _, noPort := net.SplitHostPort(before)
	switch i := strings.IndexAny(p, ";?#"); {
	case before != strings.ToLower(before) || strings.HasSuffix(before, ".") || noPort == nil:
		return before, "its host is not in lower case, or has a port or a full stop at its end"
	case ok && !clean("/"+p):
		return before, "its path is unclean"
	case i >= 0:
		return before, fmt.Sprintf("its path has a %q", p[i])
	}
	return before, ""
}

// explain makes the error of a panic of the mux, which takes this file for the
// place where all patterns come from.
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

// All returns the patterns and their rules, in the order in which they were
// declared.
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

// Rule returns the rule for the request and the pattern that it was declared
// with, or the zero Rule and "" where there is none.
//
// No rule matches a path that [CleanPath] finds unclean, and none a request whose
// spellings belong to different patterns, since who is behind may read another one
// of them: a path escaped and decoded, as /a/b%2fc can, with and without parameters,
// as /admin;x/keys, or up to where a decoded query would begin, as /admin%3fx; a host
// in upper case or with a full stop at its end.
func (t *Table) Rule(r *http.Request) (Rule, string) {
	if t == nil || !CleanPath(r.URL) {
		return Rule{}, ""
	}
	rule, pattern := t.match(r)
	if pattern == "" || t.hosts && !t.sameByHost(r, pattern) {
		return Rule{}, ""
	}
	if (r.URL.RawPath != "" || strings.ContainsAny(r.URL.Path, "%;?#")) && !t.sameByPath(r, pattern) {
		return Rule{}, ""
	}
	return rule, pattern
}

// sameByPath reports whether the pattern is that of every spelling of the path.
func (t *Table) sameByPath(r *http.Request, pattern string) bool {
	for p := range spellings(r.URL.Path) {
		if t.patternOf(r, r.Host, p) != pattern {
			return false
		}
		bare := withoutParameters(p)
		if bare != p && t.patternOf(r, r.Host, bare) != pattern {
			return false
		}
		// An element may well have one of these, and what is in front of it no
		// pattern: who cuts there serves nothing that has a rule.
		if i := strings.IndexAny(bare, "?#"); i >= 0 {
			if cut := t.patternOf(r, r.Host, bare[:i]); cut != "" && cut != pattern {
				return false
			}
		}
	}
	return true
}

// sameByHost reports whether the pattern is also that of the request's host as RFC
// 3986, section 6.2.2.1 and DNS have it, which the mux does not know.
func (t *Table) sameByHost(r *http.Request, pattern string) bool {
	host, port := r.Host, ""
	if strings.IndexByte(host, ':') >= 0 {
		if name, number, err := net.SplitHostPort(host); err == nil {
			host, port = name, number
		}
	}
	normal := strings.ToLower(strings.TrimSuffix(host, "."))
	if normal == host && (port == "" || r.Method != http.MethodConnect) { // whose port the mux keeps
		return true
	}
	return t.patternOf(r, normal, r.URL.Path) == pattern
}

// patternOf returns the pattern of r if it had another host and path.
func (t *Table) patternOf(r *http.Request, host, path string) string {
	_, pattern := t.match(&http.Request{Method: r.Method, Host: host, URL: &url.URL{Path: path}})
	return pattern
}

// withoutParameters returns the path without what follows a semicolon in each
// element (RFC 3986, section 3.3), as Java's servers read it.
func withoutParameters(p string) string {
	if strings.IndexByte(p, ';') < 0 {
		return p
	}
	elements := strings.Split(p, "/")
	for i, element := range elements {
		elements[i], _, _ = strings.Cut(element, ";")
	}
	return strings.Join(elements, "/")
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

// CleanPath reports whether the decoded path of u begins with a slash and has no
// empty, "." or ".." element (one followed by ";", "?" or "#" included), no
// backslash, which some file systems take for a slash, and no NUL, where some end a
// name; and whether that stays so if it is decoded again, three times at the most. A
// "#" that was not escaped has no place in a request's target (RFC 9112, section 3.2)
// and is unclean too. Handlers clean paths on their own, and what they serve for any
// other path may be below another route than the one that a router found.
func CleanPath(u *url.URL) bool {
	if u == nil || strings.IndexByte(u.RawPath, '#') >= 0 {
		return false
	}
	if isPlain(u.Path) {
		return true
	}
	rounds := 0
	for p := range spellings(u.Path) {
		if rounds++; rounds > maxRounds || !clean(p) {
			return false
		}
	}
	return true
}

// isPlain reports whether a path is of the plainest kind, which is clean: letters,
// digits and what else means nothing to anybody, between single slashes.
func isPlain(p string) bool {
	if p == "" || p[0] != '/' {
		return false
	}
	slash := true
	for i := 1; i < len(p); i++ {
		c := p[i]
		if c == '/' && slash || !plainChars[c] {
			return false
		}
		slash = c == '/'
	}
	return true
}

// plainChars marks the characters of plain paths.
var plainChars = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~/" {
		t[c] = true
	}
	return t
}()

// maxRounds is how many times a path may be escaped. Nobody has a use for more,
// and each round costs the length of the path.
const maxRounds = 4

// spellings yields the decoded path and what decoding it again makes of it, until
// that changes nothing.
func spellings(p string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for ok := true; ok && yield(p); p, ok = unescape(p) {
		}
	}
}

// unescape decodes what is percent-encoded in p, leaves alone what is only meant
// to look so, as careless decoders do, and reports whether there was anything.
func unescape(p string) (string, bool) {
	i := strings.IndexByte(p, '%')
	if i < 0 {
		return p, false
	}
	decoded := append(make([]byte, 0, len(p)), p[:i]...)
	for ; i < len(p); i++ {
		if p[i] == '%' && i+2 < len(p) {
			if c, err := hex.DecodeString(p[i+1 : i+3]); err == nil {
				decoded = append(decoded, c...)
				i += 2
				continue
			}
		}
		decoded = append(decoded, p[i])
	}
	return string(decoded), len(decoded) != len(p)
}

func clean(p string) bool {
	if p == "" || p[0] != '/' || strings.IndexByte(p, '\\') >= 0 || strings.IndexByte(p, 0) >= 0 {
		return false
	}
	for rest := p[1:]; ; {
		element, after, more := strings.Cut(rest, "/")
		if (element == "" && more) || isDots(element) {
			return false
		}
		if !more {
			return true
		}
		rest = after
	}
}

// isDots reports whether the element is "." or "..", as far as somebody reads it.
func isDots(element string) bool {
	rest := strings.TrimPrefix(strings.TrimPrefix(element, "."), ".")
	return len(rest) < len(element) && (rest == "" || strings.IndexByte(";?#", rest[0]) >= 0)
}

// ruleHandler carries a rule through the mux. It is never served.
type ruleHandler struct {
	pattern string
	rule    Rule
	at      string // file and line of the declaration
}

// ServeHTTP answers 404: a Table decides and serves nothing.
func (ruleHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }
