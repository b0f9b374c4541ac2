package middleware_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// speed contains a guard and tokens. The tokens have the claims of a typical machine client.
type speed struct {
	alg    string
	issuer *bearertest.Issuer
	guard  *middleware.Guard
	tokens []string // no two tokens are equal
	rule   scopes.Rule
}

// newSpeed returns a guard with n tokens. The verifier of the guard has the Scalekit profile
// and this cache size (0: the default).
func newSpeed(tb testing.TB, alg string, cacheSize, n int) *speed {
	tb.Helper()
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: "https://acme.scalekit.dev", Algorithms: []string{alg}})
	tb.Cleanup(issuer.Close)
	v := testkit.NewVerifier(tb, issuer, func(cfg *bearer.Config) {
		cfg.Audience, cfg.Profile, cfg.CacheSize = []string{"deployment-api.acmecorp.com"}, bearer.Scalekit, cacheSize
	})
	guard, err := middleware.New(v, nil)
	if err != nil {
		tb.Fatal(err)
	}
	s := &speed{alg: alg, issuer: issuer, guard: guard, rule: scopes.All("deploy:applications")}
	for i := range n {
		s.tokens = append(s.tokens, s.token(i, nil))
	}
	return s
}

// token returns a token for the verifier of s. With RS256, the token has 926 bytes.
func (s *speed) token(i int, change map[string]any) string {
	claims := map[string]any{
		"aud":           []string{"deployment-api.acmecorp.com"},
		"client_id":     "m2morg_68315758685323697",
		"sub":           "m2morg_68315758685323697",
		"oid":           "org_59615193906282635",
		"custom_claims": map[string]string{"environment": "production", "tier": "gold"},
		"scopes":        []string{"deploy:applications", "read:deployments"},
		"jti":           fmt.Sprintf("tkn_%017d", i),
	}
	for name, value := range change {
		claims[name] = value
	}
	return s.issuer.Mint(map[string]any{"typ": "JWT"}, claims)
}

func request(token string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/deployments", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

var errInvalid = errors.New("not valid")

// raw returns a function that verifies the signature of a decoded token and checks nothing
// else. No verifier can be faster than this function.
func (s *speed) raw(tb testing.TB, token string) func() error {
	tb.Helper()
	dot := strings.LastIndexByte(token, '.')
	signed := []byte(token[:dot])
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil {
		tb.Fatal(err)
	}
	switch key := s.issuer.SigningKey(s.alg).Public().(type) {
	case *rsa.PublicKey:
		if s.alg == "PS256" {
			return func() error {
				sum := sha256.Sum256(signed)
				return rsa.VerifyPSS(key, crypto.SHA256, sum[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
			}
		}
		return func() error {
			sum := sha256.Sum256(signed)
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
		}
	case *ecdsa.PublicKey:
		// golang-jwt calls ecdsa.Verify, which takes r and s as numbers.
		return func() error {
			hash := crypto.SHA256.New()
			hash.Write([]byte(token[:dot]))
			r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
			if !ecdsa.Verify(key, hash.Sum(nil), r, s) {
				return errInvalid
			}
			return nil
		}
	case ed25519.PublicKey:
		return func() error {
			if !ed25519.Verify(key, signed, signature) {
				return errInvalid
			}
			return nil
		}
	}
	tb.Fatalf("got a signing key of an unknown type for %s, want an RSA, ECDSA or Ed25519 key", s.alg)
	return nil
}

var algorithms = []string{"RS256", "PS256", "ES256", "EdDSA"}

// BenchmarkFirst measures requests with new tokens.
func BenchmarkFirst(b *testing.B) {
	for _, alg := range algorithms {
		s := newSpeed(b, alg, 64, 512) // each token is evicted before it is sent again
		handler := s.guard.Require(s.rule)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		requests := make([]*http.Request, len(s.tokens))
		for i, token := range s.tokens {
			requests[i] = request(token)
		}
		raw := s.raw(b, s.tokens[0])
		b.Run(alg+"/raw", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := raw(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(alg+"/bearer", func(b *testing.B) {
			b.ReportAllocs()
			w := httptest.NewRecorder()
			for i := 0; b.Loop(); i++ {
				handler.ServeHTTP(w, requests[i%len(requests)])
			}
			if w.Code != http.StatusOK {
				b.Fatalf("got status %d, want status 200", w.Code)
			}
		})
	}
}

// BenchmarkRepeated measures requests with a cached token. "service" runs with a heap of 64
// MiB, which is usual for a service. "alone" runs with a heap of almost 0 MiB. With such a
// small heap, the garbage collector runs about 300 times per second.
func BenchmarkRepeated(b *testing.B) {
	s := newSpeed(b, "RS256", 0, 1)
	b.Run("alone", s.repeat)
	service := make([]byte, 64<<20)
	b.Run("service", s.repeat)
	runtime.KeepAlive(service)
}

func (s *speed) repeat(b *testing.B) {
	handler := s.guard.Require(s.rule)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := request(s.tokens[0])
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(w, r)
	}
	if w.Code != http.StatusOK {
		b.Fatalf("got status %d, want status 200", w.Code)
	}
}

// BenchmarkCheck measures the refusal of each value that the function garbage returns.
func BenchmarkCheck(b *testing.B) {
	for name, authorization := range garbage() {
		s := newSpeed(b, "ES256", 0, 0)
		r := request("")
		r.Header["Authorization"] = authorization
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.guard.Check(r, s.rule); err == nil {
					b.Fatal("got no error, want a refusal")
				}
			}
		})
	}
}

// garbage returns values of the Authorization field that contain no valid token.
func garbage() map[string][]string {
	return map[string][]string{
		"none":                    nil,
		"empty":                   {""},
		"another scheme":          {"Basic dXNlcjpwYXNzd29yZA=="},
		"garbage":                 {"Bearer garbage"},
		"three parts of garbage":  {"Bearer garbage.garbage.garbage"},
		"two values":              {"Bearer a", "Bearer b"},
		"two tokens in one value": {"Bearer a, Bearer b"},
		"a quoted token":          {`Bearer "a"`},
		"five parts":              {"Bearer a.b.c.d.e"},
		"a megabyte":              {"Bearer " + strings.Repeat("a", 1<<20)},
		"a megabyte of dots":      {"Bearer " + strings.Repeat(".", 1<<20)},
		"a megabyte of JSON":      {"Bearer " + strings.Repeat(`{"a":[`, 1<<20/6)},
		"a megabyte of spaces":    {"Bearer" + strings.Repeat(" ", 1<<20)},
		"a megabyte of scheme":    {strings.Repeat("a", 1<<20)},
		"16 KiB of dots":          {"Bearer " + strings.Repeat(".", 16<<10)},
		"16 KiB":                  {"Bearer " + strings.Repeat("a", 16<<10)},
	}
}
