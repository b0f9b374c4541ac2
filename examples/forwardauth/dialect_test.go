package main

import (
	"net/http"
	"testing"

	"github.com/bearerkit/bearer/middleware"
)

// TestWrongDialect checks that the request that docs/deploying.md describes has the wanted
// status only with the dialect of the proxy.
func TestWrongDialect(t *testing.T) {
	for _, row := range []struct {
		proxy     proxy
		dialect   middleware.Dialect
		malformed int // the status of the request without a token
		outage    int // the status of a request while the keys are not available
	}{
		{nginx, "", http.StatusUnauthorized, http.StatusServiceUnavailable},
		{nginx, middleware.DialectCaddy, http.StatusInternalServerError, http.StatusInternalServerError},
		{nginx, middleware.DialectHAProxy, http.StatusInternalServerError, http.StatusInternalServerError},
		{caddy, middleware.DialectCaddy, http.StatusBadRequest, http.StatusServiceUnavailable},
		{caddy, "", http.StatusUnauthorized, http.StatusForbidden},
		{haproxy, middleware.DialectHAProxy, http.StatusBadRequest, http.StatusServiceUnavailable},
		{haproxy, "", http.StatusUnauthorized, http.StatusForbidden},
	} {
		s := newSettingWith(t, options(row.dialect), rules())
		front := row.proxy.start(t, s)
		for authorization, want := range map[string]int{
			"Bearer": row.malformed,
			"Bearer " + s.issuer.Token(map[string]any{"scope": "read:reports"}): http.StatusOK,
			"Bearer unavailable": row.outage,
			"Bearer malformed":   http.StatusUnauthorized,
		} {
			status, _ := exchange(t, front, "GET /reports/7 HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: "+authorization+"\r\n\r\n")
			if status != want {
				t.Errorf("%s, dialect %q, %q: got status %d, want status %d", row.proxy.name, row.dialect, authorization, status, want)
			}
		}
	}
}
