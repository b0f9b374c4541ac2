package dpop_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/dpop"
)

// TestTargets compares "htu" with the target URI of the request.
func TestTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			opts               dpop.Options
			scheme, host, path string
			htu                string
			want               bearer.Reason
		}{
			"query and fragment":             {path: "/orders", htu: "https://api.example/orders?a=b#c"},
			"letter case of scheme and host": {path: "/orders", htu: "HTTPS://API.Example/orders"},
			"default port":                   {path: "/orders", htu: "https://api.example:443/orders"},
			"other port":                     {path: "/orders", htu: "https://api.example:8443/orders", want: bearer.InvalidProof},
			"letter case of an escape":       {path: "/a%2fb", htu: "https://api.example/a%2Fb"},
			"escape and character":           {path: "/a%2Fb", htu: "https://api.example/a/b", want: bearer.InvalidProof},
			"unreserved escape":              {path: "/%7Ea", htu: "https://api.example/~a"},
			"slash at the end":               {path: "/orders/", htu: "https://api.example/orders", want: bearer.InvalidProof},
			"letter case of the path":        {path: "/Orders", htu: "https://api.example/orders", want: bearer.InvalidProof},
			"user in htu":                    {path: "/orders", htu: "https://me@api.example/orders", want: bearer.InvalidProof},
			"relative htu":                   {path: "/orders", htu: "/orders", want: bearer.InvalidProof},
			"number sign in the request":     {path: "/orders#x", htu: "https://api.example/orders", want: bearer.InvalidProof},
			"question mark in the request":   {path: "/orders?x", htu: "https://api.example/orders", want: bearer.InvalidProof},
			"no path":                        {path: "", htu: "https://api.example/", want: bearer.InvalidProof},
			"asterisk":                       {path: "*", htu: "https://api.example/*", want: bearer.InvalidProof},
			"Host has no influence":          {host: "evil.example", path: "/orders", htu: "https://evil.example/orders", want: bearer.InvalidProof},
			"scheme has no influence":        {scheme: "http", path: "/orders", htu: "https://api.example/orders"},
			"WebSocket":                      {scheme: "wss", path: "/ws", htu: "wss://api.example/ws"},
			"WebSocket, https":               {scheme: "wss", path: "/ws", htu: "https://api.example/ws"},
			"wss without an upgrade":         {scheme: "https", path: "/ws", htu: "wss://api.example/ws", want: bearer.InvalidProof},
			"base with a prefix":             {opts: dpop.Options{Origins: []string{"https://api.example/v1/"}}, path: "/orders", htu: "https://api.example/v1/orders"},
			"base with a prefix, not in htu": {opts: dpop.Options{Origins: []string{"https://api.example/v1"}}, path: "/orders", htu: "https://api.example/orders", want: bearer.InvalidProof},
			"second base":                    {opts: dpop.Options{Origins: []string{"https://api.example", "https://old.example"}}, path: "/orders", htu: "https://old.example/orders"},
			"gRPC":                           {path: "/deploy.v1.Deployments/Create", htu: "https://api.example/deploy.v1.Deployments/Create"},
			"any origin":                     {opts: dpop.Options{InsecureAnyOrigin: true}, host: "other.example:443", path: "/orders", htu: "https://other.example/orders"},
			"any origin, other host":         {opts: dpop.Options{InsecureAnyOrigin: true}, host: "other.example", path: "/orders", htu: "https://api.example/orders", want: bearer.InvalidProof},
			"any origin, http":               {opts: dpop.Options{InsecureAnyOrigin: true}, scheme: "http", path: "/orders", htu: "https://api.example/orders", want: bearer.InvalidProof},
			"any origin, host with a user":   {opts: dpop.Options{InsecureAnyOrigin: true}, host: "me@api.example", path: "/orders", htu: "https://api.example/orders", want: bearer.InvalidProof},
			"any origin, host with a path":   {opts: dpop.Options{InsecureAnyOrigin: true}, host: "api.example/x", path: "/orders", htu: "https://api.example/x/orders", want: bearer.InvalidProof},
			"any origin, WebSocket":          {opts: dpop.Options{InsecureAnyOrigin: true}, scheme: "wss", path: "/ws", htu: "https://api.example/ws"},
		} {
			a := newBoundAPI(t, test.opts, nil)
			client, signer := newHandmade(t)
			a.token = a.bound(signer.Thumbprint())
			req := a.request("DPoP "+a.token, client.sign(t, a.token, map[string]any{"htu": test.htu}))
			if req.Path = test.path; test.host != "" {
				req.Host = test.host
			}
			if test.scheme != "" {
				req.Scheme = test.scheme
			}
			_, err := bearer.Decide(t.Context(), a.verifier, req)
			if got := reasonOf(err); got != test.want {
				t.Errorf("%s: got reason %q (%v), want %q", name, got, err, test.want)
			}
		}
	})
}

// handmade is a client that signs proofs with any claims.
type handmade struct {
	key ed25519.PrivateKey
	jwk map[string]any
}

func newHandmade(t *testing.T) (*handmade, *dpop.Signer) {
	t.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := dpop.NewSigner(key, "EdDSA")
	if err != nil {
		t.Fatal(err)
	}
	return &handmade{key, map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public)}}, signer
}

