package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// around returns a verifier that changes the errors of v.
func around(v bearer.Verifier, change func(error) error) bearer.Verifier {
	return bearer.VerifierFunc(func(ctx context.Context, token string) (*bearer.Claims, error) {
		claims, err := v.Verify(ctx, token)
		if err != nil {
			err = change(err)
		}
		return claims, err
	})
}

// wrappers returns verifiers for the tokens of the issuer: the verifiers of this module, and
// verifiers of other packages that call them.
func wrappers(t *testing.T, issuer *bearertest.Issuer) map[string]bearer.Verifier {
	t.Helper()
	v := testkit.NewVerifier(t, issuer, nil)
	several := &bearer.Issuers{Logger: slog.New(slog.DiscardHandler)}
	if err := several.Add(testkit.Config(t, issuer)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = several.Close() })
	other := testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Audience = []string{"third-api"} })
	return map[string]bearer.Verifier{
		"without a cache": testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) { cfg.CacheSize = -1 }),
		"with hooks": testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) {
			cfg.Custom = func([]byte) (any, error) { return nil, nil }
			cfg.Validate = func(context.Context, *bearer.Claims) error { return nil }
		}),
		"Issuers":          several,
		"wraps the error":  around(v, func(err error) error { return fmt.Errorf("wrapped: %w", err) }),
		"joins the error":  around(v, func(err error) error { return errors.Join(errors.New("first"), err) }),
		"copies the Error": around(v, func(err error) error { e, _ := errors.AsType[*bearer.Error](err); c := *e; return &c }),
		"makes a new Error": around(v, func(err error) error {
			e, _ := errors.AsType[*bearer.Error](err)
			return &bearer.Error{Reason: e.Reason, Err: err}
		}),
		"asks two verifiers": bearer.VerifierFunc(func(ctx context.Context, token string) (*bearer.Claims, error) {
			claims, err := other.Verify(ctx, token)
			if err != nil {
				var second error
				claims, second = v.Verify(ctx, token)
				err = errors.Join(err, second)
			}
			return claims, err
		}),
	}
}

// TestUnverifiedWrapped sends tokens whose signatures are not valid to guards with different
// verifiers. The responses must be the same as with a JWTVerifier. The client of an expired
// token that the issuer has signed must learn that the token expired.
func TestUnverifiedWrapped(t *testing.T) {
	issuer := testkit.NewIssuer(t, "ES256")
	tokens := newForger(issuer, 2).tokens(200)
	expired := issuer.Token(map[string]any{"exp": time.Now().Add(-time.Hour)})
	for name, v := range wrappers(t, issuer) {
		t.Run(name, func(t *testing.T) {
			for _, w := range append(httpWires(t, v)[:1], grpcWires(t, v)...) {
				checkSame(t, w, tokens)
				// The verifier for a different audience refuses the token with WrongAudience,
				// but Expired takes precedence.
				if got := w.send(expired); !strings.Contains(got, "The access token expired") {
					t.Errorf("%s: got response %q to an expired token of the issuer, want the description that it expired", w.name, got)
				}
			}
		})
	}
}

// TestEventUnverified checks that Event.Unverified is true for exactly the tokens whose signatures
// are not valid, with the same verifiers. Otherwise an operator cannot tell a forged expired token
// from an expired token of the issuer.
func TestEventUnverified(t *testing.T) {
	issuer := testkit.NewIssuer(t, "ES256")
	old := map[string]any{"exp": time.Now().Add(-time.Hour)}
	expired := issuer.Token(old)
	forged := append(newForger(issuer, 3).tokens(200), issuer.Forge(nil, old))
	for name, v := range wrappers(t, issuer) {
		var got bearer.Event
		send := func(token string) {
			_, _ = bearer.Decide(t.Context(), v, bearer.Request{
				Transport: "http", Authorization: []string{"Bearer " + token}, Rule: scopes.All(),
				Observer: bearer.ObserverFunc(func(_ context.Context, e bearer.Event) { got = e }),
			})
		}
		for _, token := range forged {
			if send(token); !got.Unverified && got.Reason != bearer.InvalidRequest {
				t.Errorf("%s: got Unverified false for a forged token that was refused with %v, want true", name, got.Err)
			}
		}
		for _, token := range []string{expired, issuer.Token(nil), ""} {
			if send(token); got.Unverified {
				t.Errorf("%s: got Unverified true for %v, want false", name, got.Err)
			}
		}
	}
}

