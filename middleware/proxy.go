package middleware

import (
	"maps"
	"net/http/httputil"
	"net/url"

	"github.com/bearerkit/bearer/internal/declare"
)

// Proxy returns a reverse proxy to target, to be put behind Require or Enforce of
// the same guard:
//
//	mux.Handle("/reports/", guard.Require(rule)(guard.Proxy(target)))
//
// The token stays here (RFC 9700, section 4.10), the fields of Options.Headers are
// those of the caller and never the client's own, and X-Forwarded-For, -Host and
// -Proto are set anew. The result may be changed before it serves. A nil target panics.
func (g *Guard) Proxy(target *url.URL) *httputil.ReverseProxy {
	declare.NotNil(transport, "a proxy", "guard", g)
	declare.NotNil(transport, "a proxy", "target", target)
	return &httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) {
		pr.SetURL(target)
		pr.SetXForwarded()
		removeAuthorization(pr.Out.Header)
		// Who is behind may make fields of trailers (RFC 9110, section 6.5.1).
		removeAuthorization(pr.Out.Trailer)
		maps.DeleteFunc(pr.Out.Trailer, func(name string, _ []string) bool { return g.isOurs(name) })
		// Once more, since hop-by-hop fields have been removed in between, and
		// since the proxy may have been mounted without the guard.
		g.setCallerHeaders(pr.Out.Header, pr.In.Context())
	}}
}
