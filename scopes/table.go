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

// Table maps routes to rules. Its patterns have the same syntax and the same precedence as
// the patterns of [http.ServeMux]. The zero Table is ready to use. The zero Table and a
// nil *Table deny every request. Declare all rules before the first request. After that, a
// Table is safe for concurrent use. A Table must not be copied.
type Table struct {
	mux      http.ServeMux
	declared []ruleHandler
	hosts    bool // at least one pattern has a host
}

// Handle declares the rule of a pattern. Like [http.ServeMux.Handle], Handle panics if the
// pattern is not valid or conflicts with a declared pattern. Handle also panics if no
// request can match the pattern, and if [Rule.Err] returns an error. So Handle panics for
// the zero Rule. The message contains the source line that calls Handle. For a conflict,
// the message also contains the source line that declared the conflicting pattern.
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
	host, mistake := neverMatches(pattern)
	if mistake != "" {
		panic("no request can match the pattern: " + mistake)
	}
	t.mux.Handle(pattern, h)
	t.declared = append(t.declared, h)
	t.hosts = t.hosts || host != ""
}

// neverMatches returns the host of a pattern. If no request can match the pattern, mistake
// is a sentence that describes the mistake in the pattern. Otherwise mistake is "". Of the
// mistakes that neverMatches finds, the mux reports only an unclean path, and only in a
// pattern with a method. If the mux accepts a pattern with a mistake, requests match a
// different pattern or no pattern.
func neverMatches(pattern string) (host, mistake string) {
	host, p, ok := strings.Cut(pattern, "/")
	if i := strings.IndexAny(host, " \t"); i >= 0 {
		if host[:i] != strings.ToUpper(host[:i]) {
			return "", "its method must be in upper case"
		}
		host = strings.TrimLeft(host[i:], " \t")
	}
	_, _, noPort := net.SplitHostPort(host)
	switch i := strings.IndexAny(p, ";?#"); {
	case host != strings.ToLower(host) || strings.HasSuffix(host, ".") || noPort == nil:
		return host, "its host must be in lower case, without a port and without a full stop at its end"
	case ok && !clean("/"+p):
		return host, "its path is unclean; see scopes.CleanPath"
	case i >= 0:
		return host, fmt.Sprintf("its path must not contain %q", p[i])
	}
	return host, ""
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
// No pattern matches an unclean path; see [CleanPath].
//
// A handler may read a path or a host differently than http.ServeMux. Rule therefore
// matches several forms of a request. If the forms do not match the same pattern, Rule
// returns the zero Rule:
//   - The forms of the path "/a/b%2fc" are "/a/b%2fc" and "/a/b/c".
//   - The forms of the path "/admin;x/keys" are "/admin;x/keys" and "/admin/keys".
//   - The forms of the path "/admin%3fx" are "/admin?x" and "/admin". There is one
//     exception: if no pattern matches the form that ends before a decoded "?" or "#", Rule
//     ignores this form.
//   - The forms of the host "Admin.example." are "Admin.example." and "admin.example".
//   - The forms of the host of a CONNECT request are the host with its port and the host
//     without its port.
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

// sameByPath reports whether all forms of the path match pattern.
func (t *Table) sameByPath(r *http.Request, pattern string) bool {
	for p := range spellings(r.URL.Path) {
		if t.patternOf(r, r.Host, p) != pattern {
			return false
		}
		bare := withoutParameters(p)
		if bare != p && t.patternOf(r, r.Host, bare) != pattern {
			return false
		}
		// If the part before a "?" or "#" matches no pattern, the code ignores this part. In this
		// case, a handler that reads only this part serves no route that has a rule.
		if i := strings.IndexAny(bare, "?#"); i >= 0 {
			if cut := t.patternOf(r, r.Host, bare[:i]); cut != "" && cut != pattern {
				return false
			}
		}
	}
	return true
}

// sameByHost reports whether the request still matches pattern after its host was
// normalized. The normalized host is in lower case (RFC 3986, section 6.2.2.1) and has no
// full stop at its end (DNS). The mux does not normalize hosts.
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

// patternOf replaces the host and the path of r, and returns the pattern that the new
// request matches.
func (t *Table) patternOf(r *http.Request, host, path string) string {
	_, pattern := t.match(&http.Request{Method: r.Method, Host: host, URL: &url.URL{Path: path}})
	return pattern
}

// withoutParameters removes the parameters of each path element. The parameters are a
// semicolon and the text after the semicolon (RFC 3986, section 3.3). Java servers remove
// the parameters before they match a path.
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
	// For redirects and errors, the mux returns a handler of package net/http. So only a
	// ruleHandler is a match.
	h, pattern := t.mux.Handler(r)
	if rh, ok := h.(ruleHandler); ok {
		return rh.rule, pattern
	}
	return Rule{}, ""
}

// CleanPath reports whether the path of u is clean. Some handlers clean a path, and then
// serve a different route than the route that the router found. Guards therefore deny
// requests with an unclean path.
//
// A path is clean if the decoded path
//   - begins with a slash
//   - has no empty element, except after a slash at its end
//   - has no element "." or "..", and no element that starts with "." or ".." and continues
//     with ";", "?" or "#"
//   - has no backslash, which some file systems treat as a slash
//   - has no NUL byte, which ends a name in some file systems
//
// CleanPath decodes the decoded path up to three more times. After each decoding, the path
// must still be clean. After the third decoding, it must contain no escapes. A path that
// contains "#" without escaping is unclean, because RFC 9112, section 3.2 does not allow
// this in a request target. For a nil u, CleanPath returns false.
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

// isPlain reports whether a path starts with a slash, contains only letters, digits, "-",
// "_", "~" and "/", and has no two slashes in sequence. Such a path is clean.
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

// The table plainChars marks the characters that isPlain accepts.
var plainChars = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~/" {
		t[c] = true
	}
	return t
}()

// maxRounds is the maximum number of times that a clean path may be escaped. It limits the
// time of CleanPath, because each round of decoding reads the whole path.
const maxRounds = 4

// The iterator that spellings returns yields the path p first. Then it repeatedly decodes
// the path and yields the result, until the path contains no escapes.
func spellings(p string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for ok := true; ok && yield(p); p, ok = unescape(p) {
		}
	}
}

// unescape decodes the percent-encoded bytes of p. It reports whether p contained such
// bytes. A percent sign without two hexadecimal digits after it stays in the result,
// because lenient decoders keep such a percent sign too.
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

// isDots reports whether the element is "." or "..", or starts with "." or ".." and
// continues with ";", "?" or "#".
func isDots(element string) bool {
	rest := strings.TrimPrefix(strings.TrimPrefix(element, "."), ".")
	return len(rest) < len(element) && (rest == "" || strings.IndexByte(";?#", rest[0]) >= 0)
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
