package interceptor_test

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/scopes"
)

// checker stands for your service. Its handler reads the caller's claims.
type checker struct {
	healthpb.UnimplementedHealthServer
}

func (checker) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	claims, ok := bearer.FromContext(ctx)
	if !ok {
		return nil, status.Error(codes.Internal, "no caller: the method has no guard, or its rule is public")
	}
	fmt.Println("checked by", claims.ClientID())
	return &healthpb.HealthCheckResponse{}, nil
}

// Methods require scopes, and a method without a rule is denied.
func ExampleNew() {
	issuer := bearertest.NewIssuer(nil) // stands for your authorization server
	defer issuer.Close()
	verifier, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{"health-api"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer verifier.Close()

	guard, err := interceptor.New(verifier, scopes.Methods{
		"/grpc.health.v1.Health/Check": scopes.All("read:health"),
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	server := grpc.NewServer(guard.ServerOptions()...)
	healthpb.RegisterHealthServer(server, checker{})
	listener := bufconn.Listen(1 << 20)
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()

	conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return listener.Dial() }))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	client := healthpb.NewHealthClient(conn)
	token := issuer.Token(map[string]any{"aud": "health-api", "client_id": "ci", "scope": "read:health"})
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+token)

	_, err = client.Check(ctx, &healthpb.HealthCheckRequest{})
	fmt.Println(status.Code(err))
	_, err = client.Check(context.Background(), &healthpb.HealthCheckRequest{})
	fmt.Println(status.Code(err), status.Convert(err).Message())
	_, err = client.List(ctx, &healthpb.HealthListRequest{}) // List has no rule
	fmt.Println(status.Code(err), status.Convert(err).Message())
	// Output:
	// checked by ci
	// OK
	// Unauthenticated An access token is required
	// PermissionDenied The access token does not allow this
}

// A handler calls the next service with the caller's own token. The token must name both
// services in "aud".
func ExampleNewForwarder() {
	forward, err := interceptor.NewForwarder("inventory-api")
	if err != nil {
		fmt.Println(err)
		return
	}
	conn, err := grpc.NewClient("inventory.internal:443",
		grpc.WithTransportCredentials(credentials.NewTLS(nil)), grpc.WithPerRPCCredentials(forward))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	inventory := healthpb.NewHealthClient(conn)
	// A handler must call the next service with the handler's context. The guard of the
	// handler needs Options.KeepToken. Other contexts contain no token to forward.
	_ = func(ctx context.Context) error {
		_, err := inventory.Check(ctx, &healthpb.HealthCheckRequest{})
		return err
	}

	// grpc.NewClient returns an error for a connection without TLS.
	_, err = grpc.NewClient("inventory.internal:80",
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(forward))
	fmt.Println(err)
	// Output:
	// grpc: the credentials require transport level security (use grpc.WithTransportCredentials() to set)
}
