package bearer_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/checklist"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// verdict returns the reason of the verifier's error, or "accepted".
func verdict(t *checklist.T, v bearer.Verifier, token string) string {
	t.Helper()
	_, err := v.Verify(t.Context(), token)
	if err == nil {
		return "accepted"
	}
	return string(reasonOf(t.T, err))
}

// TestRules tests rules about the verifier's configuration, hooks and claims. The vectors
// cannot test these rules.
func TestRules(t *testing.T) {
	checklist.Test(t, "P01", func(t *checklist.T) {
		issuer := newIssuer(t.T, "ES256", "EdDSA", "RS256")
		for _, accepted := range []string{"ES256", "EdDSA", "RS256"} {
			v := newVerifier(t.T, issuer, func(c *bearer.Config) { c.Algorithms = []string{accepted} })
			for _, alg := range []string{"ES256", "EdDSA", "RS256"} {
				want := "algorithm"
				if alg == accepted {
					want = "accepted"
				}
				t.Want(alg+" if only "+accepted+" is accepted", verdict(t, v, issuer.Mint(map[string]any{"alg": alg}, nil)), want)
			}
		}
	})
	for _, id := range []string{"P03", "P07"} {
		checklist.Test(t, id, func(t *checklist.T) {
			issuer := newIssuer(t.T)
			cfg := testkit.Config(t, issuer)
			for alg, want := range map[string]bool{
				"ES256": true, "RS512": true, "Ed25519": true, "none": false, "None": false, "NONE": false, "": false, "HS256": false,
				"hs256": false, "HS384": false, "HS512": false, "RS1": false, "es256": false, "ES256K": false, "A128KW": false, "dir": false,
			} {
				cfg.Algorithms = []string{alg}
				_, err := bearer.New(cfg)
				t.Want("New accepts the algorithm "+alg, err == nil, want)
			}
			_, err := jwks.Parse([]byte(`{"keys":[{"kty":"oct","kid":"a","alg":"HS256","k":"cGFzc3dvcmQ"}]}`))
			t.Want("Parse accepts a key set with one shared secret", err == nil, false)
		})
	}
	checklist.Test(t, "P10", func(t *checklist.T) {
		other := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: "https://other.example", Audience: []string{audience}})
		defer other.Close()
		for _, issuer := range []*bearertest.Issuer{newIssuer(t.T), other} {
			c, err := newVerifier(t.T, issuer, nil).Verify(t.Context(), issuer.Token(map[string]any{"sub": "same"}))
			if err != nil {
				t.Fatal(err)
			}
			t.Want("issuer of subject "+c.Subject(), c.Issuer(), issuer.URL())
			t.Want("subject", c.Subject(), "same")
		}
	})
	checklist.Test(t, "Z05", func(t *checklist.T) {
		issuer := newIssuer(t.T)
		v := newVerifier(t.T, issuer, nil)
		for _, subject := range []string{"user-1", "client-1"} {
			c, err := v.Verify(t.Context(), issuer.Token(map[string]any{"sub": subject, "client_id": "client-1"}))
			if err != nil {
				t.Fatal(err)
			}
			t.Want("subject", c.Subject(), subject)
			t.Want("client of "+subject, c.ClientID(), "client-1")
			t.Want("subject is the client ID", c.Subject() == c.ClientID(), subject == "client-1")
		}
		t.Want("token without client_id", verdict(t, v, issuer.Token(map[string]any{"client_id": nil})), "claims")
	})
	checklist.Test(t, "T10", func(t *checklist.T) {
		issuer := newIssuer(t.T)
		revoked := func(_ context.Context, c *bearer.Claims) error {
			if c.ID() == "withdrawn" {
				return bearer.Revoked
			}
			return nil
		}
		v := newVerifier(t.T, issuer, func(c *bearer.Config) { c.Validate = revoked })
		t.Want("revoked jti", verdict(t, v, issuer.Token(map[string]any{"jti": "withdrawn"})), "revoked")
		t.Want("different jti", verdict(t, v, issuer.Token(map[string]any{"jti": "other"})), "accepted")
		t.Want("jti is a number", verdict(t, v, issuer.Token(map[string]any{"jti": 1})), "claims")
	})
	testHooks(t)
	testTraffic(t)
	testGrants(t)
	testBound(t)
}

