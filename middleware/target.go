package middleware

import (
	"net/http"
	"strings"

	"github.com/bearerkit/bearer/internal/possession"
)

// fieldValues returns the values of all fields with a name. net/http's server changes field names to
// the canonical form, but adapters of other servers may keep the lower case of HTTP/2. The result
// contains the values for both forms of the name. The guard refuses requests with more than one value.
func fieldValues(h http.Header, canonical, lower string) []string {
	values := h[canonical]
	if more := h[lower]; len(more) > 0 {
		values = append(values[:len(values):len(values)], more...)
	}
	return values
}

// targetScheme returns the scheme of the target URI for bearer.Request. Fields such as
// X-Forwarded-Proto do not count, because every client can send them.
func targetScheme(r *http.Request) string {
	handshake := len(r.Header["Upgrade"]) > 0 && isHandshake(r)
	switch {
	case r.TLS != nil && handshake:
		return "wss"
	case r.TLS != nil:
		return "https"
	case handshake:
		return "ws"
	}
	return "http"
}

// targetPath returns the path of the target URI as the client wrote it: from the request line, because
// r.URL.Path is decoded, and middleware may have removed a prefix. It returns "" if the request line
// has no path (RFC 9112, sections 3.2.3 and 3.2.4).
func targetPath(r *http.Request) string {
	target := r.RequestURI
	if target == "" { // the request does not come from a server of net/http
		if r.URL == nil {
			return ""
		}
		return r.URL.EscapedPath()
	}
	if target[0] != '/' {
		_, rest, absolute := strings.Cut(target, "://")
		if !absolute {
			return ""
		}
		end := strings.IndexAny(rest, "/?")
		if end < 0 || rest[end] == '?' {
			return "/"
		}
		target = rest[end:]
	}
	path, _, _ := strings.Cut(target, "?")
	return path
}

// The fields of DPoP (RFC 9449, sections 4.1 and 8.1), in canonical form.
const (
	proofField = "Dpop"
	nonceField = "Dpop-Nonce"
)

// setNonce sets the nonce for the next proof of the client, if a binding has made one for this request
// (RFC 9449, section 8.2). The response must then not come from a cache.
func (g *Guard) setNonce(h http.Header, allowed *http.Request) {
	nonce := possession.Nonce(allowed.Context())
	if nonce == "" {
		return
	}
	h[nonceField] = []string{nonce}
	h["Cache-Control"] = []string{noStore}
	if g.opts.ExposeChallenge {
		h.Add(exposeHeaders, "DPoP-Nonce")
	}
}

const exposeHeaders = "Access-Control-Expose-Headers"
