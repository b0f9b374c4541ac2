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

// wrapping is a verifier of another package around one of this package.
type wrapping struct{ bearer.Verifier }

// retrying asks the verifier twice, as a wrapper with a fallback does.
type retrying struct{ first, second bearer.Verifier }

func (r retrying) Verify(ctx context.Context, token string) (*bearer.Claims, error) {
	if claims, err := r.first.Verify(ctx, token); err == nil {
		return claims, nil
	}
	return r.second.Verify(ctx, token)
}

// TestToldOnce sends requests of every outcome to a decision, with the verifier wrapped in
// every way and the observer in every place. Each request must be told once, with the
// outcome of the request.
func TestToldOnce(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	good, expired := issuer.Token(map[string]any{"scope": "a"}), issuer.Token(map[string]any{"exp": 1})
	for _, request := range []struct {
		name, authorization string
		rule                scopes.Rule
		want                bearer.Reason
		waived              bearer.Reason // of Event.Err, where the request is let through
	}{
		{"allowed", "Bearer " + good, scopes.All("a"), "", ""},
		{"403", "Bearer " + good, scopes.All("b"), bearer.MissingScope, ""},
		{"403 reported only", "Bearer " + good, scopes.ReportOnly(scopes.All("b")), "", bearer.MissingScope},
		{"expired", "Bearer " + expired, scopes.All("a"), bearer.Expired, ""},
		{"garbage", "Bearer garbage", scopes.All("a"), bearer.Malformed, ""},
		{"no token", "", scopes.All("a"), bearer.NoToken, ""},
		{"no token, optional", "", scopes.Optional(scopes.All("a")), "", ""},
		{"two tokens", "Bearer a, Bearer b", scopes.All("a"), bearer.InvalidRequest, ""},
	} {
		for _, place := range []string{"guard", "verifier", "both"} {
			for wrapped := range 6 {
				events, configured := &testkit.Recorder{}, &testkit.Recorder{}
				v := newVerifier(t, issuer, func(cfg *bearer.Config) {
					if place != "guard" {
						cfg.Observer = configured
					}
				})
				var asked bearer.Verifier
				switch wrapped {
				case 0:
					asked = v
				case 1:
					asked = bearer.VerifierFunc(v.Verify)
				case 2:
					asked = wrapping{v}
				case 3:
					asked = wrapping{bearer.VerifierFunc(wrapping{v}.Verify)}
				case 4:
					asked = retrying{v, v}
				case 5:
					asked = observed{v, v} // a wrapper that passes events on
				}
				req := bearer.Request{Transport: "test", Route: "r", Rule: request.rule}
				if request.authorization != "" {
					req.Authorization = []string{request.authorization}
				}
				told := configured
				if place != "verifier" {
					req.Observer, told = events, events
				}
				_, err := bearer.Decide(t.Context(), asked, req)
				name := fmt.Sprintf("%s, observer of the %s, wrapping %d", request.name, place, wrapped)
				if got := reasonOf(t, err); got != request.want {
					t.Errorf("%s: got %q, want %q", name, got, request.want)
				}
				got, others := told.Take(), append(events.Take(), configured.Take()...)
				if len(others) > 0 {
					t.Errorf("%s: got %v told to another observer", name, others)
				}
				// Nobody verifies a request without a token, so a verifier that is hidden in a
				// function cannot be told of it.
				hidden := place == "verifier" && 0 < wrapped && wrapped < 5 && (request.authorization == "" || request.want == bearer.InvalidRequest)
				if hidden {
					if len(got) > 0 {
						t.Errorf("%s: got %v, want nothing told", name, got)
					}
					continue
				}
				if len(got) != 1 || got[0].Reason != request.want || got[0].Transport != "test" || got[0].Route != "r" {
					t.Errorf("%s: got %+v, want one event with reason %q", name, got, request.want)
				} else if waived := (&bearer.Error{}); request.waived != "" && (!errors.As(got[0].Err, &waived) || waived.Reason != request.waived) {
					t.Errorf("%s: got %v, want what the mode waived", name, got[0].Err)
				}
			}
		}
	}
}

// TestCacheHitWrapped requires the event of a guard to say whether the verifier inside a
// wrapper remembered the token.
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
			t.Errorf("got %+v, want one event of the issuer with CacheHit %v", e, want)
		}
	}
}

