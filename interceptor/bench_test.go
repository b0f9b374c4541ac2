package interceptor_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// incoming returns the context of a call on the server. The context contains the usual
// metadata of a client, and these values of "authorization".
func incoming(ctx context.Context, values ...string) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.MD{
		":authority":           {"api.example"},
		"authorization":        values,
		"content-type":         {"application/grpc"},
		"grpc-accept-encoding": {"gzip"},
		"user-agent":           {"grpc-go/1.79.3"},
	})
}

// contextStream is a stream that has only a context.
type contextStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // the result of the method Context
}

func (s *contextStream) Context() context.Context { return s.ctx }

// guardedCalls returns functions that make a unary call or open a stream. Calls with the
// verifier use a cached token. Calls with "guard only" in their name use a verifier that
// checks nothing and returns fixed claims.
func guardedCalls(tb testing.TB) map[string]func() error {
	tb.Helper()
	issuer := newIssuer(tb)
	v := newVerifier(tb, issuer, nil)
	token := issuer.Token(map[string]any{"scope": "say shout talk"})
	claims, err := v.Verify(tb.Context(), token)
	if err != nil {
		tb.Fatal(err)
	}
	fixed := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return claims, nil })
	ctx := incoming(tb.Context(), "Bearer "+token)
	unary := func(context.Context, any) (any, error) { return struct{}{}, nil }
	stream := func(any, grpc.ServerStream) error { return nil }
	calls := make(map[string]func() error)
	for name, verifier := range map[string]bearer.Verifier{"guard only": fixed, "with the verifier": v} {
		guard := newGuard(tb, verifier, scopes.Methods{say: scopes.All("say", "shout"), "/test.v1.Echo/*": scopes.Any("talk")}, &interceptor.Options{})
		info, streamInfo := &grpc.UnaryServerInfo{FullMethod: say}, &grpc.StreamServerInfo{FullMethod: talk}
		ss := &contextStream{ctx: ctx}
		calls["unary, "+name] = func() error {
			_, err := guard.Unary(ctx, nil, info, unary)
			return err
		}
		calls["stream, "+name] = func() error { return guard.Stream(nil, ss, streamInfo, stream) }
	}
	return calls
}

// TestAllocations checks that the guard makes only two allocations for a unary call: grpc's
// copy of the values of "authorization", and the handler's context. For a stream there is a
// third allocation, the handler's stream.
func TestAllocations(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector makes additional allocations")
	}
	calls := guardedCalls(t)
	for name, want := range map[string]float64{
		"unary, guard only": 2, "stream, guard only": 3, "unary, with the verifier": 2, "stream, with the verifier": 3,
	} {
		call := calls[name]
		got := testing.AllocsPerRun(100, func() {
			if err := call(); err != nil {
				t.Fatal(err)
			}
		})
		if got > want {
			t.Errorf("%s: got %v allocations, want at most %v", name, got, want)
		}
	}
}

// BenchmarkGuard measures a call with a cached token, from the interceptor to the handler.
func BenchmarkGuard(b *testing.B) {
	for name, call := range guardedCalls(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := call(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
