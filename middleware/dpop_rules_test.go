package middleware_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/internal/checklist"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// awayStore is a store of used proofs that cannot be reached.
type awayStore struct{}

func (awayStore) Seen(context.Context, string, time.Time) (bool, error) {
	return false, errors.New("the store is away")
}

// TestBoundRules tests the rules about proofs that concern only the response of an HTTP guard.
func TestBoundRules(t *testing.T) {
	key := [][]byte{[]byte(strings.Repeat("k", 32))}
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	const uri = "https://api.example/orders"
	send := func(f *boundFixture, authorization string, proofs ...string) *httptest.ResponseRecorder {
		return get(f.guard.Require(scopes.All("a"))(ok), "/orders", authorization, proofs...)
	}
	run := func(id string, test func(c *checklist.T)) {
		checklist.Test(t, id, func(c *checklist.T) {
			outer := c.T
			synctest.Test(outer, func(bubble *testing.T) { c.T = bubble; test(c) })
			c.T = outer
		})
	}
	run("DP16", func(c *checklist.T) {
		f := newBoundFixture(c.T, nil, dpop.Options{}, nil)
		c.Want("a good proof", send(f, "DPoP "+f.bound, f.proof(c.T, "GET", uri, "")).Code, http.StatusOK)
		for _, proofs := range [][]string{nil, {"x"}, {"x", "y"}, {f.proof(c.T, "PUT", uri, "")}} {
			w := send(f, "DPoP "+f.bound, proofs...)
			c.Want("a bad proof", w.Code, http.StatusUnauthorized)
			c.Want("a bad proof: challenges", len(w.Header().Values("WWW-Authenticate")), 2)
		}
	})
	run("DP17", func(c *checklist.T) {
		f := newBoundFixture(c.T, nil, dpop.Options{Algorithms: []string{"PS256", "ES256"}}, nil)
		for name, authorization := range map[string]string{"no token": "", "a bad token": "DPoP x", "no proof": "DPoP " + f.bound} {
			challenges := send(f, authorization).Header().Values("WWW-Authenticate")
			c.Want(name+": algs for Bearer", strings.Contains(challenges[0], "algs="), false)
			c.Want(name+": algs for DPoP", strings.Contains(challenges[1], `algs="PS256 ES256"`), true)
		}
	})
	run("DP19", func(c *checklist.T) {
		f := newBoundFixture(c.T, nil, dpop.Options{}, nil)
		challenges := send(f, "").Header().Values("WWW-Authenticate")
		c.Want("the challenge Bearer", challenges[0], `Bearer realm="api"`)
		c.Want("the challenge DPoP has an error", strings.Contains(challenges[1], "error="), false)
	})
	run("DP29", func(c *checklist.T) {
		f := newBoundFixture(c.T, nil, dpop.Options{Replays: awayStore{}}, nil)
		w := send(f, "DPoP "+f.bound, f.proof(c.T, "GET", uri, ""))
		c.Want("the store is away", w.Code, http.StatusServiceUnavailable)
		c.Want("the store is away: Retry-After", w.Header().Get("Retry-After"), "5")
		f = newBoundFixture(c.T, nil, dpop.Options{Replays: awayStore{}, InsecureAcceptWithoutReplays: true}, nil)
		c.Want("InsecureAcceptWithoutReplays", send(f, "DPoP "+f.bound, f.proof(c.T, "GET", uri, "")).Code, http.StatusOK)
	})
	run("DP31", func(c *checklist.T) {
		f := newBoundFixture(c.T, nil, dpop.Options{}, nil)
		text := f.proof(c.T, "GET", uri, "")
		c.Want("the first request", send(f, "DPoP "+f.bound, text).Code, http.StatusOK)
		c.Want("the same request again", strings.Contains(send(f, "DPoP "+f.bound, text).Body.String(), "The DPoP proof was used before"), true)
	})
	run("DP36", func(c *checklist.T) {
		f := newBoundFixture(c.T, nil, dpop.Options{NonceKeys: key}, nil)
		nonce := send(f, "DPoP "+f.bound, f.proof(c.T, "GET", uri, "")).Header().Get("DPoP-Nonce")
		c.Want("a current nonce", send(f, "DPoP "+f.bound, f.proof(c.T, "GET", uri, nonce)).Header().Get("DPoP-Nonce"), "")
		time.Sleep(time.Minute)
		w := send(f, "DPoP "+f.bound, f.proof(c.T, "GET", uri, nonce))
		c.Want("the last nonce", w.Code, http.StatusOK)
		c.Want("the last nonce: a new one", len(w.Header().Values("DPoP-Nonce")), 1)
		c.Want("the last nonce: Cache-Control", w.Header().Get("Cache-Control"), "no-store")
		for name, w := range map[string]*httptest.ResponseRecorder{
			"no token": send(f, ""), "an unbound token": send(f, "Bearer "+f.plain), "a forged token": send(f, "DPoP x.y.z", f.proof(c.T, "GET", uri, "")),
		} {
			c.Want(name+": no nonce", w.Header().Get("DPoP-Nonce"), "")
		}
	})
	run("DP37", func(c *checklist.T) {
		f := newBoundFixture(c.T, &middleware.Options{ExposeChallenge: true}, dpop.Options{NonceKeys: key}, nil)
		w := send(f, "DPoP "+f.bound, f.proof(c.T, "GET", uri, ""))
		c.Want("exposed fields", w.Header().Get("Access-Control-Expose-Headers"), "WWW-Authenticate, DPoP-Nonce")
		c.Want("the error code", strings.Contains(w.Header().Values("WWW-Authenticate")[1], `error="use_dpop_nonce"`), true)
	})
	run("DP42", func(c *checklist.T) {
		f := newBoundFixture(c.T, nil, dpop.Options{}, nil)
		for range 3 {
			c.Want("a new proof", send(f, "DPoP "+f.bound, f.proof(c.T, "GET", uri, "")).Code, http.StatusOK)
			c.Want("no proof, token in the cache", send(f, "DPoP "+f.bound).Code, http.StatusUnauthorized)
		}
	})
	run("HT11", func(c *checklist.T) {
		f := newBoundFixture(c.T, nil, dpop.Options{}, nil)
		var rules scopes.Table
		rules.Handle("GET /orders", scopes.All("a"))
		ask := func(method, uri, proof string) int {
			r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/auth", http.NoBody)
			for name, value := range map[string]string{"X-Forwarded-Method": method, "X-Forwarded-Uri": uri, "X-Forwarded-Host": "api.example", "Authorization": "DPoP " + f.bound, "DPoP": proof} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			return serve(f.guard.ForwardAuth(&rules), r).Code
		}
		c.Want("proof for the request of the client", ask("GET", "/orders", f.proof(c.T, "GET", uri, "")), http.StatusNoContent)
		c.Want("proof for the request of the proxy", ask("GET", "/orders", f.proof(c.T, "GET", "https://api.example/auth", "")), http.StatusUnauthorized)
		for _, missing := range [][2]string{{"", "/orders"}, {"GET", ""}, {"", ""}} {
			got := ask(missing[0], missing[1], f.proof(c.T, "GET", uri, ""))
			c.Want("without a description", got == http.StatusNoContent, false)
		}
	})
}
