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

// These are the names of fields in a forward-auth request and its response, in canonical
// form.
const (
	forwardedMethod = "X-Forwarded-Method"
	forwardedURI    = "X-Forwarded-Uri"
	forwardedHost   = "X-Forwarded-Host"
	authError       = "X-Auth-Error"
)

// ForwardAuth returns a handler that decides for a proxy whether a request may pass. In
// nginx, the directive auth_request calls the handler. In Caddy, the directive forward_auth
// calls the handler. The handler uses the rules in t. If t is nil, the handler denies every
// request.
//
// The proxy MUST pass the Authorization field to the handler. The proxy MUST set
// X-Forwarded-Method to the method of the client's request, and X-Forwarded-Uri to the
// target of this request. If a pattern of the table contains a host, the proxy MUST also set
// X-Forwarded-Host to the host of this request. If the client has sent one of these
// fields, the proxy MUST replace the client's value. The handler denies a request if a
// required X-Forwarded field is missing, or if the request contains X-Forwarded-Method,
// X-Forwarded-Uri or X-Forwarded-Host more than once. Make sure that only the proxy can
// connect to the handler.
//
// The handler answers 204 if the request may pass. Otherwise the handler answers 401 or 403,
// because nginx turns every other error status into 500. The handler answers 401 in place
// of 400, and 403 in place of 500 and 503.
//
// The response field X-Auth-Error contains [Refusal].Error. The only exception is
// "temporarily_unavailable", for which the field contains "unavailable". If the field
// contains "unavailable", the response contains Retry-After, and the proxy should answer
// 503. If the field contains "server_error", the proxy should answer 500.
//
// A 204 response contains every field of Options.Headers, even if the field is empty. So a
// proxy that copies the fields always overwrites the client's own fields. The proxy must
// drop fields of the client whose names have "_" in place of "-". The program
// examples/forwardauth contains configurations for nginx and Caddy.
func (g *Guard) ForwardAuth(t *scopes.Table) http.Handler {
	declare.NotNil(transport, enforcedRoutes, "guard", g)
	g.rules.addTable(t)
	hosts := sync.OnceValue(func() bool { return hasHosts(t) }) // called at the first request, because all rules are declared by then
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var (
			rule    scopes.Rule
			pattern string
		)
		noRule := "the proxy does not describe the client's request as the guard requires"
		req, ok := original(r)
		if ok && (len(r.Header[forwardedHost]) == 1 || !hosts()) {
			rule, pattern = g.ruleFor(t, req)
			noRule = g.noRule(req, rule, noPattern)
		}
		allowed, err := g.check(req, rule, pattern, noRule)
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

// denyForwarded answers a refused request of a proxy. The status is 401 or 403, because
// nginx accepts no other error status. X-Auth-Error contains the error code.
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

// hasHosts reports whether a pattern of t contains a host.
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

// original returns the client's request as the proxy describes it in the X-Forwarded
// fields. It also reports whether the description is valid: the method and the target are
// present and valid, and no field appears twice.
func original(r *http.Request) (*http.Request, bool) {
	req := r.WithContext(r.Context())
	method, uri, host := r.Header[forwardedMethod], r.Header[forwardedURI], r.Header[forwardedHost]
	if len(method) != 1 || len(uri) != 1 || len(host) > 1 || method[0] == "" {
		return req, false
	}
	u, err := url.ParseRequestURI(uri[0])
	if err != nil {
		return req, false
	}
	req.Method, req.URL, req.RequestURI, req.Pattern = method[0], u, uri[0], ""
	// The body is removed, because it is not the body of the client's request.
	req.Body, req.ContentLength = http.NoBody, 0
	if len(host) == 1 {
		req.Host = host[0]
	}
	return req, true
}
