package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

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
