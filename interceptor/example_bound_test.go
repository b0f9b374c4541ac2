package interceptor_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/scopes"
)

// boundServer returns a gRPC server that accepts bearer tokens and bound tokens. Clients sign
// the method POST and the URI https://health.example/grpc.health.v1.Health/Check.
func boundServer(config bearer.Config) (*grpc.Server, error) {
	binding, err := dpop.New(dpop.Options{Origins: []string{"https://health.example"}, Logger: config.Logger})
	if err != nil {
		return nil, err
	}
	config.Bindings = []bearer.Binding{binding}
	verifier, err := bearer.New(config)
	if err != nil {
		return nil, err
	}
	guard, err := interceptor.New(verifier, scopes.Methods{"/grpc.health.v1.Health/Check": scopes.All("read:health")}, nil)
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer(guard.ServerOptions()...)
	healthpb.RegisterHealthServer(server, checker{})
	return server, nil
}

// A call with a bound token has the proof in the metadata "dpop".
func ExampleNew_bound() {
	issuer := bearertest.NewIssuer(nil) // stands for your authorization server
	defer issuer.Close()
	server, err := boundServer(bearer.Config{Issuer: issuer.URL(), Audience: []string{"health-api"}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		return
	}
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

	signer, err := dpop.GenerateSigner()
	if err != nil {
		fmt.Println(err)
		return
	}
	token := issuer.Token(map[string]any{
		"aud": "health-api", "client_id": "ci", "scope": "read:health", "cnf": map[string]any{"jkt": signer.Thumbprint()},
	})
	for _, uri := range []string{"https://health.example/grpc.health.v1.Health/Check", "https://other.example/grpc.health.v1.Health/Check"} {
		proof, err := signer.Proof("POST", uri, token, "")
		if err != nil {
			fmt.Println(err)
			return
		}
		ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "DPoP "+token, "dpop", proof)
		_, err = healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
		fmt.Println(status.Code(err))
	}
	// Output:
	// checked by ci
	// OK
	// Unauthenticated
}
