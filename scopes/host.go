package scopes

import (
	"net"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bearerkit/bearer/internal/cleanpath"
)

// hostOf returns the host of a request as the mux reads it. The mux removes the port, except
// from the host of a CONNECT request.
func hostOf(r *http.Request) string {
	if r.Method != http.MethodConnect && strings.IndexByte(r.Host, ':') >= 0 {
		if host, _, err := net.SplitHostPort(r.Host); err == nil {
			return host
		}
	}
	return r.Host
}

// looseHost returns the host that a lenient server reads. This host is decoded and in lower
// case (RFC 3986, section 6.2.2.1). It has ASCII characters in place of their full-width
// forms. It has no port, no blanks around it, and no full stops at its end. If such a host
// contains a character that no host name contains, ok is false.
func looseHost(host string) (loose string, ok bool) {
	if name, port, _ := strings.Cut(host, ":"); isPlainHost(name) && strings.Trim(port, "0123456789") == "" {
		return name, true
	}
	rounds := 0
	for decoded, more := cleanpath.Unescape(host, false); more; decoded, more = cleanpath.Unescape(host, false) {
		if host = decoded; rounds == cleanpath.MaxRounds {
			return "", false
		}
		rounds++
	}
	if !utf8.ValidString(host) {
		return "", false
	}
	host = strings.TrimFunc(foldText(host), isBlank)
	name := host
	if i := strings.IndexByte(host, ']'); i >= 0 && host[0] == '[' { // an IPv6 address
		host, name = host[:i+1], host[1:i]
	} else {
		name, _, _ = strings.Cut(name, ":")
		name = strings.TrimRightFunc(name, isDotOrBlank)
		host = name
	}
	return host, !strings.ContainsFunc(name, neverInHost)
}

// neverInHost reports whether no host name contains the character c.
func neverInHost(c rune) bool {
	_, structural := structureOf(c)
	return structural || unicode.IsControl(c) || isBlank(c) || strings.ContainsRune("!\"#$&'()*,/;<=>?@[\\]^`{|}", c)
}

// isPlainHost reports whether a host contains only lower-case letters, digits, "-", "_",
// "~" and single full stops, and has no full stop at its end. Such a host has only one
// reading.
func isPlainHost(host string) bool {
	previous := byte(0)
	for i := range len(host) {
		c := host[i]
		if c == '.' {
			if previous == '.' {
				return false
			}
		} else if c == '/' || !lowerChars[c] {
			return false
		}
		previous = c
	}
	return previous != '.'
}
