package conformance_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// rotationTest is an issuer and a service. The service uses a jwks.Cache.
type rotationTest struct {
	*guardSet
	issuer *bearertest.Issuer
	keys   *jwks.Cache
	log    testkit.Buffer
	events testkit.Recorder
}

func newRotationTest(t *testing.T, opts jwks.Options) *rotationTest {
	t.Helper()
	r := &rotationTest{issuer: testkit.NewIssuer(t, "EdDSA")}
	r.issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Delay: 50 * time.Millisecond})
	opts.Transport, opts.Logger = r.issuer.Transport(), slog.New(slog.DiscardHandler)
	keys, err := jwks.New(r.issuer.KeysURL(), &opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() }) //nolint:errcheck // the error is always nil
	r.keys = keys
	r.guardSet = newGuardSet(t, testkit.NewVerifier(t, r.issuer, func(c *bearer.Config) {
		c.Keys, c.Observer, c.Logger = keys, &r.events, slog.New(slog.NewTextHandler(&r.log, nil))
	}))
	if err := keys.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	return r
}

// verdict sends the token over both transports. It fails the test if the verdicts differ.
func (r *rotationTest) verdict(t *testing.T, token string) int {
	t.Helper()
	values := []string{"Bearer " + token}
	web, rpc := r.overHTTP(t.Context(), "", values), r.overGRPC(t.Context(), t, "", values)
	want := map[int]codes.Code{200: codes.OK, 401: codes.Unauthenticated, 503: codes.Unavailable}
	if code, ok := want[web.status]; !ok || code != rpc.code {
		t.Errorf("got status %d and code %v with the reason %q, want the same verdict", web.status, rpc.code, rpc.reason)
	}
	if web.status == 503 && (rpc.reason != "KEY_NOT_ASKED" || web.challenge != nil || rpc.challenge != nil) {
		t.Errorf("got the reason %q and the challenges %q and %q, want KEY_NOT_ASKED and no challenge", rpc.reason, web.challenge, rpc.challenge)
	}
	return web.status
}

// Before an unannounced rotation, clients send a token with a retired kid, forged tokens with a known
// kid, or forged tokens with invented kids. After the rotation, a token with the new kid gets 503 and
// never 401 until the issuer was asked, over both transports. Tokens with the known key are accepted.
func TestKeyNotAsked(t *testing.T) {
	hostile := map[string]func(r *rotationTest, n int) string{
		"retired kid":       func(r *rotationTest, _ int) string { return r.issuer.Mint(map[string]any{"kid": "retired"}, nil) },
		"forged signatures": func(r *rotationTest, _ int) string { return r.issuer.Forge(nil, nil) },
		"invented kids": func(r *rotationTest, n int) string {
			return r.issuer.Forge(map[string]any{"kid": fmt.Sprint("invented", n)}, nil)
		},
	}
	for name, token := range hostile {
		for pause := range 5 {
			t.Run(fmt.Sprint(name, " ", pause), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRotationTest(t, jwks.Options{})
					known := r.issuer.Token(map[string]any{"exp": time.Now().Add(time.Hour)})
					ctx, cancel := context.WithCancel(t.Context())
					ended := make(chan struct{})
					go func() {
						defer close(ended)
						for n := 0; ctx.Err() == nil; n++ {
							if got := r.verdict(t, token(r, n)); got != 401 && got != 503 { //nolint:contextcheck // ctx limits the loop
								t.Errorf("hostile token: got status %d, want 401 or 503", got)
							}
							time.Sleep(70 * time.Millisecond)
						}
					}()
					time.Sleep(time.Duration(pause)*2300*time.Millisecond + time.Second)
					r.issuer.Rotate()
					rotated := time.Now()
					fresh := r.issuer.Token(nil)
					for status := 0; status != 200; time.Sleep(100 * time.Millisecond) {
						if got := r.verdict(t, known); got != 200 {
							t.Errorf("token of the known key: got status %d, want 200", got)
						}
						if status = r.verdict(t, fresh); status == 401 {
							t.Errorf("token of the new key, %v after the rotation: got status 401, want 503 or 200", time.Since(rotated))
						}
						if name != "invented kids" && status != 200 {
							t.Errorf("token of the new key: got status %d, want 200 at once", status)
						}
						if time.Since(rotated) > 9*time.Second {
							t.Fatal("the new key was not found within 9 s")
						}
					}
					if s := r.keys.Status(); !s.Ready || s.Failures > 0 {
						t.Errorf("got the status %+v, want Ready and no Failures", s)
					}
					if text := r.log.String(); strings.Contains(text, "level=ERROR") {
						t.Errorf("got a record with the level ERROR in the log, want none: %s", text)
					}
					cancel()
					<-ended
				})
			})
		}
	}
}

// The response 503 names the time of the next fetch in Retry-After. Optional and ReportOnly do not
// waive the refusal. With RefuseNotAsked, the response is 401.
func TestKeyNotAskedResponse(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRotationTest(t, jwks.Options{RefuseNotAsked: refuse})
			for n := range 5 {
				r.verdict(t, r.issuer.Forge(map[string]any{"kid": fmt.Sprint("invented", n)}, nil))
			}
			r.issuer.Rotate()
			fresh := r.issuer.Token(nil)
			var wait int
			for name, rule := range map[string]scopes.Rule{"all": scopes.All(), "optional": scopes.Optional(scopes.All()), "report only": scopes.ReportOnly(scopes.All("x"))} {
				w := httptest.NewRecorder()
				req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
				req.Header.Set("Authorization", "Bearer "+fresh)
				r.http.Require(rule)(http.NotFoundHandler()).ServeHTTP(w, req)
				want := 503
				if refuse {
					want = 401
				}
				wait, _ = strconv.Atoi(w.Header().Get("Retry-After"))
				if w.Code != want || (wait >= 2 && wait <= 9) == refuse {
					t.Errorf("RefuseNotAsked %t, rule %s: got status %d and Retry-After %d, want status %d, and 2 to 9 s only with 503", refuse, name, w.Code, wait, want)
				}
			}
			for _, e := range r.events.Take() {
				if e.Reason == bearer.KeyNotAsked && (e.Unverified || e.Abandoned(t.Context())) {
					t.Errorf("got the event %+v, want Unverified and Abandoned false", e)
				}
			}
			x := bearer.Explain(t.Context(), r.verifier, bearer.Request{Authorization: []string{"Bearer " + fresh}, Rule: scopes.All()})
			if want := map[bool]bearer.Reason{false: bearer.KeyNotAsked, true: bearer.UnknownKey}[refuse]; x.Reason != want || !strings.Contains(fmt.Sprint(x), string(want)) {
				t.Errorf("got the explanation %v, want the reason %q", x, want)
			}
			ready := httptest.NewRecorder()
			handler, err := middleware.NewReadiness(r.verifier.(interface{ Status() []bearer.IssuerStatus }), nil) //nolint:errcheck,forcetypeassert // a JWTVerifier reports its status
			if err != nil {
				t.Fatal(err)
			}
			handler.ServeHTTP(ready, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
			if ready.Code != http.StatusOK {
				t.Errorf("got the readiness %d, want 200", ready.Code)
			}
			time.Sleep(time.Duration(max(wait, 9)) * time.Second)
			if got := r.verdict(t, fresh); got != 200 {
				t.Errorf("after the time in Retry-After: got status %d, want 200", got)
			}
		})
	}
}
