package middleware

import (
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/bearerkit/bearer/internal/declare"
	"github.com/bearerkit/bearer/internal/refusal"
	"github.com/bearerkit/bearer/scopes"
)

// Fields of a forward-auth request, in canonical form, and of the response.
const (
	forwardedMethod = "X-Forwarded-Method"
	forwardedURI    = "X-Forwarded-Uri"
	forwardedHost   = "X-Forwarded-Host"
	authError       = "X-Auth-Error"
)

// ForwardAuth returns a handler that decides for a proxy in front of other
// services, as auth_request of nginx and forward_auth of Caddy ask it. The proxy
// MUST set X-Forwarded-Method and X-Forwarded-Uri to the method and the target of
// the request as it received them, over any copies of the client, and pass
// Authorization on, and X-Forwarded-Host to its host where a pattern of the table
// has one. A request without one of them, or with one of them twice, has no rule.
// Nobody but the proxy may reach the handler.
//
// It answers 204 with the fields of Options.Headers, 401 or 403, since nginx makes
// 500 of everything else: 401 also for a request that is not clear, and 403 also
// where the decision cannot be made. X-Auth-Error has the error code of a refusal;
// "unavailable", which comes with Retry-After, is for the proxy to make a 503 of,
// and "server_error" a 500. The fields are in every 204, empty where there is
// nothing to say: a proxy that copies what there is overwrites what the client
// sent. Copies with "_" for "-" are the proxy's to drop. The program
// examples/forwardauth has the configuration of both proxies.
func (g *Guard) ForwardAuth(t *scopes.Table) http.Handler {
	declare.NotNil(transport, enforcedRoutes, "guard", g)
	g.rules.addTable(t)
	hosts := sync.OnceValue(func() bool { return hasHosts(t) }) // once all rules are declared
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var (
			rule    scopes.Rule
			pattern string
		)
		asked, ok := original(r)
		if ok && (len(r.Header[forwardedHost]) == 1 || !hosts()) {
			rule, pattern = g.find(t, asked)
		}
		allowed, err := g.check(asked, rule, pattern)
		if err != nil {
			g.denyForwarded(w, r, err)
			return
		}
		h := w.Header()
		for _, field := range g.headers {
			h[field.name] = []string{""}
			if values := allowed.Header[field.name]; len(values) > 0 {
				h[field.name] = values
			}
		}
		h.Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
	})
}

// denyForwarded is Deny with a status that nginx passes on, 401 or 403, and with the error
// code in a field.
func (g *Guard) denyForwarded(w http.ResponseWriter, r *http.Request, err error) {
	answer := refusal.Of(err)
	status, name := http.StatusForbidden, answer.Error
	if answer.Status == http.StatusUnauthorized || answer.Status == http.StatusBadRequest {
		status = http.StatusUnauthorized
	}
	if answer.RetryAfter > 0 {
		name = "unavailable"
	}
	refused := g.refusal(w.Header(), r, answer, status)
	refused.Header.Set(authError, name)
	refused.write(w)
}

// hasHosts reports whether some pattern of t is for a host.
func hasHosts(t *scopes.Table) bool {
	for pattern := range t.All() {
		if _, rest, found := strings.Cut(pattern, " "); found {
			pattern = strings.TrimLeft(rest, " \t")
		}
		if pattern[0] != '/' {
			return true
		}
	}
	return false
}

// original returns the request that the proxy asks about, as far as it concerns
// us, and whether the proxy says which one it is.
func original(r *http.Request) (*http.Request, bool) {
	asked := r.WithContext(r.Context())
	method, uri, host := r.Header[forwardedMethod], r.Header[forwardedURI], r.Header[forwardedHost]
	if len(method) != 1 || len(uri) != 1 || len(host) > 1 || method[0] == "" {
		return asked, false
	}
	u, err := url.ParseRequestURI(uri[0])
	if err != nil {
		return asked, false
	}
	asked.Method, asked.URL, asked.RequestURI, asked.Pattern = method[0], u, uri[0], ""
	// What the proxy sends here is never the body of the request.
	asked.Body, asked.ContentLength = http.NoBody, 0
	if len(host) == 1 {
		asked.Host = host[0]
	}
	return asked, true
}
