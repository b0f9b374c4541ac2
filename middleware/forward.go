package middleware

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/bearerkit/bearer"
)

// header is a field that is made of the caller's claims.
type header struct {
	name  string // canonical
	value func(*bearer.Claims) string
}

// reserved is fields that decide how a message is read, by whom, or for whom.
var reserved = []string{
	"Authorization", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Cookie", "Forwarded", "Host",
	"Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Set-Cookie", "Te", "Trailer", "Transfer-Encoding",
	"Upgrade", "Www-Authenticate", authError, forwardedHost, forwardedMethod, forwardedURI,
}

// compileHeaders returns Options.Headers in the order of names, and all that is
// wrong with it.
func compileHeaders(fields map[string]func(*bearer.Claims) string) ([]header, []error) {
	var (
		headers []header
		errs    []error
	)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !isFieldName(name):
			errs = append(errs, fmt.Errorf("Options.Headers: %q: not a field name of letters, digits and hyphens", name))
		case slices.Contains(reserved, canonical):
			errs = append(errs, fmt.Errorf("Options.Headers: %q: has a meaning of its own", name))
		case slices.ContainsFunc(headers, func(h header) bool { return h.name == canonical }):
			errs = append(errs, fmt.Errorf("Options.Headers: %q: twice, in different case", name))
		case fields[name] == nil:
			errs = append(errs, fmt.Errorf("Options.Headers: %q: the function is nil", name))
		default:
			headers = append(headers, header{canonical, fields[name]})
		}
	}
	return headers, errs
}

// isFieldName asks for less than RFC 9110, section 5.1 allows: CGI and its heirs
// cannot tell other characters from each other.
func isFieldName(name string) bool {
	return name != "" && !slices.ContainsFunc([]byte(name), func(c byte) bool { return c != '-' && !isAlphanumeric(c) })
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// forwarded returns the fields that the handler gets in place of those in h, or
// nil where they stay as they are. Fields of the caller's claims in ctx are set.
func (g *Guard) forwarded(h http.Header, ctx context.Context) http.Header { //nolint:revive // the context is an argument among others
	if !g.opts.RemoveAuthorization && len(g.headers) == 0 {
		return nil
	}
	out := maps.Clone(h)
	if out == nil {
		out = http.Header{}
	}
	if g.opts.RemoveAuthorization {
		removeAuthorization(out)
	}
	g.setCallerHeaders(out, ctx)
	return out
}

// removeAuthorization removes the field however its name is spelt.
func removeAuthorization(h http.Header) {
	maps.DeleteFunc(h, func(name string, _ []string) bool { return strings.EqualFold(name, "Authorization") })
}

// setCallerHeaders removes the fields of Options.Headers from h, which the client may have
// sent, and sets those of the caller in ctx, if there is one.
func (g *Guard) setCallerHeaders(h http.Header, ctx context.Context) { //nolint:revive // the context is an argument among others
	if len(g.headers) == 0 {
		return
	}
	maps.DeleteFunc(h, func(name string, _ []string) bool { return g.isOurs(name) })
	// A proxy drops the fields that Connection names (RFC 9110, section 7.6.1):
	// a client must not have it drop ours.
	ours := func(option string) bool { return g.isOurs(strings.Trim(option, " \t")) }
	if fields := h["Connection"]; len(fields) > 0 {
		kept := make([]string, len(fields))
		for i, field := range fields {
			kept[i] = strings.Join(slices.DeleteFunc(strings.Split(field, ","), ours), ",")
		}
		h["Connection"] = kept
	}
	claims, ok := bearer.FromContext(ctx)
	if !ok {
		return
	}
	for _, field := range g.headers {
		if value := field.value(claims); value != "" {
			h[field.name] = []string{encodeHeader(value)}
		}
	}
}

// isOurs reports whether some server behind may take the name for one of our
// fields: CGI makes "_" of "-", some servers of all that is no letter or digit, and
// they compare without regard to case.
func (g *Guard) isOurs(name string) bool {
	return slices.ContainsFunc(g.headers, func(field header) bool {
		if len(name) != len(field.name) {
			return false
		}
		for i := range len(name) {
			a, b := name[i], field.name[i]
			if b == '-' && isAlphanumeric(a) || b != '-' && a|0x20 != b|0x20 { // ours are letters, digits and hyphens
				return false
			}
		}
		return true
	})
}

// encodeHeader encodes s as Options.Headers says, so that no proxy on the way changes the
// value or takes it for several values.
func encodeHeader(s string) string {
	const hex = "0123456789ABCDEF"
	plain := func(i int) bool {
		c := s[i]
		if c == ' ' {
			return i > 0 && i < len(s)-1
		}
		return c > ' ' && c <= '~' && c != '%' && c != '"' && c != '\\' && c != ','
	}
	i := 0
	for i < len(s) && plain(i) {
		i++
	}
	if i == len(s) {
		return s
	}
	encoded := append(make([]byte, 0, 3*len(s)-2*i), s[:i]...)
	for ; i < len(s); i++ {
		if plain(i) {
			encoded = append(encoded, s[i])
		} else {
			encoded = append(encoded, '%', hex[s[i]>>4], hex[s[i]&0xf])
		}
	}
	return string(encoded)
}
