package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestIgnoredFields checks that the guard logs the names of fields that a client sends and
// the proxy passes to the guard.
func TestIgnoredFields(t *testing.T) {
	for _, p := range []proxy{nginx, caddy, haproxy} {
		s := newSettingWith(t, options(p.dialect), rules())
		front := p.start(t, s)
		status, _ := exchange(t, front, "GET /public/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Original-URL: "+publicHTTP+"\r\nX-HTTP-Method-Override: PUT\r\n\r\n")
		if log := s.log.String(); status != http.StatusOK || !strings.Contains(log, `fields="X-Http-Method-Override, X-Original-Url"`) || strings.Contains(log, publicHTTP) {
			t.Errorf("%s: got status %d and the log %s, want status 200 and the names of the fields", p.name, status, log)
		}
	}
}

// TestRefuseOverrides checks that the guard gets the fields that Options.RefuseOverrides is
// for, except for the fields of its own dialect, which the proxy replaces.
func TestRefuseOverrides(t *testing.T) {
	accepted := []string{
		"X-Other", "Forwarded", "X-Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Forwarded-Ssl",
		"X-Forwarded-Server",
	}
	for _, p := range []proxy{nginx, ingressNginx, caddy, haproxy} {
		opts := options(p.dialect)
		opts.RefuseOverrides = true
		s := newSettingWith(t, opts, rules())
		front := p.start(t, s)
		own := []string{"X-Forwarded-Method", "X-Forwarded-Uri"} // the proxy replaces these fields
		if p.dialect == "ingress-nginx" {
			own = []string{"X-Original-Method", "X-Original-Url", "X-Original-Uri"}
		}
		for _, name := range append(overrideFields(), "X-Other") {
			want := http.StatusUnauthorized
			if slices.Contains(accepted, name) || slices.Contains(own, name) {
				want = http.StatusOK
			}
			status, _ := exchange(t, front, "GET /public/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"+name+": "+publicHTTP+"\r\n\r\n")
			if seen := len(s.takeRequests()); status != want || (seen == 1) != (want == http.StatusOK) {
				t.Errorf("%s, %s: got status %d and %d requests at the service, want status %d", p.name, name, status, seen, want)
			}
		}
	}
}
