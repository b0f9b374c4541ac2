package main

import (
	"net/http"
	"testing"
)

// TestWrongDialect checks that the requests that docs/proxies.md describes have the wanted
// statuses only with the dialect of the proxy.
func TestWrongDialect(t *testing.T) {
	for _, row := range []struct {
		proxy     proxy
		dialect   string
		malformed int // the status of a request with the Authorization field "Bearer"
		valid     int // the status of a request with a valid token
		outage    int // the status of a request while the keys are not available
	}{
		{nginx, "", http.StatusUnauthorized, http.StatusOK, http.StatusServiceUnavailable},
		{nginx, "caddy", http.StatusInternalServerError, http.StatusOK, http.StatusInternalServerError},
		{nginx, "haproxy", http.StatusInternalServerError, http.StatusOK, http.StatusInternalServerError},
		{nginx, "ingress-nginx", http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable},
		{nginx, "envoy", http.StatusInternalServerError, http.StatusForbidden, http.StatusServiceUnavailable},
		{caddy, "caddy", http.StatusBadRequest, http.StatusOK, http.StatusServiceUnavailable},
		{caddy, "", http.StatusUnauthorized, http.StatusOK, http.StatusForbidden},
		{caddy, "envoy", http.StatusBadRequest, http.StatusForbidden, http.StatusForbidden},
		{haproxy, "haproxy", http.StatusBadRequest, http.StatusOK, http.StatusServiceUnavailable},
		{haproxy, "", http.StatusUnauthorized, http.StatusOK, http.StatusForbidden},
	} {
		s := newSettingWith(t, options(row.dialect), rules())
		front := row.proxy.start(t, s)
		for authorization, want := range map[string]int{
			"Bearer": row.malformed,
			"Bearer " + s.issuer.Token(map[string]any{"scope": "read:reports"}): row.valid,
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