// TestVerifyInHandler calls a verifier from a handler, for a second token: that outcome is
// the token's, and told beside the request's.
func TestVerifyInHandler(t *testing.T) {
	issuer, events := newIssuer(t, "EdDSA"), &testkit.Recorder{}
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Observer = events })
	for name, asked := range map[string]bearer.Verifier{"own": v, "wrapped": wrapping{v}} {
		ctx, err := bearer.Decide(t.Context(), asked, bearer.Request{Transport: "test", Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All()})
		if err != nil {
			t.Fatal(err)
		}
		if e := events.Take(); len(e) != 1 || e[0].Transport != "test" {
			t.Errorf("%s: got %+v, want the request's event", name, e)
		}
		if _, err := v.Verify(ctx, "garbage"); reasonOf(t, err) != bearer.Malformed {
			t.Errorf("%s: got %v, want malformed", name, err)
		}
		if e := events.Take(); len(e) != 1 || e[0].Transport != "" || e[0].Reason != bearer.Malformed {
			t.Errorf("%s: got %+v, want the second token's event", name, e)
		}
	}
}

// overriding embeds a verifier of this package and has a Verify of its own.
type overriding struct{ *bearer.JWTVerifier }

func (overriding) Verify(context.Context, string) (*bearer.Claims, error) {
	return nil, bearer.Revoked
}

// overridingAll is the same for several issuers.
type overridingAll struct{ *bearer.Issuers }

func (overridingAll) Verify(context.Context, string) (*bearer.Claims, error) {
	return nil, bearer.Revoked
}

// TestEmbeddedVerifier requires a type that embeds a verifier to be asked itself, although
// it has the methods of a verifier of this package.
func TestEmbeddedVerifier(t *testing.T) {
	issuer, events := newIssuer(t, "EdDSA"), &testkit.Recorder{}
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Observer = events })
	for name, asked := range map[string]bearer.Verifier{"one": overriding{v}, "several": overridingAll{new(bearer.Issuers)}} {
		req := bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All()}
		if _, err := bearer.Decide(t.Context(), asked, req); reasonOf(t, err) != bearer.Revoked {
			t.Errorf("%s: got %v, want its own verdict", name, err)
		}
		if x := bearer.Explain(t.Context(), asked, req); x.Reason != bearer.Revoked {
			t.Errorf("%s: got an explanation of %q, want its own verdict", name, x.Reason)
		}
	}
	if got := events.Take(); len(got) != 1 || got[0].Reason != bearer.Revoked {
		t.Errorf("got %+v, want the request told once", got)
	}
}

// TestLateVerdict has a wrapper with a time limit give up: the verdict that comes later is
// nobody's outcome.
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
			t.Errorf("got %v, %d events of the guard and %+v of the verifier, want one of the guard", err, len(got), late)
		}
	})
}

// TestShadowVerifier asks a second verifier for comparison: the one whose claims count is
// told.
func TestShadowVerifier(t *testing.T) {
	issuer, deciding, shadowed := newIssuer(t, "EdDSA"), &testkit.Recorder{}, &testkit.Recorder{}
	a := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Observer = deciding })
	b := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Observer, cfg.Audience = shadowed, []string{"other", audience} })
	for name, order := range map[string][]*bearer.JWTVerifier{"first": {a, b}, "last": {b, a}} {
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
		if told, others := len(deciding.Take()), len(shadowed.Take()); told != 1 || others != 0 {
			t.Errorf("deciding verifier asked %s: got %d events of it and %d of the other, want one of it", name, told, others)
		}
	}
}

// TestVerifyInHook verifies a second token in Config.Validate: its outcome is told as the
// token's, whether or not the request's verifier is wrapped.
func TestVerifyInHook(t *testing.T) {
	issuer, seconds := newIssuer(t, "EdDSA"), &testkit.Recorder{}
	second := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Observer = seconds })
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Validate = func(ctx context.Context, _ *bearer.Claims) error {
			_, _ = second.Verify(ctx, "garbage")
			return nil
		}
	})
	for name, asked := range map[string]bearer.Verifier{"own": v, "wrapped": bearer.VerifierFunc(v.Verify)} {
		if _, err := bearer.Decide(t.Context(), asked, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All()}); err != nil {
			t.Fatal(err)
		}
		if got := seconds.Take(); len(got) != 1 || got[0].Reason != bearer.Malformed {
			t.Errorf("%s: got %+v, want the second token's outcome", name, got)
		}
	}
}

// TestRefusedByWrapper requires the issuer and the token in the event, where a wrapper
// refuses what the verifier accepted.
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
		t.Errorf("got %v and %+v, want one event that names the issuer and the token", err, got)
	}
}
