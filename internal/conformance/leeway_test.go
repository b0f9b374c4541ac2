package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// times are the time claims of a token, and the configuration that judges them, in seconds.
type times struct{ leeway, maxAge, iat, nbf, exp int64 }

// verdictAt is a slow model of the checks: it returns the reason at the time now.
func (x times) verdictAt(now time.Time) bearer.Reason {
	after := func(seconds int64) time.Duration { return now.Sub(time.Unix(seconds, 0)) }
	second := func(n int64) time.Duration { return time.Duration(n) * time.Second }
	switch {
	case after(x.exp) >= second(x.leeway):
		return bearer.Expired
	case after(x.nbf) < -second(60+x.leeway), after(x.iat) < -second(60+x.leeway):
		return bearer.NotYetValid
	case x.maxAge > 0 && after(x.iat) > second(x.maxAge):
		return bearer.Expired
	}
	return ""
}

// randomTimes returns times around now.
func randomTimes(random *rand.Rand, now int64) times {
	near := func(distances ...int64) int64 { return distances[random.IntN(len(distances))] + random.Int64N(5) - 2 }
	x := times{leeway: []int64{0, 1, 30, 90, 300}[random.IntN(5)]}
	x.iat = now + near(-600, -60, 0, 60, 60+x.leeway)
	x.nbf = now + near(-600, 0, 60, 60+x.leeway)
	x.exp = now + near(-x.leeway, 0, 60, 300, 400)
	if random.IntN(3) == 0 {
		x.maxAge = []int64{61, 300, 900}[random.IntN(3)]
	}
	return x
}

// TestLeewayModel compares the verdicts of the guards with a model, for random times: over HTTP and
// gRPC, of new and of cached tokens, and of the token of an open stream.
func TestLeewayModel(t *testing.T) {
	const tokens = 400
	synctest.Test(t, func(t *testing.T) {
		issuer := testkit.NewIssuer(t, "EdDSA")
		random := rand.New(rand.NewPCG(11, 20)) //nolint:gosec // a test
		guards := map[[2]int64]*guardSet{}
		seen := map[string]int{}
		for range tokens {
			x := randomTimes(random, time.Now().Unix())
			g := guards[[2]int64{x.leeway, x.maxAge}]
			if g == nil {
				g = newGuardSet(t, testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) {
					cfg.Leeway, cfg.MaxAge = time.Duration(x.leeway)*time.Second, time.Duration(x.maxAge)*time.Second
					cfg.Logger = slog.New(slog.DiscardHandler)
				}))
				guards[[2]int64{x.leeway, x.maxAge}] = g
			}
			token := issuer.Token(map[string]any{"iat": x.iat, "nbf": x.nbf, "exp": x.exp})
			for step := range 4 {
				want := x.verdictAt(time.Now())
				g.wantVerdict(t, token, want, fmt.Sprintf("%+v, step %d", x, step))
				seen[fmt.Sprint(want, step > 0)]++
				// The next step is 1 ns before or at a limit, or at any time.
				next := []int64{x.exp + x.leeway, x.nbf - 60 - x.leeway, x.iat + x.maxAge, time.Now().Unix() + random.Int64N(120)}[random.IntN(4)]
				wait := time.Until(time.Unix(next, 0)) - time.Duration(random.IntN(2))
				time.Sleep(min(max(wait, 1), 10*time.Minute))
			}
		}
		for _, reason := range []bearer.Reason{"", bearer.Expired, bearer.NotYetValid} {
			for _, later := range []bool{false, true} {
				if n := seen[fmt.Sprint(reason, later)]; n < tokens/20 {
					t.Errorf("reason %q, later %v: got %d cases, want at least %d", reason, later, n, tokens/20)
				}
			}
		}
	})
}

// wantVerdict fails the test if the verdict over HTTP or gRPC is not the wanted one.
func (s *guardSet) wantVerdict(t *testing.T, token string, want bearer.Reason, about string) {
	t.Helper()
	values := []string{"Bearer " + token}
	_, err := bearer.Decide(t.Context(), s.verifier, bearer.Request{Authorization: values, Rule: scopes.All()})
	if refusal, _ := errors.AsType[*bearer.Error](err); (refusal == nil) != (want == "") || refusal != nil && refusal.Reason != want {
		t.Errorf("%s: got error %v, want reason %q", about, err, want)
	}
	if got := s.overHTTP(t.Context(), "", values); got.reached != (want == "") || (got.status == http.StatusOK) != (want == "") {
		t.Errorf("%s: got HTTP status %d, want reason %q", about, got.status, want)
	}
	if got := s.overGRPC(t.Context(), t, "", values); got.reached != (want == "") || (got.code == codes.OK) != (want == "") {
		t.Errorf("%s: got gRPC code %v, want reason %q", about, got.code, want)
	}
}

// TestLeewayOfStreams tests the time at which the guard ends open streams, for random times. The
// model is verdictAt: a stream ends at most 1 s after the first time at which the token is refused.
func TestLeewayOfStreams(t *testing.T) {
	issuer := testkit.NewIssuer(t, "EdDSA")
	random := rand.New(rand.NewPCG(20, 11)) //nolint:gosec // a test
	for range 150 {
		synctest.Test(t, func(t *testing.T) {
			x := randomTimes(random, time.Now().Unix())
			for x.verdictAt(time.Now()) != "" {
				x = randomTimes(random, time.Now().Unix())
			}
			end := time.Now()
			for x.verdictAt(end) == "" {
				end = end.Add(time.Second)
			}
			ended, err := openStream(t, issuer, x)
			reason, _ := errorInfo(err)
			if late := ended.Sub(end); late < -time.Second || late > time.Second || reason != "EXPIRED" {
				t.Errorf("%+v: the stream ended %v after the end of the token, want at most 1 s; error: %v", x, late, err)
			}
		})
	}
}

// openStream opens a stream with a token, and returns the time and the error of its end.
func openStream(t *testing.T, issuer *bearertest.Issuer, x times) (time.Time, error) {
	t.Helper()
	v := testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Leeway, cfg.MaxAge = time.Duration(x.leeway)*time.Second, time.Duration(x.maxAge)*time.Second
		cfg.Logger = slog.New(slog.DiscardHandler)
	})
	guard, err := interceptor.New(v, scopes.Methods{"/s/any": scopes.All()}, &interceptor.Options{ExpireStreams: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	token := issuer.Token(map[string]any{"iat": x.iat, "nbf": x.nbf, "exp": x.exp})
	ctx = metadata.NewIncomingContext(ctx, metadata.MD{"authorization": {"Bearer " + token}})
	var ended time.Time
	err = guard.Stream(nil, &serverStream{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: "/s/any"}, func(_ any, ss grpc.ServerStream) error {
		<-ss.Context().Done()
		ended = time.Now()
		return nil
	})
	return ended, err
}
