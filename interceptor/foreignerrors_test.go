package interceptor_test

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// TestForeignErrors checks that an error whose methods panic, lie or never end does not end
// the process of a server. The call gets the code Internal, in any mode of the rule.
func TestForeignErrors(t *testing.T) {
	v := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) {
		return bearertest.Claims(map[string]any{"sub": "s"}), nil
	})
	for name, make := range testkit.HostileErrors() {
		t.Run(name, func(t *testing.T) {
			hostile := make()
			f := scopes.Func("f", func(context.Context) error { return hostile.Err })
			guard, err := interceptor.New(v, scopes.Methods{
				"/grpc.health.v1.Health/Check": f, "/grpc.health.v1.Health/Watch": scopes.ReportOnly(f), "/grpc.health.v1.Health/List": scopes.Optional(f),
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			server := grpc.NewServer(guard.ServerOptions()...)
			healthpb.RegisterHealthServer(server, health.NewServer())
			listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // the test stops the server
			if err != nil {
				t.Fatal(err)
			}
			go func() { _ = server.Serve(listener) }()
			defer server.Stop()
			conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			client := healthpb.NewHealthClient(conn)
			ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer abc")
			_, err = client.Check(ctx, &healthpb.HealthCheckRequest{})
			if got := status.Code(err); got != codes.Internal {
				t.Errorf("Check: got %v, want the code Internal", err)
			}
			stream, err := client.Watch(ctx, &healthpb.HealthCheckRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err = stream.Recv(); status.Code(err) != codes.Internal {
				t.Errorf("Watch: got %v, want the code Internal", err)
			}
		})
	}
}
