package scopes

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/bearerkit/bearer/internal/cleanpath"
)

// splitPattern splits a pattern of http.ServeMux. A part that the pattern does not have is
// empty. The path begins with a slash.
func splitPattern(pattern string) (method, host, path string) {
	host, path = pattern, ""
	if i := strings.IndexByte(pattern, '/'); i >= 0 {
		host, path = pattern[:i], pattern[i:]
	}
	if i := strings.IndexAny(host, " \t"); i >= 0 {
		method, host = host[:i], strings.TrimLeft(host[i:], " \t")
	}
	return method, host, path
}

// neverMatches returns the host of a pattern. If no request can match the pattern, mistake
// is a sentence that describes the mistake in the pattern. Otherwise mistake is "". Of the
// mistakes that neverMatches finds, the mux reports only an unclean path, and only in a
// pattern with a method. If the mux accepts a pattern with a mistake, requests match a
// different pattern or no pattern.
func neverMatches(pattern string) (host, mistake string) {
	method, host, path := splitPattern(pattern)
	_, _, noPort := net.SplitHostPort(host)
	switch i := strings.IndexAny(path, ";?#"); {
	case method != strings.ToUpper(method):
		return "", "its method must be in upper case"
	case host != strings.ToLower(host) || strings.HasSuffix(host, ".") || noPort == nil:
		return host, "its host must be in lower case, without a port and without a full stop at its end"
	case path != "" && !cleanpath.Clean(&url.URL{Path: path}):
		return host, "its path is unclean; see the package comment of scopes"
	case i >= 0:
		return host, fmt.Sprintf("its path must not contain %q", path[i])
	case !matchesItself(pattern):
		return host, "a request with this path has a second reading, because of an escape in the path; see scopes.Table.Rule"
	}
	return host, ""
}

// foreignWildcard describes an element of a pattern that is a wildcard in other routers, and
// a literal in http.ServeMux. It returns "" if there is none. A table with such a pattern
// denies the requests that the rule is for.
func foreignWildcard(pattern string) string {
	_, _, path := splitPattern(pattern)
	for element := range strings.SplitSeq(path, "/") {
		var wildcard, escape string
		switch {
		case strings.HasPrefix(element, ":"):
			wildcard, escape = "{id}", "%3A"
		case strings.HasPrefix(element, "*"):
			wildcard, escape = "{path...}", "%2A"
		default:
			continue
		}
		return fmt.Sprintf("%q is a literal here, not a wildcard: use a wildcard such as %q, or write the literal as %q", element, wildcard, escape+element[1:])
	}
	return ""
}

// matchesItself reports whether a request with the literals of the pattern matches the
// pattern. Then at least one request matches the pattern. For an invalid pattern, the result
// is true, because the mux reports the mistake.
func matchesItself(pattern string) bool {
	method, host, path := splitPattern(pattern)
	if method == "" {
		method = http.MethodGet
	}
	elements := strings.Split(path, "/")
	for i, element := range elements {
		literal, err := url.PathUnescape(element)
		switch {
		case element == "{$}":
			literal = ""
		case strings.HasPrefix(element, "{"):
			literal = "x"
		case err != nil:
			literal = element
		}
		elements[i] = literal
	}
	probe := Table{hosts: host != ""}
	if !registers(&probe.mux, pattern, ruleHandler{pattern: pattern}) {
		return true
	}
	_, found := probe.Rule(&http.Request{Method: method, Host: host, URL: &url.URL{Path: strings.Join(elements, "/")}})
	return found == pattern
}

// canonicalPattern returns the pattern with other names of its wildcards and with the
// default encoding of its literals.
func canonicalPattern(pattern string) string {
	return mapLiterals(pattern, func(literal string, _ bool) string { return literal })
}

// loosePattern returns the canonical pattern with literals that looseElement has changed. It
// does not change a literal for which looseElement has no result, because Rule refuses the
// requests with such an element.
func loosePattern(pattern string) string {
	return mapLiterals(pattern, func(literal string, last bool) string {
		if loose, ok := looseElement(literal, last); ok {
			return loose
		}
		return literal
	})
}

// mapLiterals calls change for each literal in the path of a pattern, and returns the
// pattern with the results. The literals are decoded.
func mapLiterals(pattern string, change func(literal string, last bool) string) string {
	method, host, path := splitPattern(pattern)
	elements := strings.Split(path, "/")
	for i, element := range elements {
		last := i == len(elements)-1
		switch {
		case element == "" || element == "{$}":
		case strings.HasPrefix(element, "{"):
			elements[i] = "{w" + strconv.Itoa(i) + "}"
			if strings.HasSuffix(element, "...}") {
				elements[i] = "{w" + strconv.Itoa(i) + "...}"
			}
		default:
			if literal, err := url.PathUnescape(element); err == nil {
				element = literal // the mux compares an element with an invalid escape as it is
			}
			elements[i] = url.PathEscape(change(element, last))
		}
	}
	if method != "" {
		method += " "
	}
	return method + host + strings.Join(elements, "/")
}
