package interceptor_test

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/interceptor"
)

// The health service reports whether this process can verify tokens.
func ExampleWatchHealth() {
	issuer := bearertest.NewIssuer(nil) // stands for your authorization server
	defer issuer.Close()
	verifier, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{"deployment-api"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer verifier.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := verifier.Ready(ctx); err != nil {
		fmt.Println(err)
		return
	}

	server := health.NewServer() // register it with the grpc.Server
	stop, err := interceptor.WatchHealth(server, verifier, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()

	answer, err := server.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	fmt.Println(answer.GetStatus(), err)
	// Output: SERVING <nil>
}
