package middleware_test

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// overrideNames returns fields that name another method, target or host, in their usual
// spelling.
func overrideNames() []string {
	return []string{
		"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Forwarded-Method", "X-Original-Method", "x-envoy-original-method",
		"X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "X-Rewrite-URI", "X-Original-Path", "X-Rewrite-Path", "X-Override-URL", "X-Proxy-URL",
		"X-Real-URL", "X-Request-URI", "X-Request-URL", "X-Forwarded-Uri", "X-Forwarded-URL", "X-Forwarded-Path", "X-Forwarded-PathBase",
		"X-HTTP-DestinationURL", "X-HTTP-Path-Override", "X-Replaced-Path", "x-invoke-path", "x-matched-path", "x-ms-original-url",
		"X-WAWS-Unencoded-URL", "X-Script-Name", "x-envoy-original-path", "x-envoy-original-url",
		"X-Host", "X-Host-Override", "X-HTTP-Host-Override", "X-Original-Host", "X-Proxy-Host", "X-Real-Host", "x-envoy-original-host", "DISGUISED-HOST",
	}
}

// forwardingNames returns fields that proxies add to every request.
func forwardingNames() []string {
	return []string{
		"Forwarded", "X-Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto",
		"X-Forwarded-Scheme", "X-Forwarded-Server", "X-Forwarded-Ssl",
	}
}

// respell returns a random spelling that a service may read as the same name: CGI replaces
// every character except letters and digits with "_", and ignores letter case.
func respell(random *rand.Rand, name string) string {
	spelled := []byte(name)
	for i, c := range spelled {
		switch {
		case c == '-' && random.IntN(2) == 0:
			spelled[i] = "_.~!#$%&'*+^`|"[random.IntN(14)]
		case c != '-' && random.IntN(2) == 0:
			spelled[i] ^= 0x20
		}
	}
	return string(spelled)
}

// fold returns the name that a loose service reads.
func fold(name string) string {
	return strings.Map(func(c rune) rune {
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' {
			return c
		}
		return '_'
	}, strings.ToLower(name))
}

// TestProxyRemovesOverrides checks that no field that names another method, target or host
// arrives at the target, in the header or in the trailer.
func TestProxyRemovesOverrides(t *testing.T) {
	forbidden := map[string]bool{}
	for _, name := range slices.Concat(overrideNames(), forwardingNames()) {
		forbidden[fold(name)] = true
	}
	b, front := proxyTo(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		for name, values := range r.Header {
			switch name {
			case "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto": // the proxy sets these fields
				if slices.Contains(values, "evil") {
					_, _ = fmt.Fprintf(w, "value of %s; ", name)
				}
			default:
				if forbidden[fold(name)] {
					_, _ = fmt.Fprintf(w, "field %s; ", name)
				}
			}
		}
		for name := range r.Trailer {
			if forbidden[fold(name)] {
				_, _ = fmt.Fprintf(w, "trailer %s; ", name)
			}
		}
		_, _ = fmt.Fprintf(w, "kept %s %d", r.Header.Get("X-Original"), len(r.Trailer)) //nolint:gosec // no browser renders it
	}))
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // spellings for a test
	token := b.token("x")
	for _, name := range slices.Concat(overrideNames(), forwardingNames()) {
		for range 4 {
			a, z := respell(random, name), respell(random, name)
			reader := sendRaw(t, front, "POST / HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "+token+"\r\nX-Original: 1\r\n"+
				a+": evil\r\n"+name+": evil\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, "+z+", "+name+"\r\n\r\n"+
				"5\r\nhello\r\n0\r\nX-Sum: 7\r\n"+z+": evil\r\n"+a+": evil\r\n"+name+": evil\r\n\r\n")
			if got := readReply(t, reader, http.MethodPost); got.status != http.StatusOK || got.body != "kept 1 1" {
				t.Errorf("%s, %s, %s: got status %d and %q from the target, want no such field, the field X-Original and one trailer", name, a, z, got.status, got.body)
			}
		}
	}
}

// guarded returns handlers with the same rule for every way to declare a rule.
func guarded(guard *middleware.Guard, rule scopes.Rule, h http.Handler) map[string]http.Handler {
	var table scopes.Table
	table.Handle("/{$}", rule)
	mux, handled := http.NewServeMux(), http.NewServeMux()
	mux.Handle("/{$}", h)
	guard.Handle(handled, "/{$}", rule, h)
	match := func(r *http.Request) string { _, pattern := mux.Handler(r); return pattern }
	return map[string]http.Handler{
		"Require":       guard.Require(rule)(h),
		"RequireAt":     guard.RequireAt("/{$}", rule)(h),
		"Handle":        handled,
		"Enforce":       guard.Enforce(&table)(h),
		"EnforceRoutes": guard.EnforceRoutes(scopes.Routes{"/{$}": rule}, match)(mux),
	}
}

// TestRefuseOverrides checks that Options.RefuseOverrides refuses requests with override
// fields, for every way to declare a rule, even if the rule is public.
func TestRefuseOverrides(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // spellings for a test
	for _, refuse := range []bool{false, true} {
		b := newFixture(t, &middleware.Options{RefuseOverrides: refuse, AllowPreflight: true})
		ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
		token := b.token("x")
		for _, rule := range []scopes.Rule{scopes.Public(), scopes.All("x"), scopes.Optional(scopes.All("x")), scopes.ReportOnly(scopes.All("z"))} {
			for way, h := range guarded(b.guard, rule, ok) {
				send := func(change func(*http.Request)) int {
					r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
					r.Header.Set("Authorization", "Bearer "+token)
					change(r)
					return serve(h, r).Code
				}
				refused := http.StatusOK
				if refuse {
					refused = http.StatusForbidden
				}
				for _, name := range overrideNames() {
					spelled := respell(random, name)
					for where, change := range map[string]func(*http.Request){
						"header":  func(r *http.Request) { r.Header[http.CanonicalHeaderKey(spelled)] = []string{""} },
						"trailer": func(r *http.Request) { r.Trailer = http.Header{spelled: nil} },
					} {
						if got := send(change); got != refused {
							t.Errorf("RefuseOverrides %v, %s, %s, %s %s: got status %d, want status %d", refuse, rule, way, where, spelled, got, refused)
						}
					}
				}
				for _, name := range append(forwardingNames(), "X-Original", "X-HTTP-Method-Overrides", "X-Real-IP", "Host", "XHost") {
					if got := send(func(r *http.Request) { r.Header.Set(name, "x") }); got != http.StatusOK {
						t.Errorf("RefuseOverrides %v, %s, %s, %s: got status %d, want status 200", refuse, rule, way, name, got)
					}
				}
				refused = http.StatusOK
				if refuse {
					refused = http.StatusUnauthorized
				}
				if got := send(func(r *http.Request) {
					r.Method = http.MethodOptions
					maps.Copy(r.Header, http.Header{"Origin": {"https://a"}, "Access-Control-Request-Method": {"GET"}, "X-Original-Url": {"/"}})
					r.Header.Del("Authorization")
				}); got != refused {
					t.Errorf("RefuseOverrides %v, %s, %s, preflight request: got status %d, want status %d", refuse, rule, way, got, refused)
				}
			}
		}
	}
}
