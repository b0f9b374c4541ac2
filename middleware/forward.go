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

// header is a field that the guard makes from the caller's claims.
type header struct {
	name  string // in canonical form
	value func(*bearer.Claims) string
}

// reservedFields lists fields that control the parsing, routing or authentication of a
// message.
var reservedFields = []string{
	"Authorization", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Cookie", "Dpop", "Dpop-Nonce", "Forwarded", "Host",
	"Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Set-Cookie", "Te", "Trailer", "Transfer-Encoding",
	"Upgrade", "Www-Authenticate", authError, forwardedHost, removedByEnvoy,
}

// compileHeaders returns the fields of Options.Headers, sorted by name, and one error for
// each invalid field.
func compileHeaders(fields map[string]func(*bearer.Claims) string) ([]header, []error) {
	var (
		headers []header
		errs    []error
	)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !isFieldName(name):
			errs = append(errs, fmt.Errorf("Options.Headers: %q: a field name must contain only letters, digits and hyphens", name))
		case slices.Contains(reservedFields, canonical) || slices.Contains(overrideFields, canonical):
			errs = append(errs, fmt.Errorf("Options.Headers: %q: this field is reserved; choose another name", name))
		case slices.ContainsFunc(headers, func(h header) bool { return h.name == canonical }):
			errs = append(errs, fmt.Errorf("Options.Headers: %q: this field is declared twice; letter case does not matter", name))
		case fields[name] == nil:
			errs = append(errs, fmt.Errorf("Options.Headers: %q: the function is nil", name))
		default:
			headers = append(headers, header{canonical, fields[name]})
		}
	}
	return headers, errs
}

// isFieldName reports whether name contains only letters, digits and hyphens. RFC 9110,
// section 5.1 allows more characters, but some servers replace these characters with "_".
// So two different names can become equal.
func isFieldName(name string) bool {
	return name != "" && !slices.ContainsFunc([]byte(name), func(c byte) bool { return c != '-' && !isAlphanumeric(c) })
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// forwarded returns the header for the handler. The header is a copy of h in which the
// fields of Options.Headers contain values from the claims in ctx. If the options
// require no change of h, forwarded returns nil.
func (g *Guard) forwarded(h http.Header, ctx context.Context) http.Header { //nolint:revive // the function uses only the claims in ctx
	if !g.opts.RemoveAuthorization && len(g.headers) == 0 {
		return nil
	}
	out := maps.Clone(h)
	if out == nil {
		out = http.Header{}
	}
	if g.opts.RemoveAuthorization {
		removeCredentials(out)
	}
	g.setCallerHeaders(out, ctx)
	return out
}

// removeCredentials removes the Authorization field and the proofs of possession that belong to it, in
// every letter case.
func removeCredentials(h http.Header) {
	maps.DeleteFunc(h, func(name string, _ []string) bool {
		return strings.EqualFold(name, "Authorization") || strings.EqualFold(name, proofField)
	})
}

// setCallerHeaders removes the client's copies of the fields of Options.Headers from h. If
// ctx contains claims, setCallerHeaders then sets the fields from these claims.
func (g *Guard) setCallerHeaders(h http.Header, ctx context.Context) { //nolint:revive // the function uses only the claims in ctx
	if len(g.headers) == 0 {
		return
	}
	maps.DeleteFunc(h, func(name string, _ []string) bool { return g.isCallerHeader(name) })
	// A proxy drops the fields that Connection names (RFC 9110, section 7.6.1). So the
	// guard removes the names of the fields of Options.Headers from Connection.
	if fields := h["Connection"]; slices.ContainsFunc(fields, g.namesCallerHeader) {
		kept := make([]string, len(fields))
		for i, field := range fields {
			kept[i] = g.withoutCallerHeaders(field)
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

// namesCallerHeader reports whether a Connection field names a field in Options.Headers.
func (g *Guard) namesCallerHeader(connection string) bool {
	for option := range strings.SplitSeq(connection, ",") {
		if g.isCallerHeader(trimBlanks(option)) {
			return true
		}
	}
	return false
}

// withoutCallerHeaders removes the names of the fields in Options.Headers from a Connection field.
func (g *Guard) withoutCallerHeaders(connection string) string {
	var b strings.Builder
	separator := ""
	for option := range strings.SplitSeq(connection, ",") {
		if !g.isCallerHeader(trimBlanks(option)) {
			b.WriteString(separator + option)
			separator = ","
		}
	}
	return b.String()
}

// trimBlanks removes the blanks around an element of a list (RFC 9110, section 5.6.1).
func trimBlanks(element string) string { return strings.Trim(element, " \t") }

// isCallerHeader reports whether a server after the guard may read name as the name of a
// field in Options.Headers.
func (g *Guard) isCallerHeader(name string) bool {
	return slices.ContainsFunc(g.headers, func(field header) bool { return readsAs(name, field.name) })
}

// encodeHeader encodes s as documented at Options.Headers. No proxy changes an encoded value
// or splits it into several values.
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