// sign returns a proof for GET https://api.example/orders and the token. The changes replace claims. A
// claim that is nil is left out.
func (h *handmade) sign(t *testing.T, token string, changes map[string]any) string {
	t.Helper()
	hash := sha256.Sum256([]byte(token))
	claims := jwt.MapClaims{
		"jti": rand.Text(), "htm": "GET", "htu": "https://api.example/orders", "iat": time.Now().Unix(),
		"ath": base64.RawURLEncoding.EncodeToString(hash[:]),
	}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	proof := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
	proof.Header["typ"], proof.Header["jwk"] = "dpop+jwt", h.jwk
	text, err := proof.SignedString(h.key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestProofClaims changes the times and the other claims of a proof.
func TestProofClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newBoundAPI(t, dpop.Options{}, nil)
		client, signer := newHandmade(t)
		a.token = a.bound(signer.Thumbprint())
		in := func(d time.Duration) float64 { return float64(time.Now().Add(d).UnixMilli()) / 1000 }
		for name, test := range map[string]struct {
			changes map[string]any
			want    bearer.Reason
		}{
			"no change":                {nil, ""},
			"other claims":             {map[string]any{"htx": 1, "nonce": "of a different service"}, ""},
			"10 s ahead":               {map[string]any{"iat": in(10 * time.Second)}, ""},
			"10.5 s ahead":             {map[string]any{"iat": in(10500 * time.Millisecond)}, bearer.InvalidProof},
			"60 s old":                 {map[string]any{"iat": in(-time.Minute)}, ""},
			"61 s old":                 {map[string]any{"iat": in(-61 * time.Second)}, bearer.InvalidProof},
			"future, in a year":        {map[string]any{"iat": in(365 * 24 * time.Hour)}, bearer.InvalidProof},
			"expires later":            {map[string]any{"exp": in(time.Second)}, ""},
			"expired":                  {map[string]any{"exp": in(0)}, bearer.InvalidProof},
			"valid soon":               {map[string]any{"nbf": in(10 * time.Second)}, ""},
			"valid later":              {map[string]any{"nbf": in(11 * time.Second)}, bearer.InvalidProof},
			"no iat":                   {map[string]any{"iat": nil}, bearer.InvalidProof},
			"iat as a string":          {map[string]any{"iat": "1"}, bearer.InvalidProof},
			"no jti":                   {map[string]any{"jti": nil}, bearer.InvalidProof},
			"long jti":                 {map[string]any{"jti": strings.Repeat("x", 257)}, bearer.InvalidProof},
			"no ath":                   {map[string]any{"ath": nil}, bearer.InvalidProof},
			"ath of a different token": {map[string]any{"ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"}, bearer.InvalidProof},
			"method in lower case":     {map[string]any{"htm": "get"}, bearer.InvalidProof},
			"no htm":                   {map[string]any{"htm": nil}, bearer.InvalidProof},
			"no htu":                   {map[string]any{"htu": nil}, bearer.InvalidProof},
		} {
			_, err := bearer.Decide(t.Context(), a.verifier, a.request("DPoP "+a.token, client.sign(t, a.token, test.changes)))
			if got := reasonOf(err); got != test.want {
				t.Errorf("%s: got reason %q (%v), want %q", name, got, err, test.want)
			}
		}
		// The same jti under two keys is two proofs.
		other, otherSigner := newHandmade(t)
		otherToken := a.bound(otherSigner.Thumbprint())
		for i, req := range []bearer.Request{
			a.request("DPoP "+a.token, client.sign(t, a.token, map[string]any{"jti": "same"})),
			a.request("DPoP "+otherToken, other.sign(t, otherToken, map[string]any{"jti": "same"})),
		} {
			if _, err := bearer.Decide(t.Context(), a.verifier, req); err != nil {
				t.Errorf("client %d: got %v, want allowed", i, err)
			}
		}
	})
}

// With nonces, the clock of the client does not matter.
func TestNonceInsteadOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newBoundAPI(t, dpop.Options{NonceKeys: [][]byte{[]byte(strings.Repeat("k", 32))}}, nil)
		client, signer := newHandmade(t)
		a.token = a.bound(signer.Thumbprint())
		wrong := map[string]any{"iat": time.Now().Add(-24 * time.Hour).Unix()}
		_, err := bearer.Decide(t.Context(), a.verifier, a.request("DPoP "+a.token, client.sign(t, a.token, wrong)))
		refused, _ := errors.AsType[*bearer.Error](err)
		if refused == nil || refused.Reason != bearer.ProofNonce {
			t.Fatalf("no nonce: got %v, want reason proof_nonce", err)
		}
		wrong["nonce"] = refused.Nonce
		text := client.sign(t, a.token, wrong)
		if _, err := bearer.Decide(t.Context(), a.verifier, a.request("DPoP "+a.token, text)); err != nil {
			t.Errorf("clock of the client is a day behind: got %v, want allowed", err)
		}
		// The proof must be remembered for as long as its nonce is valid.
		for range 12 {
			time.Sleep(10 * time.Second)
			if _, err := bearer.Decide(t.Context(), a.verifier, a.request("DPoP "+a.token, text)); err == nil {
				t.Fatal("replay while the nonce is valid: got allowed, want refused")
			}
		}
	})
}
