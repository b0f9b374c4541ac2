package main

import (
	"context"
	"errors"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/examples/deployv1"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/scopes"
)

// newGRPCServer returns the API over gRPC.
func newGRPCServer(v bearer.Verifier) (*grpc.Server, error) {
	guard, err := interceptor.New(v, scopes.Methods{
		"/deploy.v1.Deployments/Create": scopes.All("deploy:applications"),
		"/deploy.v1.Deployments/Watch":  scopes.All("read:deployments"),
		"/deploy.v1.Deployments/Delete": scopes.All("delete:deployments"),
		"/deploy.v1.Deployments/Logs":   scopes.All("read:logs"),

		// Load balancers and grpcurl call these methods without a token. The guard
		// refuses a call of a method that has no rule.
		"/grpc.health.v1.Health/*":                    scopes.Public(),
		"/grpc.reflection.v1.ServerReflection/*":      scopes.Public(),
		"/grpc.reflection.v1alpha.ServerReflection/*": scopes.Public(),
	}, nil)
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer(guard.ServerOptions()...)
	deployv1.RegisterDeploymentsServer(server, deployments{})
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	reflection.Register(server)
	return server, nil
}

// deployments implements the service Deployments. It deploys nothing and stores nothing.
type deployments struct {
	deployv1.UnimplementedDeploymentsServer
}

// Create returns a new deployment.
func (deployments) Create(ctx context.Context, request *deployv1.CreateRequest) (*deployv1.Deployment, error) {
	from, err := grpcCaller(ctx)
	if err != nil {
		return nil, err
	}
	return &deployv1.Deployment{Id: deploymentID, Application: request.GetApplication(), Caller: from}, nil
}

// Watch sends the phases of a deployment.
func (deployments) Watch(_ *deployv1.WatchRequest, stream grpc.ServerStreamingServer[deployv1.State]) error {
	from, err := grpcCaller(stream.Context())
	if err != nil {
		return err
	}
	for _, phase := range []string{"building", "rolling out", "done"} {
		if err := stream.Send(&deployv1.State{Phase: phase, Caller: from}); err != nil {
			return err
		}
	}
	return nil
}

// Delete returns an empty response.
func (deployments) Delete(context.Context, *deployv1.DeleteRequest) (*deployv1.DeleteResponse, error) {
	return &deployv1.DeleteResponse{}, nil
}

// Logs sends the log of a deployment.
func (deployments) Logs(_ *deployv1.LogsRequest, stream grpc.ServerStreamingServer[deployv1.LogLine]) error {
	return stream.Send(&deployv1.LogLine{Text: "nothing was deployed"})
}

func grpcCaller(ctx context.Context) (*deployv1.Caller, error) {
	c, err := callerFrom(ctx)
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &deployv1.Caller{ClientId: c.ClientID, GithubRepository: c.GitHubRepository, Environment: c.Environment}, nil
}

// serveGRPC starts the server. The server runs until the caller calls stop. The function
// stop shuts the server down gracefully and returns the error of the server.
func serveGRPC(listener net.Listener, server *grpc.Server) (stop func() error) {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	return func() error {
		forceStop := time.AfterFunc(gracePeriod, server.Stop)
		defer forceStop.Stop()
		server.GracefulStop()
		if err := <-ended; !errors.Is(err, grpc.ErrServerStopped) {
			return err
		}
		return nil // Serve returns ErrServerStopped if the caller called stop before Serve
	}
}
