package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// wrapping is a verifier of another package that wraps a verifier of this package.
type wrapping struct{ bearer.Verifier }

// retrying calls a second verifier if the first verifier fails.
type retrying struct{ first, second bearer.Verifier }

func (r retrying) Verify(ctx context.Context, token string) (*bearer.Claims, error) {
	if claims, err := r.first.Verify(ctx, token); err == nil {
		return claims, nil
	}
	return r.second.Verify(ctx, token)
}

// TestOneEventPerRequest decides requests with different outcomes. The verifier is wrapped in
// different ways, and the guard, the verifier or both have an observer. Each request must
// cause exactly one event with the reason of the request.
func TestOneEventPerRequest(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	good, expired := issuer.Token(map[string]any{"scope": "a"}), issuer.Token(map[string]any{"exp": 1})
	for _, request := range []struct {
		name, authorization string
		rule                scopes.Rule
		want                bearer.Reason
		waived              bearer.Reason // the reason in Event.Err for a request that is allowed
	}{
		{"allowed", "Bearer " + good, scopes.All("a"), "", ""},
		{"missing scope", "Bearer " + good, scopes.All("b"), bearer.MissingScope, ""},
		{"missing scope, report-only rule", "Bearer " + good, scopes.ReportOnly(scopes.All("b")), "", bearer.MissingScope},
		{"expired", "Bearer " + expired, scopes.All("a"), bearer.Expired, ""},
		{"garbage", "Bearer garbage", scopes.All("a"), bearer.Malformed, ""},
		{"no token", "", scopes.All("a"), bearer.NoToken, ""},
		{"no token, optional rule", "", scopes.Optional(scopes.All("a")), "", ""},
		{"two tokens", "Bearer a, Bearer b", scopes.All("a"), bearer.InvalidRequest, ""},
	} {
		for _, place := range []string{"guard", "verifier", "guard and verifier"} {
			for wrapped := range 6 {
				events, configured := &testkit.Recorder{}, &testkit.Recorder{}
				v := newVerifier(t, issuer, func(cfg *bearer.Config) {
					if place != "guard" {
						cfg.Observer = configured
					}
				})
				var verifier bearer.Verifier
				switch wrapped {
				case 0:
					verifier = v
				case 1:
					verifier = bearer.VerifierFunc(v.Verify)
				case 2:
					verifier = wrapping{v}
				case 3:
					verifier = wrapping{bearer.VerifierFunc(wrapping{v}.Verify)}
				case 4:
					verifier = retrying{v, v}
				case 5:
					verifier = observed{v, v} // a wrapper that forwards events
				}
				req := bearer.Request{Transport: "test", Route: "r", Rule: request.rule}
				if request.authorization != "" {
					req.Authorization = []string{request.authorization}
				}
				notified := configured
				if place != "verifier" {
					req.Observer, notified = events, events
				}
				_, err := bearer.Decide(t.Context(), verifier, req)
				name := fmt.Sprintf("%s, observer in %s, wrapping %d", request.name, place, wrapped)
				if got := reasonOf(t, err); got != request.want {
					t.Errorf("%s: got reason %q, want %q", name, got, request.want)
				}
				got, others := notified.Take(), append(events.Take(), configured.Take()...)
				if len(others) > 0 {
					t.Errorf("%s: the observer that must receive no event got events %v, want none", name, others)
				}
				// Decide does not call the verifier for a request without a token, and does
				// not find the observer of a wrapped verifier. So there is no event.
				hidden := place == "verifier" && 0 < wrapped && wrapped < 5 && (request.authorization == "" || request.want == bearer.InvalidRequest)
				if hidden {
					if len(got) > 0 {
						t.Errorf("%s: got events %v, want none", name, got)
					}
					continue
				}
				if len(got) != 1 || got[0].Reason != request.want || got[0].Transport != "test" || got[0].Route != "r" {
					t.Errorf("%s: got events %+v, want one event with reason %q", name, got, request.want)
				} else if waived := (&bearer.Error{}); request.waived != "" && (!errors.As(got[0].Err, &waived) || waived.Reason != request.waived) {
					t.Errorf("%s: got Event.Err %v, want an error with reason %q", name, got[0].Err, request.waived)
				}
			}
		}
	}
}

