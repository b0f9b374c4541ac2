package middleware

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"

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
// X-Forwarded-Host and X-Forwarded-Proto. It removes fields that name another method, target
// or host, such as X-Original-URL and X-HTTP-Method-Override.
//
// The proxy switches protocols only for a WebSocket handshake of a route that
// Options.WebSocket names. The guard does not check the messages of the WebSocket, and the
// connection outlives the token. If Options.WebSocket does not contain the pattern of a
// handshake, the guard logs the pattern to Options.Logger. The proxy sends every other request with an Upgrade field
// to the target without this field, as RFC 9110, section 7.8 allows. The proxy answers 502
// to requests with the method CONNECT.
//
// The target gets its own host in the Host field. If a pattern of the table contains a host,
// set Out.Host to In.Host in the function Rewrite of the returned proxy, so that the target
// gets the host that the guard checked. If the target reads paths loosely, for example
// without letter case, set [scopes.Table.StrictSegments] in the table of the guard. You may
// change the returned proxy before it serves requests. Proxy panics if target is nil.
func (g *Guard) Proxy(target *url.URL) *httputil.ReverseProxy {
	declare.NotNil(transport, "a proxy", "guard", g)
	declare.NotNil(transport, "a proxy", "target", target)
	return &httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) {
		pr.SetURL(target)
		if pr.In.Method == http.MethodConnect {
			refuseConnect(pr)
			return
		}
		if !g.upgrades(pr.In) {
			pr.Out.Header.Del("Connection")
			pr.Out.Header.Del("Upgrade")
		}
		removeConnectionFields(pr.Out.Header)
		removeConnectionFields(pr.Out.Trailer)
		removeOverrides(pr.Out.Header)
		removeOverrides(pr.Out.Trailer)
		pr.SetXForwarded()
		removeCredentials(pr.Out.Header)
		// The target may merge trailer fields into the header (RFC 9110, section 6.5.1), so
		// the proxy removes the same fields from the trailer.
		removeCredentials(pr.Out.Trailer)
		maps.DeleteFunc(pr.Out.Trailer, func(name string, _ []string) bool { return g.isCallerHeader(name) })
		// The fields are set again here for two reasons. ReverseProxy removes hop-by-hop
		// fields after the guard has set the fields of Options.Headers. In addition, a program
		// can use the proxy without the middleware of the guard.
		g.setCallerHeaders(pr.Out.Header, pr.In.Context())
	}}
}

var errConnect = errors.New("middleware: the proxy refuses requests with the method CONNECT")

// refuseConnect makes ReverseProxy answer 502 without a connection to the target. After a
// CONNECT request, the target can read all further bytes of the connection as a tunnel (RFC
// 9110, section 9.3.6), but the transport sends other requests on this connection. In
// addition, the transport can send the body of a CONNECT request without framing, so the
// target can read the body as another request.
func refuseConnect(pr *httputil.ProxyRequest) {
	ctx, cancel := context.WithCancelCause(pr.Out.Context())
	cancel(errConnect)
	pr.Out = pr.Out.WithContext(ctx)
	pr.Out.Body, pr.Out.ContentLength, pr.Out.TransferEncoding = nil, 0, nil
}

// connectionFields lists fields that control the connection or the length of a message. The
// names are in canonical form.
var connectionFields = []string{
	"Connection", "Content-Length", "Host", "Http2-Settings", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
	"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// removeConnectionFields removes HTTP2-Settings (RFC 7540, section 3.2.1) and all other
// spellings of the names in connectionFields. ReverseProxy and its transport know only the
// canonical names: they remove these fields, or set the fields for the new connection.
func removeConnectionFields(h http.Header) {
	maps.DeleteFunc(h, func(name string, _ []string) bool {
		return name == "Http2-Settings" || slices.ContainsFunc(connectionFields, func(field string) bool {
			return name != field && readsAs(name, field)
		})
	})
}