// TestToldByOthers checks the responses to the errors of other packages. A verifier of another
// package and a hook decide what the client learns, except for the reasons that say that no
// signature was verified.
func TestToldByOthers(t *testing.T) {
	issuer := testkit.NewIssuer(t, "ES256")
	unproved := func() error {
		_, err := testkit.NewVerifier(t, issuer, nil).Verify(t.Context(), issuer.Forge(nil, map[string]any{"exp": 1}))
		return err
	}()
	const common = "The access token is invalid"
	for _, row := range []struct {
		name string
		err  error
		want string
	}{
		{"Expired", bearer.Expired, "The access token expired"},
		{"an Error with Expired", &bearer.Error{Reason: bearer.Expired}, "The access token expired"},
		{"Revoked", bearer.Revoked, "The access token was revoked"},
		{"WrongAudience", bearer.WrongAudience, "The access token is not meant for this resource"},
		{"Malformed", bearer.Malformed, common},
		{"BadSignature", bearer.BadSignature, common},
		{"Revoked and BadSignature", errors.Join(bearer.BadSignature, bearer.Revoked), "The access token was revoked"},
		{"the error for another token", unproved, common},
		{"Revoked and the error for another token", errors.Join(bearer.Revoked, unproved), common},
		{"KeysUnavailable and the error for another token", &bearer.Error{Reason: bearer.KeysUnavailable, Err: unproved}, "Access tokens cannot be verified at the moment"},
	} {
		for where, v := range map[string]bearer.Verifier{
			"verifier": testkit.Refuse(row.err),
			"Custom": testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) {
				cfg.Custom = func([]byte) (any, error) { return nil, row.err }
			}),
			"Validate": testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) {
				cfg.Validate = func(context.Context, *bearer.Claims) error { return row.err }
			}),
		} {
			for _, w := range append(httpWires(t, v)[:1], grpcWires(t, v)...) {
				if got := w.send(issuer.Token(nil)); !strings.Contains(got, row.want) {
					t.Errorf("%s of a %s, %s: got response %q, want the description %q", row.name, where, w.name, got, row.want)
				}
			}
		}
	}
}

// TestUnverifiedKeys checks the responses to tokens while the keys of the issuer change. A token
// whose claims do not fit causes no fetch, so the client learns what is wrong only if the key
// is in memory.
func TestUnverifiedKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := testkit.NewIssuer(t, "ES256")
		keys, err := jwks.Discover(issuer.URL(), &jwks.Options{Transport: issuer.Transport(), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer keys.Close()
		guards := newGuardSet(t, testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Keys = keys }))
		send := func(step, token, wantReason string, wantFetches int) {
			t.Helper()
			before := issuer.Fetches(bearertest.KeysEndpoint)
			h := guards.overHTTP(t.Context(), "", []string{"Bearer " + token})
			g := guards.overGRPC(t.Context(), t, "", []string{"Bearer " + token})
			if got := issuer.Fetches(bearertest.KeysEndpoint) - before; g.reason != wantReason || got != wantFetches {
				t.Errorf("%s: got reason %q and %d fetches, want reason %q and %d fetches", step, g.reason, got, wantReason, wantFetches)
			}
			if told := strings.Contains(strings.Join(h.challenge, ""), "The access token expired"); told != (wantReason == "EXPIRED") {
				t.Errorf("%s: got challenge %q, want the reason %q", step, h.challenge, wantReason)
			}
		}
		old := map[string]any{"exp": time.Now().Add(-time.Hour)}
		soon := issuer.Token(map[string]any{"exp": time.Now().Add(time.Minute)})
		first := issuer.Keys()[0]
		if err := keys.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		send("valid token", soon, "", 0)
		send("expired token", issuer.Token(old), "EXPIRED", 0)
		send("forged and expired token", issuer.Forge(nil, old), "INVALID_TOKEN", 0)
		send("forged and expired token with an unknown kid", issuer.Forge(map[string]any{"kid": "x"}, old), "INVALID_TOKEN", 0)
		time.Sleep(2 * time.Minute)
		send("token that expired in the cache", soon, "EXPIRED", 0)
		issuer.Rotate()
		rotated := issuer.Token(old)
		send("expired token with a key that was not fetched", rotated, "INVALID_TOKEN", 0)
		if err := keys.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		send("expired token with a key that was fetched", rotated, "EXPIRED", 0)
		issuer.Withdraw(first.ID())
		if err := keys.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		send("expired token with a key that was withdrawn", soon, "INVALID_TOKEN", 0)
	})
}