// TestCacheHitWrapped tests that the event of a guard reports a cache hit of a wrapped
// verifier.
func TestCacheHitWrapped(t *testing.T) {
	issuer, events := newIssuer(t, "EdDSA"), &testkit.Recorder{}
	v := newVerifier(t, issuer, nil)
	token := issuer.Token(nil)
	for _, want := range []bool{false, true} {
		req := bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All(), Observer: events}
		if _, err := bearer.Decide(t.Context(), bearer.VerifierFunc(v.Verify), req); err != nil {
			t.Fatal(err)
		}
		if e := events.Take(); len(e) != 1 || e[0].CacheHit != want || e[0].Issuer != issuer.URL() {
			t.Errorf("got events %+v, want one event of the issuer with CacheHit %v", e, want)
		}
	}
}

// TestVerifyInHandler verifies a second token in a handler. The second token must cause a
// separate event, in addition to the request's event.
func TestVerifyInHandler(t *testing.T) {
	issuer, events := newIssuer(t, "EdDSA"), &testkit.Recorder{}
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Observer = events })
	for name, verifier := range map[string]bearer.Verifier{"plain verifier": v, "wrapped verifier": wrapping{v}} {
		ctx, err := bearer.Decide(t.Context(), verifier, bearer.Request{Transport: "test", Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All()})
		if err != nil {
			t.Fatal(err)
		}
		if e := events.Take(); len(e) != 1 || e[0].Transport != "test" {
			t.Errorf("%s: got events %+v, want only the request's event", name, e)
		}
		if _, err := v.Verify(ctx, "garbage"); reasonOf(t, err) != bearer.Malformed {
			t.Errorf("%s: second token: got error %v, want reason %q", name, err, bearer.Malformed)
		}
		if e := events.Take(); len(e) != 1 || e[0].Transport != "" || e[0].Reason != bearer.Malformed {
			t.Errorf("%s: got events %+v, want only the second token's event", name, e)
		}
	}
}

// overriding embeds a JWTVerifier and overrides Verify.
type overriding struct{ *bearer.JWTVerifier }

func (overriding) Verify(context.Context, string) (*bearer.Claims, error) {
	return nil, bearer.Revoked
}

// overridingAll embeds an Issuers and overrides Verify.
type overridingAll struct{ *bearer.Issuers }

func (overridingAll) Verify(context.Context, string) (*bearer.Claims, error) {
	return nil, bearer.Revoked
}

// TestEmbeddedVerifier uses types that embed a verifier of this package and override Verify.
// Decide and Explain must call the overriding method.
func TestEmbeddedVerifier(t *testing.T) {
	issuer, events := newIssuer(t, "EdDSA"), &testkit.Recorder{}
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Observer = events })
	for name, verifier := range map[string]bearer.Verifier{"JWTVerifier": overriding{v}, "Issuers": overridingAll{new(bearer.Issuers)}} {
		req := bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All()}
		if _, err := bearer.Decide(t.Context(), verifier, req); reasonOf(t, err) != bearer.Revoked {
			t.Errorf("embedded %s: Decide: got error %v, want reason %q", name, err, bearer.Revoked)
		}
		if x := bearer.Explain(t.Context(), verifier, req); x.Reason != bearer.Revoked {
			t.Errorf("embedded %s: Explain: got reason %q, want %q", name, x.Reason, bearer.Revoked)
		}
	}
	if got := events.Take(); len(got) != 1 || got[0].Reason != bearer.Revoked {
		t.Errorf("got events %+v, want one event with reason %q", got, bearer.Revoked)
	}
}

