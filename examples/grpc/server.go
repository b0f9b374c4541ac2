package main

import (
	"context"
	"crypto/tls"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/examples/deployv1"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/scopes"
)

// newServer returns a service over TLS, and the text of the audit of its rules. If a method
// has no rule, or if a rule names a method that does not exist, newServer returns an error.
func newServer(v bearer.Verifier, certificate *tls.Certificate, service deployv1.DeploymentsServer, forwards bool) (*grpc.Server, string, error) {
	guard, err := interceptor.New(v, scopes.Methods{
		"/deploy.v1.Deployments/Create": scopes.All("deploy:applications"),
		"/deploy.v1.Deployments/Delete": scopes.All("delete:deployments"),
		"/deploy.v1.Deployments/*":      scopes.Any("read:deployments", "deploy:applications"),
	}, &interceptor.Options{
		Include:       []scopes.Methods{interceptor.Health(scopes.Public())},
		ExpireStreams: true,     // a stream ends when its token expires
		KeepToken:     forwards, // connectForwarding needs this
	})
	if err != nil {
		return nil, "", err
	}
	server := grpc.NewServer(append(guard.ServerOptions(), grpc.Creds(credentials.NewServerTLSFromCert(certificate)))...)
	deployv1.RegisterDeploymentsServer(server, service)
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	audit := guard.Audit(server)
	return server, audit.String(), audit.Err()
}

// deployments implements both services. The methods deploy nothing and store nothing.
type deployments struct {
	deployv1.UnimplementedDeploymentsServer
	cluster deployv1.DeploymentsClient // nil in the cluster service
}

// Create returns a fixed deployment. The first service forwards the call and the token of the
// caller to the second service.
func (d deployments) Create(ctx context.Context, request *deployv1.CreateRequest) (*deployv1.Deployment, error) {
	if d.cluster != nil {
		return d.cluster.Create(ctx, request)
	}
	return &deployv1.Deployment{Id: "d-1", Application: request.GetApplication(), Caller: caller(ctx)}, nil
}

// Watch sends three states.
func (d deployments) Watch(_ *deployv1.WatchRequest, stream grpc.ServerStreamingServer[deployv1.State]) error {
	for _, phase := range []string{"building", "rolling out", "done"} {
		if err := stream.Send(&deployv1.State{Phase: phase, Caller: caller(stream.Context())}); err != nil {
			return err
		}
	}
	return nil
}

// caller returns the caller, or nil if the method has no guard or its rule is public.
func caller(ctx context.Context) *deployv1.Caller {
	claims, ok := bearer.FromContext(ctx)
	if !ok {
		return nil
	}
	return &deployv1.Caller{ClientId: claims.ClientID()}
}
