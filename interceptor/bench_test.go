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

// incoming returns the context of a call on the server. It contains the usual metadata of a
// client, and these values of "authorization".
func incoming(ctx context.Context, values ...string) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.MD{
		":authority":           {"api.example"},
		"authorization":        values,
		"content-type":         {"application/grpc"},
		"grpc-accept-encoding": {"gzip"},
		"user-agent":           {"grpc-go/1.79.3"},
	})
}

// opened is a stream that has only a context.
type opened struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // Context returns it
}

func (o *opened) Context() context.Context { return o.ctx }

// guarded returns functions that make a unary call or open a stream with a cached token.
// The functions named "guard only" use a verifier that returns fixed claims at no cost.
func guarded(tb testing.TB) map[string]func() error {
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
		ss := &opened{ctx: ctx}
		calls["unary, "+name] = func() error {
			_, err := guard.Unary(ctx, nil, info, unary)
			return err
		}
		calls["stream, "+name] = func() error { return guard.Stream(nil, ss, streamInfo, stream) }
	}
	return calls
}

// TestAllocations checks that the guard makes only these allocations for a call: grpc's copy
// of the values of "authorization", the handler's context and, for a stream, the handler's
// stream.
func TestAllocations(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector allocates too")
	}
	calls := guarded(t)
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