// TestUnverifiedOutage checks the responses while no keys are available. A token that may be
// valid gets 503. A token whose claims do not fit is refused, and the client does not learn why.
func TestUnverifiedOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := testkit.NewIssuer(t, "ES256")
		issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Status: 500})
		keys, err := jwks.Discover(issuer.URL(), &jwks.Options{Transport: issuer.Transport(), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer keys.Close()
		guards := newGuardSet(t, testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Keys = keys }))
		old := map[string]any{"exp": time.Now().Add(-time.Hour)}
		for _, row := range []struct{ name, token, want string }{
			{"valid token", issuer.Token(nil), "KEYS_UNAVAILABLE"},
			{"forged token", issuer.Forge(nil, nil), "KEYS_UNAVAILABLE"},
			{"expired token", issuer.Token(old), "INVALID_TOKEN"},
			{"forged and expired token", issuer.Forge(nil, old), "INVALID_TOKEN"},
		} {
			if got := guards.overGRPC(t.Context(), t, "", []string{"Bearer " + row.token}); got.reason != row.want {
				t.Errorf("%s: got reason %q, want %q", row.name, got.reason, row.want)
			}
		}
	})
}

// TestUnverifiedAfterAdd adds an issuer after a token was cached under an issuer with a template.
// The new issuer has other keys, so it did not verify the signature, and the client must not
// learn that the audience does not fit.
func TestUnverifiedAfterAdd(t *testing.T) {
	const url = "https://login.example/3f7e6c1a-0000-4000-8000-000000000001/v2.0"
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: url, Audience: []string{testkit.Audience}})
	defer issuer.Close()
	template := testkit.Config(t, issuer)
	template.Issuer = "https://login.example/{tenantid}/v2.0"
	template.Validate = func(context.Context, *bearer.Claims) error { return nil }
	exact := testkit.Config(t, testkit.NewIssuer(t))
	exact.Issuer, exact.Audience = url, []string{"other-api"}
	several := &bearer.Issuers{Logger: slog.New(slog.DiscardHandler)}
	defer several.Close()
	if err := several.Add(template); err != nil {
		t.Fatal(err)
	}
	guards, token := newGuardSet(t, several), []string{"Bearer " + issuer.Token(map[string]any{"tid": "3f7e6c1a-0000-4000-8000-000000000001"})}
	for range 2 {
		if got := guards.overGRPC(t.Context(), t, "", token); got.reason != "" {
			t.Errorf("got reason %q from the issuer with a template, want none", got.reason)
		}
	}
	if err := several.Add(exact); err != nil {
		t.Fatal(err)
	}
	if got := guards.overGRPC(t.Context(), t, "", token); got.reason != "INVALID_TOKEN" {
		t.Errorf("got reason %q from the issuer without a template, want INVALID_TOKEN", got.reason)
	}
}
