package middleware

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/bearerkit/bearer/internal/declare"
	"github.com/bearerkit/bearer/internal/refusal"
	"github.com/bearerkit/bearer/scopes"
)

// ForwardAuth returns a handler that decides for a proxy whether a request may pass. In
// nginx, the directive auth_request calls the handler. In Caddy, the directive forward_auth
// calls the handler. Options.Dialect names the proxy. The handler uses the rules in t. If t
// is nil, the handler denies every request. The handler always applies
// [scopes.Table].StrictSegments, because it does not know how the service reads a path. It
// does not change t. Declare all rules before the first request. If a program nevertheless
// declares a rule later, the handler applies this rule from the next request on.
//
// The proxy MUST pass the Authorization field to the handler, and MUST describe the client's
// request as the dialect requires. The description contains the method and the target of
// the request. If a pattern of the table contains a host, the description MUST also contain
// the host. If the client has sent a field of the description, the proxy MUST replace the
// client's field. No rule applies, and the request is denied, in these cases:
//   - A field of the description is missing, or appears more than once.
//   - The method is not in upper case, because some services ignore the letter case.
//   - The target is not in origin-form (RFC 9112, section 3.2.1), or it contains a blank, a
//     control character, a fragment or an invalid escape.
//
// The observer receives a text that names the mistake. Make sure that only the proxy can
// connect to the handler.
//
// The handler ignores fields of other dialects, and other fields that name a method or a
// target. If such fields are present, the handler logs their names to Options.Logger, at
// most once per minute. With Options.RefuseOverrides, the handler denies these requests.
//
// The answer to a request that may pass contains every field of Options.Headers, even if the
// field is empty. So a proxy that copies the fields always overwrites the client's own
// fields. These fields can have 3 KiB together, because nginx accepts 4 KiB for all fields
// of a response. If they are larger, the request is refused with the reason
// [bearer.Internal]. The proxy must drop fields of the client whose names have "_" or "." in
// place of "-". The program examples/forwardauth contains configurations of proxies.
//
// With Options.AllowPreflight, a request with a body is not a preflight request. The handler
// knows of a body only if the proxy passes Content-Length or Transfer-Encoding to the
// handler.
func (g *Guard) ForwardAuth(t *scopes.Table) http.Handler {
	declare.NotNil(transport, "ForwardAuth", "guard", g)
	g.rules.addTable(t)
	rules := g.rulesBehind(t)
	dialect, removed := allDialects[g.opts.Dialect], g.alwaysRemoved()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.logIgnored(r, dialect)
		req, mistake := g.original(r, dialect, rules().hosts)
		var (
			rule    scopes.Rule
			pattern string
		)
		if mistake == "" {
			rule, pattern, mistake = rules().find(g, req)
		}
		allowed, err := g.check(req.Request, rule, pattern, mistake)
		if err != nil {
			g.denyForwarded(w, r, dialect, err)
			return
		}
		h := w.Header()
		for _, field := range g.headers {
			h[field.name] = []string{""}
			if values := allowed.Header[field.name]; len(values) > 0 {
				h[field.name] = values
			}
		}
		h["Cache-Control"] = []string{noStore}
		g.setNonce(h, allowed)
		if g.opts.Dialect == dialectEnvoy {
			h[removedByEnvoy] = []string{g.withEmpty(removed, h)}
		}
		w.WriteHeader(dialect.allowed)
	})
}

const noStore = "no-store"

// maxScopes is the maximum size of the scopes in a challenge for a proxy, in bytes. A longer
// challenge names no scopes, because nginx answers 500 if the fields of a refusal have more
// than 4 KiB.
const maxScopes = 2 << 10

// denyForwarded answers a refused request of a proxy.
func (g *Guard) denyForwarded(w http.ResponseWriter, r *http.Request, dialect dialectTraits, err error) {
	answer := refusal.Of(err)
	size := 0
	for _, scope := range answer.Scopes {
		size += len(scope) + len(" ")
	}
	if size > maxScopes {
		answer.Scopes = nil
	}
	status, code := dialect.refused(answer)
	refused := g.refusal(w.Header(), r, answer, status)
	if challenges := refused.Header["Www-Authenticate"]; len(challenges) > 1 && dialect.joins {
		refused.Header["Www-Authenticate"] = []string{strings.Join(challenges, ", ")}
	}
	if code != "" {
		refused.Header.Set(authError, code)
	}
	refused.write(w)
}

// clientRequest is the client's request.
type clientRequest struct {
	*http.Request

	hostMistake string // why the host is unusable; "" if it is usable
}

// original returns the client's request as the proxy describes it. If no rule can apply to
// this request, mistake says why, and the result contains only the credentials of the
// client's request.
func (g *Guard) original(r *http.Request, dialect dialectTraits, withHost bool) (req clientRequest, mistake string) {
	req.Request = r.WithContext(r.Context())
	if g.opts.RefuseOverrides {
		// The guard must not refuse the request because of the fields of the proxy.
		req.Header = maps.Clone(r.Header)
		for _, name := range dialect.fields {
			delete(req.Header, name)
		}
	}
	desc, mistake := dialect.describe(r, withHost)
	if mistake != "" {
		return req, mistake
	}
	req.Method, req.URL, req.RequestURI, req.Host, req.Pattern = desc.method, desc.url, desc.target, desc.host, ""
	req.hostMistake = desc.hostMistake
	// The body is removed, because it is not the body of the client's request. A request with
	// a length is not a preflight request.
	req.Body, req.ContentLength, req.TransferEncoding = http.NoBody, 0, nil
	if announcesBody(r) {
		req.ContentLength = 1
	}
	return req, ""
}

// announcesBody reports whether a field of the proxy's request shows that the client's
// request has a body. Proxies that send a body to the guard send the client's body.
func announcesBody(r *http.Request) bool {
	other := func(length string) bool { return length != "0" }
	return r.ContentLength != 0 || len(r.TransferEncoding) > 0 || len(r.Header["Transfer-Encoding"]) > 0 ||
		slices.ContainsFunc(r.Header["Content-Length"], other)
}