// testHooks tests that the verifier calls Config.Custom and Config.Validate only for tokens
// with a valid signature. The observer must receive claims only of accepted tokens.
func testHooks(t *testing.T) {
	t.Helper()
	checklist.Test(t, "T14", func(t *checklist.T) {
		issuer := newIssuer(t.T)
		called := 0
		observer := &testkit.Recorder{}
		v := newVerifier(t.T, issuer, func(c *bearer.Config) {
			c.Custom = func([]byte) (any, error) { called++; return nil, nil }
			c.Validate = func(context.Context, *bearer.Claims) error { called++; return nil }
			c.Observer = observer
		})
		good := issuer.Token(nil)
		for _, row := range []struct {
			name, token string
			calls       int
		}{
			{"valid token", good, 2},
			{"forged token", issuer.Forge(nil, nil), 0},
			{"tampered token", bearertest.Tamper(good, map[string]any{"sub": "admin"}), 0},
			{"alg none", issuer.Mint(map[string]any{"alg": "none"}, nil), 0},
			{"unknown kid", issuer.Mint(map[string]any{"kid": "x"}, nil), 0},
		} {
			called = 0
			_, err := v.Verify(t.Context(), row.token)
			t.Want(row.name+": number of calls of hooks", called, row.calls)
			events := observer.Take()
			t.Want(row.name+": observer receives claims", len(events) == 1 && events[0].Claims != nil, err == nil)
		}
	})
}

// hostRecorder is a transport that records the host of each request.
type hostRecorder struct {
	http.RoundTripper
	mu    sync.Mutex // guards hosts
	hosts []string
}

func (a *hostRecorder) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	a.hosts = append(a.hosts, r.URL.Host)
	a.mu.Unlock()
	return a.RoundTripper.RoundTrip(r)
}