// TestLateVerdict uses a wrapper that waits at most 1 s for the verifier. A later verdict of
// the verifier must not cause an event.
func TestLateVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, events, guards := newIssuer(t, "EdDSA"), &testkit.Recorder{}, &testkit.Recorder{}
		v := newVerifier(t, issuer, func(cfg *bearer.Config) {
			cfg.Observer = events
			cfg.Validate = func(context.Context, *bearer.Claims) error { time.Sleep(time.Minute); return nil }
		})
		limited := bearer.VerifierFunc(func(ctx context.Context, token string) (*bearer.Claims, error) {
			go func() { _, _ = v.Verify(ctx, token) }()
			time.Sleep(time.Second)
			return nil, bearer.KeysUnavailable
		})
		_, err := bearer.Decide(t.Context(), limited, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All(), Observer: guards})
		time.Sleep(time.Hour)
		if got, late := guards.Take(), events.Take(); reasonOf(t, err) != bearer.KeysUnavailable || len(got) != 1 || len(late) != 0 {
			t.Errorf("got error %v, %d events of the guard and events %+v of the verifier, want reason %q and only one event of the guard", err, len(got), late, bearer.KeysUnavailable)
		}
	})
}

// TestShadowVerifier calls a second verifier for comparison only. The event must go to the
// observer of the verifier whose claims the wrapper returns.
func TestShadowVerifier(t *testing.T) {
	issuer, deciding, shadowed := newIssuer(t, "EdDSA"), &testkit.Recorder{}, &testkit.Recorder{}
	a := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Observer = deciding })
	b := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Observer, cfg.Audience = shadowed, []string{"other", audience} })
	for name, order := range map[string][]*bearer.JWTVerifier{"called first": {a, b}, "called last": {b, a}} {
		shadow := bearer.VerifierFunc(func(ctx context.Context, token string) (claims *bearer.Claims, err error) {
			for _, v := range order {
				c, verdict := v.Verify(ctx, token)
				if v == a {
					claims, err = c, verdict
				}
			}
			return claims, err
		})
		if _, err := bearer.Decide(t.Context(), shadow, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All()}); err != nil {
			t.Fatal(err)
		}
		if got, others := len(deciding.Take()), len(shadowed.Take()); got != 1 || others != 0 {
			t.Errorf("deciding verifier is %s: got %d events of this verifier and %d events of the other verifier, want 1 event of this verifier and 0 events of the other verifier", name, got, others)
		}
	}
}

// TestVerifyInHook verifies a second token in Config.Validate. The second token must cause a
// separate event, even if the verifier of the request is wrapped.
func TestVerifyInHook(t *testing.T) {
	issuer, seconds := newIssuer(t, "EdDSA"), &testkit.Recorder{}
	second := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Observer = seconds })
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Validate = func(ctx context.Context, _ *bearer.Claims) error {
			_, _ = second.Verify(ctx, "garbage")
			return nil
		}
	})
	for name, verifier := range map[string]bearer.Verifier{"plain verifier": v, "wrapped verifier": bearer.VerifierFunc(v.Verify)} {
		if _, err := bearer.Decide(t.Context(), verifier, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All()}); err != nil {
			t.Fatal(err)
		}
		if got := seconds.Take(); len(got) != 1 || got[0].Reason != bearer.Malformed {
			t.Errorf("%s: got events %+v, want one event of the second token", name, got)
		}
	}
}

// TestRefusedByWrapper uses a wrapper that refuses a token after the verifier accepted the
// token. The event must name the issuer and the token.
func TestRefusedByWrapper(t *testing.T) {
	issuer, events := newIssuer(t, "EdDSA"), &testkit.Recorder{}
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Observer = events })
	denying := bearer.VerifierFunc(func(ctx context.Context, token string) (*bearer.Claims, error) {
		if _, err := v.Verify(ctx, token); err != nil {
			return nil, err
		}
		return nil, bearer.Revoked
	})
	_, err := bearer.Decide(t.Context(), denying, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(map[string]any{"jti": "7"})}, Rule: scopes.All()})
	if got := events.Take(); reasonOf(t, err) != bearer.Revoked || len(got) != 1 || got[0].Issuer != issuer.URL() || got[0].TokenID() != "7" || got[0].Claims != nil {
		t.Errorf("got error %v and events %+v, want one event that names the issuer and the token", err, got)
	}
}
