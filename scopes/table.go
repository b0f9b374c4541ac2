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

// Table maps routes to rules. Its patterns have the syntax and the precedence of
// [http.ServeMux]. The zero Table is ready to use. The zero Table and a nil *Table deny
// every route. Declare all rules before the first request; after that, a Table is safe for
// concurrent use. A Table must not be copied.
type Table struct {
	mux      http.ServeMux
	declared []ruleHandler
	hosts    bool // at least one pattern has a host
}

// Handle declares the rule of a pattern. Like [http.ServeMux.Handle], it panics if the
// pattern is not valid or conflicts with another one. It also panics if the pattern can
// never match, and if [Rule.Err] returns an error, as for the zero Rule. The message names
// the line of the caller; for a conflict, it also names the line of the other pattern.
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
		panic("the pattern can never match: " + why)
	}
	t.mux.Handle(pattern, h)
	t.declared = append(t.declared, h)
	t.hosts = t.hosts || host != ""
}

// neverMatches returns the host of a pattern, and why no request can match the pattern. If
// requests can match, why is "". The mux reports only one of these mistakes: an unclean
// path in a pattern with a method. The mux accepts the others, and requests then match
// another pattern or none.
func neverMatches(pattern string) (host, why string) {
	before, p, ok := strings.Cut(pattern, "/")
	if i := strings.IndexAny(before, " \t"); i >= 0 {
		if before[:i] != strings.ToUpper(before[:i]) {
			return "", "its method must be in upper case"
		}
		before = strings.TrimLeft(before[i:], " \t")
	}
	_, _, noPort := net.SplitHostPort(before)
	switch i := strings.IndexAny(p, ";?#"); {
	case before != strings.ToLower(before) || strings.HasSuffix(before, ".") || noPort == nil:
		return before, "its host must be in lower case, without a port and without a full stop at its end"
	case ok && !clean("/"+p):
		return before, "its path is unclean; see scopes.CleanPath"
	case i >= 0:
		return before, fmt.Sprintf("its path must not contain %q", p[i])
	}
	return before, ""
}

// explain turns a panic of the mux into an error. The mux names this file as the place of
// every declaration; the error names the lines of the user's code instead.
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

// Rule returns the rule for the request and the pattern of that rule, or the zero Rule and
// "" if no pattern matches.
//
// No pattern matches an unclean path; see [CleanPath].
//
// A handler may read a path or a host in another way than the table. The table therefore
// reads a request in several ways. If they match different patterns, Rule returns the zero
// Rule:
//   - /a/b%2fc is read before and after it is decoded.
//   - /admin;x/keys is read with and without parameters.
//   - /admin%3fx is read as a whole, and up to the decoded "?" or "#".
//   - The host Admin.example. is read as sent, and in lower case without the full stop.
//   - The host of CONNECT is read with and without its port.
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

// sameByPath reports whether every spelling of the path matches pattern.
func (t *Table) sameByPath(r *http.Request, pattern string) bool {
	for p := range spellings(r.URL.Path) {
		if t.patternOf(r, r.Host, p) != pattern {
			return false
		}
		bare := withoutParameters(p)
		if bare != p && t.patternOf(r, r.Host, bare) != pattern {
			return false
		}
		// The part before a "?" or "#" may match no pattern: a handler that reads only
		// this part then serves no route that has a rule.
		if i := strings.IndexAny(bare, "?#"); i >= 0 {
			if cut := t.patternOf(r, r.Host, bare[:i]); cut != "" && cut != pattern {
				return false
			}
		}
	}
	return true
}

// sameByHost reports whether the normalized host of the request also matches pattern: the
// host in lower case (RFC 3986, section 6.2.2.1) and without a full stop at its end (DNS).
// The mux does not normalize hosts.
func (t *Table) sameByHost(r *http.Request, pattern string) bool {
	host, port := r.Host, ""
	if strings.IndexByte(host, ':') >= 0 {
		if name, number, err := net.SplitHostPort(host); err == nil {
			host, port = name, number
		}
	}
	normal := strings.ToLower(strings.TrimSuffix(host, "."))
	if normal == host && (port == "" || r.Method != http.MethodConnect) { // the mux keeps the port of CONNECT
		return true
	}
	return t.patternOf(r, normal, r.URL.Path) == pattern
}

// patternOf returns the pattern that r matches if its host and path are replaced.
func (t *Table) patternOf(r *http.Request, host, path string) string {
	_, pattern := t.match(&http.Request{Method: r.Method, Host: host, URL: &url.URL{Path: path}})
	return pattern
}

// withoutParameters removes the parameters of each path element: a semicolon and the text
// after it (RFC 3986, section 3.3). Java servers read paths this way.
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
	// For redirects and errors the mux returns handlers of its own. Only a ruleHandler
	// is a match.
	h, pattern := t.mux.Handler(r)
	if rh, ok := h.(ruleHandler); ok {
		return rh.rule, pattern
	}
	return Rule{}, ""
}

// CleanPath reports whether the path of u is clean. Some handlers clean a path themselves,
// and then serve another route than the router found. Guards therefore deny requests with
// an unclean path. The decoded path is clean if it
//   - begins with a slash
//   - has no empty element, except after a slash at its end
//   - has no "." or ".." element, alone or followed by ";", "?" or "#"
//   - has no backslash, which some file systems treat as a slash
//   - has no NUL byte, which ends a name in some file systems
//
// The path must also be clean after each further round of decoding, and must have no
// escapes left after the third round. A path with a "#" that was not escaped is unclean:
// RFC 9112, section 3.2 does not allow it in a request target. A nil u is unclean.
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

// isPlain reports whether a path has only letters, digits, "-", "_" and "~" between single
// slashes. Such a path is clean.
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

// plainChars marks the characters that isPlain accepts.
var plainChars = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~/" {
		t[c] = true
	}
	return t
}()

// maxRounds is how many times a clean path may be escaped. The limit bounds the time of
// CleanPath: each round of decoding reads the whole path.
const maxRounds = 4

// spellings yields the decoded path p, and then p decoded again and again until decoding
// changes nothing.
func spellings(p string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for ok := true; ok && yield(p); p, ok = unescape(p) {
		}
	}
}

// unescape decodes the percent-encoded bytes of p and reports whether there were any. It
// keeps a percent sign without two hexadecimal digits after it, as lenient decoders do.
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

// isDots reports whether the element is "." or "..", alone or followed by ";", "?" or "#".
func isDots(element string) bool {
	rest := strings.TrimPrefix(strings.TrimPrefix(element, "."), ".")
	return len(rest) < len(element) && (rest == "" || strings.IndexByte(";?#", rest[0]) >= 0)
}

// ruleHandler stores a rule in the mux. It never serves a request.
type ruleHandler struct {
	pattern string
	rule    Rule
	at      string // file and line of the declaration
}

// ServeHTTP answers 404. The method makes ruleHandler an http.Handler.
func (ruleHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }
