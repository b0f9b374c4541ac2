package interceptor_test

// The page docs/testing.md contains parts of this file.

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/scopes"
)

// service stands for your own service. Check is a unary handler, and Watch is a stream handler.
type service struct {
	healthpb.UnimplementedHealthServer
}

func (service) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	claims, ok := bearer.FromContext(ctx)
	if !ok { // the method has no guard
		return nil, status.Error(codes.Internal, "internal error")
	}
	if !claims.Scopes().Has("read:health") {
		return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_UNKNOWN}, nil
	}
	return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
}

func (service) Watch(_ *healthpb.HealthCheckRequest, stream grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	if _, ok := bearer.FromContext(stream.Context()); !ok { // the method has no guard
		return status.Error(codes.Internal, "internal error")
	}
	return stream.Send(&healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING})
}

// fakeStream is a stream for tests of a handler. It keeps the messages that the handler sends.
type fakeStream[T any] struct {
	grpc.ServerStream // the methods that the handler does not call

	ctx  context.Context //nolint:containedctx // a stream has its context
	sent []*T
}

func (s *fakeStream[T]) Context() context.Context { return s.ctx }

func (s *fakeStream[T]) Send(message *T) error {
	s.sent = append(s.sent, message)
	return nil
}

// A handler can be tested with claims in the context. Such a test needs no issuer, no token,
// no guard and no connection. The claims of a stream are in the context of the stream.
func Example_handlers() {
	claims := bearertest.Claims(map[string]any{"client_id": "ci", "scope": "read:health"})
	ctx := bearer.NewContext(context.Background(), claims)

	response, err := service{}.Check(ctx, &healthpb.HealthCheckRequest{})
	fmt.Println(response.GetStatus(), status.Code(err))
	_, err = service{}.Check(context.Background(), &healthpb.HealthCheckRequest{}) // no claims
	fmt.Println(status.Code(err))

	stream := &fakeStream[healthpb.HealthCheckResponse]{ctx: ctx}
	err = service{}.Watch(&healthpb.HealthCheckRequest{}, stream)
	fmt.Println(len(stream.sent), status.Code(err))
	// Output:
	// SERVING OK
	// Internal
	// 1 OK
}

func TestCheck(t *testing.T) {
	for name, test := range map[string]struct {
		claims *bearer.Claims
		want   codes.Code
	}{
		"with claims": {bearertest.Claims(map[string]any{"scope": "read:health"}), codes.OK},
		"no claims":   {nil, codes.Internal},
	} {
		_, err := service{}.Check(bearer.NewContext(t.Context(), test.claims), &healthpb.HealthCheckRequest{})
		if got := status.Code(err); got != test.want {
			t.Errorf("%s: got code %v, want %v", name, got, test.want)
		}
	}
}

func TestWatch(t *testing.T) {
	ctx := bearer.NewContext(t.Context(), bearertest.Claims(nil))
	stream := &fakeStream[healthpb.HealthCheckResponse]{ctx: ctx}
	if err := (service{}).Watch(&healthpb.HealthCheckRequest{}, stream); err != nil || len(stream.sent) != 1 {
		t.Errorf("got %d messages and error %v, want 1 message", len(stream.sent), err)
	}
}

func TestEveryMethodHasARule(t *testing.T) {
	guard, err := interceptor.New(new(bearer.JWTVerifier), scopes.Methods{
		"/grpc.health.v1.Health/Check": scopes.All("read:health"),
		"/grpc.health.v1.Health/List":  scopes.All("read:health"),
		"/grpc.health.v1.Health/Watch": scopes.All("read:health"),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(guard.ServerOptions()...)
	healthpb.RegisterHealthServer(server, service{})
	if err := guard.Audit(server).Err(); err != nil {
		t.Error(err)
	}
}