// testTraffic tests that the verifier never fetches keys from a URL in a token.
func testTraffic(t *testing.T) {
	t.Helper()
	for _, id := range []string{"J11", "J12", "P12"} {
		checklist.Test(t, id, func(t *checklist.T) {
			issuer := newIssuer(t.T)
			transport := &hostRecorder{RoundTripper: issuer.Transport()}
			keys, err := jwks.Discover(issuer.URL(), &jwks.Options{Transport: transport, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			defer keys.Close()
			v := newVerifier(t.T, issuer, func(c *bearer.Config) { c.Keys = keys })
			if err := keys.Ready(t.Context()); err != nil { // so that no token is part of the first fetch
				t.Fatal(err)
			}
			t.Want("valid token", verdict(t, v, issuer.Token(nil)), "accepted")
			const evil = "https://evil.example/keys"
			for _, header := range []map[string]any{
				{"jku": evil},
				{"x5u": evil},
				{"jku": issuer.KeysURL() + "@evil.example"},
				{"jwk": map[string]any{"kty": "oct", "k": "eA"}},
				{"x5c": []string{"MIIB"}},
				{"jku": evil, "kid": evil},
				{"jwk": map[string]any{"kty": "oct"}, "kid": "../evil"},
				{"iss": "https://evil.example"},
			} {
				want := "signature"
				if header["kid"] != nil {
					want = "unknown_key"
				}
				if header["kid"] == "../evil" {
					want = "key_not_asked" // the first two fetches without a pause are used up
				}
				if header["iss"] != nil {
					want = "claims"
				}
				t.Want(fmt.Sprint("forged token with header ", header), verdict(t, v, issuer.Forge(header, nil)), want)
			}
			t.Want("forged token whose iss is a different issuer", verdict(t, v, issuer.Forge(nil, map[string]any{"iss": "https://evil.example"})), "issuer")
			t.Want("there are requests to other hosts", slices.ContainsFunc(transport.hosts, func(host string) bool { return host != "issuer.example" }), false)
			t.Want("there are requests to the issuer", slices.Contains(transport.hosts, "issuer.example"), true)
		})
	}
}

// testGrants tests rules that require scopes or roles.
func testGrants(t *testing.T) {
	t.Helper()
	for _, id := range []string{"R08", "Z01", "Z07"} {
		checklist.Test(t, id, func(t *checklist.T) {
			issuer := newIssuer(t.T)
			v := newVerifier(t.T, issuer, func(c *bearer.Config) { c.Profile.Roles = []string{"roles"} })
			decide := func(claims map[string]any, rule scopes.Rule) bearer.Reason {
				_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(claims)}, Rule: rule})
				return reasonOf(t.T, err)
			}
			read, admin := scopes.All("read"), bearer.HasRole("admin")
			t.Want("token with the required scope", decide(map[string]any{"scope": "read"}, read), bearer.Reason(""))
			t.Want("token with a different scope", decide(map[string]any{"scope": "write"}, read), bearer.MissingScope)
			t.Want("token with a role that has the name of the required scope", decide(map[string]any{"roles": []string{"read"}}, read), bearer.MissingScope)
			t.Want("token with the required role", decide(map[string]any{"roles": []string{"admin"}}, admin), bearer.Reason(""))
			t.Want("token with a scope that has the name of the required role", decide(map[string]any{"scope": "admin"}, admin), bearer.MissingScope)
			t.Want("token with the required scope and a wrong audience", decide(map[string]any{"scope": "read", "aud": "x"}, read), bearer.WrongAudience)
			t.Want("expired token with the required scope", decide(map[string]any{"scope": "read", "exp": 1}, read), bearer.Expired)
			t.Want("zero rule and a token with a scope", decide(map[string]any{"scope": "read"}, scopes.Rule{}), bearer.MissingScope)
			_, err := bearer.Decide(t.Context(), v, bearer.Request{Rule: read})
			t.Want("no token", reasonOf(t.T, err), bearer.NoToken)
		})
	}
}

// testBound tests that the verifier refuses tokens that are bound to a client key ("cnf"). It
// also tests that Claims.String and Claims.LogValue contain no part of the token.
func testBound(t *testing.T) {
	t.Helper()
	checklist.Test(t, "Z02", func(t *checklist.T) {
		issuer := newIssuer(t.T)
		v := newVerifier(t.T, issuer, nil)
		t.Want("token without cnf", verdict(t, v, issuer.Token(nil)), "accepted")
		for _, member := range []string{"jkt", "x5t#S256", "jwk", "kid", "jku", "jwe", "something-new"} {
			t.Want("token whose cnf contains "+member, verdict(t, v, issuer.Token(map[string]any{"cnf": map[string]any{member: "x"}})), "binding")
		}
	})
	checklist.Test(t, "Z03", func(t *checklist.T) {
		// The tests of internal/conformance check that no error contains a part of a token.
		issuer := newIssuer(t.T)
		v := newVerifier(t.T, issuer, nil)
		token := issuer.Token(map[string]any{"sub": strings.Repeat("secret", 30)})
		has := func(text string) bool {
			return slices.ContainsFunc(strings.Split(token, "."), func(part string) bool { return strings.Contains(text, part) })
		}
		t.Want("the search finds a token", has("a log line with "+token), true)
		c, err := v.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		t.Want("Claims.String contains a part of the token", has(c.String()), false)
		t.Want("Claims.LogValue contains a part of the token", has(c.LogValue().String()), false)
		t.Want("Claims.LogValue contains the complete long subject", strings.Contains(c.LogValue().String(), c.Subject()), false)
	})
}
