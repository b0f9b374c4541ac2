package middleware

import (
	"maps"
	"net/http/httputil"
	"net/url"

	"github.com/bearerkit/bearer/internal/declare"
)

// Proxy returns a reverse proxy to target. Wrap the proxy with Require or Enforce of the
// same guard:
//
//	mux.Handle("/reports/", guard.Require(rule)(guard.Proxy(target)))
//
// The proxy does not forward the token, because the target can misuse the token (RFC 9700,
// section 4.10). The proxy makes the fields of Options.Headers from the caller's claims,
// and never forwards the client's own copies of these fields. It replaces X-Forwarded-For,
// X-Forwarded-Host and X-Forwarded-Proto. You may change the returned proxy before it
// serves requests. Proxy panics if target is nil.
func (g *Guard) Proxy(target *url.URL) *httputil.ReverseProxy {
	declare.NotNil(transport, "a proxy", "guard", g)
	declare.NotNil(transport, "a proxy", "target", target)
	return &httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) {
		pr.SetURL(target)
		removeOverrides(pr.Out.Header)
		removeOverrides(pr.Out.Trailer)
		pr.SetXForwarded()
		removeAuthorization(pr.Out.Header)
		// The target may merge trailer fields into the header (RFC 9110, section 6.5.1), so
		// the proxy removes the same fields from the trailer.
		removeAuthorization(pr.Out.Trailer)
		maps.DeleteFunc(pr.Out.Trailer, func(name string, _ []string) bool { return g.isCallerHeader(name) })
		// The fields are set again here for two reasons. ReverseProxy removes hop-by-hop
		// fields after the guard has set the fields of Options.Headers. In addition, a program
		// can use the proxy without the middleware of the guard.
		g.setCallerHeaders(pr.Out.Header, pr.In.Context())
	}}
}
