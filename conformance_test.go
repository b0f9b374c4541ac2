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

// verdict is the reason of a verifier's error, or "accepted".
func verdict(t *checklist.T, v bearer.Verifier, token string) string {
	t.Helper()
	_, err := v.Verify(t.Context(), token)
	if err == nil {
		return "accepted"
	}
	return string(reasonOf(t.T, err))
}

// TestRules holds the verifier against rules that no vector can show: those of its
// configuration, its hooks and its claims.
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
				t.Want(alg+" where "+accepted+" is accepted", verdict(t, v, issuer.Mint(map[string]any{"alg": alg}, nil)), want)
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
				t.Want("New takes "+alg, err == nil, want)
			}
			_, err := jwks.Parse([]byte(`{"keys":[{"kty":"oct","kid":"a","alg":"HS256","k":"cGFzc3dvcmQ"}]}`))
			t.Want("a key set of a password is usable", err == nil, false)
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
			t.Want("the client speaks for itself", c.Subject() == c.ClientID(), subject == "client-1")
		}
		t.Want("a token that names no client", verdict(t, v, issuer.Token(map[string]any{"client_id": nil})), "claims")
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
		t.Want("one on the list", verdict(t, v, issuer.Token(map[string]any{"jti": "withdrawn"})), "revoked")
		t.Want("one that is not", verdict(t, v, issuer.Token(map[string]any{"jti": "other"})), "accepted")
		t.Want("a number", verdict(t, v, issuer.Token(map[string]any{"jti": 1})), "claims")
	})
	testHooks(t)
	testTraffic(t)
	testGrants(t)
	testBound(t)
}

// testHooks has who is told what of a token that nobody signed.
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
			{"genuine", good, 2},
			{"forged", issuer.Forge(nil, nil), 0},
			{"tampered with", bearertest.Tamper(good, map[string]any{"sub": "admin"}), 0},
			{"unsecured", issuer.Mint(map[string]any{"alg": "none"}, nil), 0},
			{"under an unknown key", issuer.Mint(map[string]any{"kid": "x"}, nil), 0},
		} {
			called = 0
			_, err := v.Verify(t.Context(), row.token)
			t.Want(row.name+": hooks called", called, row.calls)
			events := observer.Take()
			t.Want(row.name+": an observer gets claims", len(events) == 1 && events[0].Claims != nil, err == nil)
		}
	})
}

// asked is a transport that notes whom it is asked to talk to.
type asked struct {
	http.RoundTripper
	mu    sync.Mutex // guards hosts
	hosts []string
}

func (a *asked) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	a.hosts = append(a.hosts, r.URL.Host)
	a.mu.Unlock()
	return a.RoundTripper.RoundTrip(r)
}

// testTraffic has tokens that say where to get their key.
func testTraffic(t *testing.T) {
	t.Helper()
	for _, id := range []string{"J11", "J12", "P12"} {
		checklist.Test(t, id, func(t *checklist.T) {
			issuer := newIssuer(t.T)
			transport := &asked{RoundTripper: issuer.Transport()}
			keys, err := jwks.Discover(issuer.URL(), &jwks.Options{Transport: transport, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			defer keys.Close()
			v := newVerifier(t.T, issuer, func(c *bearer.Config) { c.Keys = keys })
			t.Want("a plain token", verdict(t, v, issuer.Token(nil)), "accepted")
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
				if header["iss"] != nil {
					want = "claims"
				}
				t.Want(fmt.Sprint("forged, with ", header), verdict(t, v, issuer.Forge(header, nil)), want)
			}
			t.Want("of another issuer", verdict(t, v, issuer.Forge(nil, map[string]any{"iss": "https://evil.example"})), "issuer")
			t.Want("somebody else was asked", slices.ContainsFunc(transport.hosts, func(host string) bool { return host != "issuer.example" }), false)
			t.Want("the issuer was asked", slices.Contains(transport.hosts, "issuer.example"), true)
		})
	}
}

// testGrants has what scopes and roles let through.
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
			t.Want("the scope", decide(map[string]any{"scope": "read"}, read), bearer.Reason(""))
			t.Want("another scope", decide(map[string]any{"scope": "write"}, read), bearer.MissingScope)
			t.Want("a role of the scope's name", decide(map[string]any{"roles": []string{"read"}}, read), bearer.MissingScope)
			t.Want("the role", decide(map[string]any{"roles": []string{"admin"}}, admin), bearer.Reason(""))
			t.Want("a scope of the role's name", decide(map[string]any{"scope": "admin"}, admin), bearer.MissingScope)
			t.Want("the scope, for another resource", decide(map[string]any{"scope": "read", "aud": "x"}, read), bearer.WrongAudience)
			t.Want("the scope, expired", decide(map[string]any{"scope": "read", "exp": 1}, read), bearer.Expired)
			t.Want("the scope, and no rule", decide(map[string]any{"scope": "read"}, scopes.Rule{}), bearer.MissingScope)
			_, err := bearer.Decide(t.Context(), v, bearer.Request{Rule: read})
			t.Want("no token", reasonOf(t.T, err), bearer.NoToken)
		})
	}
}

// testBound has tokens that are good for nobody but whoever holds a key.
func testBound(t *testing.T) {
	t.Helper()
	checklist.Test(t, "Z02", func(t *checklist.T) {
		issuer := newIssuer(t.T)
		v := newVerifier(t.T, issuer, nil)
		t.Want("plain", verdict(t, v, issuer.Token(nil)), "accepted")
		for _, member := range []string{"jkt", "x5t#S256", "jwk", "kid", "jku", "jwe", "something-new"} {
			t.Want("bound by "+member, verdict(t, v, issuer.Token(map[string]any{"cnf": map[string]any{member: "x"}})), "binding")
		}
	})
	checklist.Test(t, "Z03", func(t *checklist.T) {
		// What errors say is searched in internal/conformance, over all vectors.
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
		t.Want("claims as text", has(c.String()), false)
		t.Want("claims in a log", has(c.LogValue().String()), false)
		t.Want("the whole subject in a log", strings.Contains(c.LogValue().String(), c.Subject()), false)
	})
}
