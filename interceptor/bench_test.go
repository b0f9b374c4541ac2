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

// incoming is the context of a call as the server makes it, with what clients
// send beside credentials.
func incoming(ctx context.Context, values ...string) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.MD{
		":authority":           {"api.example"},
		"authorization":        values,
		"content-type":         {"application/grpc"},
		"grpc-accept-encoding": {"gzip"},
		"user-agent":           {"grpc-go/1.79.3"},
	})
}

// opened is a stream of which only the context matters.
type opened struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // a stream's context is what it returns
}

func (o *opened) Context() context.Context { return o.ctx }

// guarded returns one call of each kind by a token that was seen before, behind
// the verifier and behind one that knows the answer, so that what the guard
// itself costs can be told from the token's verification.
func guarded(tb testing.TB) map[string]func() error {
	tb.Helper()
	issuer := newIssuer(tb)
	v := newVerifier(tb, issuer, nil)
	token := issuer.Token(map[string]any{"scope": "say shout talk"})
	claims, err := v.Verify(tb.Context(), token)
	if err != nil {
		tb.Fatal(err)
	}
	knowing := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return claims, nil })
	ctx := incoming(tb.Context(), "Bearer "+token)
	unary := func(context.Context, any) (any, error) { return struct{}{}, nil }
	stream := func(any, grpc.ServerStream) error { return nil }
	calls := make(map[string]func() error)
	for name, verifier := range map[string]bearer.Verifier{"guard alone": knowing, "with the verifier": v} {
		guard := newGuard(tb, verifier, scopes.Methods{say: scopes.All("say", "shout"), "/test.v1.Echo/*": scopes.Any("talk")}, &interceptor.Options{})
		info, streamInfo := &grpc.UnaryServerInfo{FullMethod: say}, &grpc.StreamServerInfo{FullMethod: talk}
		ss := &opened{ctx: ctx}
		calls["unary, "+name] = func() error {
			_, err := guard.Unary(ctx, nil, info, unary)
			return err
		}
		calls["stream, "+name] = func() error { return guard.Stream(nil, ss, streamInfo, stream) }
	}
	return calls
}

// TestAllocations counts what the guard itself allocates for a call: the values
// of "authorization", which grpc copies, the handler's context, and for a stream
// the stream with that context.
func TestAllocations(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector allocates as well")
	}
	calls := guarded(t)
	for name, want := range map[string]float64{
		"unary, guard alone": 2, "stream, guard alone": 3, "unary, with the verifier": 2, "stream, with the verifier": 3,
	} {
		call := calls[name]
		got := testing.AllocsPerRun(100, func() {
			if err := call(); err != nil {
				t.Fatal(err)
			}
		})
		if got > want {
			t.Errorf("%s: got %v allocations, want %v", name, got, want)
		}
	}
}

// BenchmarkGuard measures a call by a token that was seen before, from the
// interceptor to the handler.
func BenchmarkGuard(b *testing.B) {
	for name, call := range guarded(b) {
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
