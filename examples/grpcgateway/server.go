package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/examples/deployv1"
	"github.com/bearerkit/bearer/examples/grpcgateway/deploygw"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// newGRPC returns the service. The guard of the service holds all rules on scopes. It checks
// the calls of gRPC clients, and the calls that the gateway makes for HTTP requests.
func newGRPC(v bearer.Verifier) (*grpc.Server, error) {
	guard, err := interceptor.New(v, scopes.Methods{
		"/deploy.v1.Deployments/Create": scopes.All("deploy:applications"),
		"/deploy.v1.Deployments/Delete": scopes.All("delete:deployments"),
		"/deploy.v1.Deployments/*":      scopes.All("read:deployments"),
	}, &interceptor.Options{Include: []scopes.Methods{interceptor.Health(scopes.Public())}})
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer(guard.ServerOptions()...)
	deployv1.RegisterDeploymentsServer(server, deployments{})
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	return server, guard.Audit(server).Err()
}

// newHTTP returns the handler for HTTP clients. The handler has two routes that do not use the
// gateway, and one route for the gateway. The HTTP guard and the gRPC guard use the same
// verifier. The HTTP guard verifies the token before the gateway parses the body. The gRPC
// guard then checks the scopes.
func newHTTP(ctx context.Context, v bearer.Verifier, conn *grpc.ClientConn) (http.Handler, error) {
	guard, err := middleware.New(v, nil)
	if err != nil {
		return nil, err
	}
	gateway := runtime.NewServeMux(
		runtime.WithIncomingHeaderMatcher(metadataName),
		runtime.WithOutgoingHeaderMatcher(headerName),
		runtime.WithErrorHandler(func(ctx context.Context, mux *runtime.ServeMux, m runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
			if refusal := refusalOf(err); refusal != nil {
				guard.Deny(w, r, refusal)
				return
			}
			runtime.DefaultHTTPErrorHandler(ctx, mux, m, w, r, err)
		}),
	)
	// The gateway calls the service over a connection. Do not use
	// RegisterDeploymentsHandlerServer, because it bypasses the interceptors, which include
	// the guard of the service.
	if err := deploygw.RegisterDeploymentsHandler(ctx, gateway, conn); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	guard.Handle(mux, "GET /healthz", scopes.Public(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	guard.Handle(mux, "GET /whoami", scopes.All(), http.HandlerFunc(whoami))
	guard.Handle(mux, "/v1/", scopes.All(), gateway)
	return mux, nil
}

// metadataName drops the header fields that set gRPC metadata, such as
// Grpc-Metadata-Authorization. The gateway itself forwards Authorization.
func metadataName(name string) (string, bool) {
	if strings.HasPrefix(textproto.CanonicalMIMEHeaderKey(name), runtime.MetadataHeaderPrefix) {
		return "", false
	}
	return runtime.DefaultHeaderMatcher(name)
}

// headerName returns the name of the HTTP header field for gRPC metadata. For the challenge of
// a refused stream, this name is WWW-Authenticate.
func headerName(name string) (string, bool) {
	if name == "www-authenticate" {
		return "WWW-Authenticate", true
	}
	return runtime.MetadataHeaderPrefix + name, true
}

// refusalOf returns the refusal of the gRPC guard, or nil if err is not a refusal. The HTTP
// guard uses the refusal to write the response. The default error handler of the gateway
// writes the status message into WWW-Authenticate, but this message is not a valid challenge.
func refusalOf(err error) *bearer.Error {
	var refusal *bearer.Error
	var wait time.Duration
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.GetDomain() == "github.com/bearerkit/bearer" {
				refusal = &bearer.Error{
					Reason:   bearer.Reason(strings.ToLower(detail.GetReason())),
					Missing:  strings.Fields(detail.GetMetadata()["missing_scope"]),
					Required: strings.Fields(detail.GetMetadata()["scope"]),
				}
			}
		case *errdetails.RetryInfo:
			wait = detail.GetRetryDelay().AsDuration()
		}
	}
	if refusal != nil {
		refusal.RetryAfter = wait
	}
	return refusal
}

func whoami(w http.ResponseWriter, r *http.Request) {
	claims, ok := bearer.FromContext(r.Context())
	if !ok { // the route has no guard, or its rule is public
		http.Error(w, "no caller", http.StatusInternalServerError)
		return
	}
	_, _ = fmt.Fprintln(w, claims.ClientID())
}

// serve starts a server for gRPC and HTTP on one port. To keep the example short, the server
// does not use TLS. serve returns the address, and a function that stops the server and waits
// until the server has stopped.
func serve(ctx context.Context, v bearer.Verifier) (addr string, stop func() error, err error) {
	service, err := newGRPC(v)
	if err != nil {
		return "", nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	addr = listener.Addr().String()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return "", nil, errors.Join(err, listener.Close())
	}
	routes, err := newHTTP(ctx, v, conn)
	if err != nil {
		return "", nil, errors.Join(err, conn.Close(), listener.Close())
	}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
				service.ServeHTTP(w, r)
				return
			}
			routes.ServeHTTP(w, r)
		}),
		Protocols:         new(http.Protocols),
		ReadHeaderTimeout: 5 * time.Second,
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true) // with TLS, use SetHTTP2 here and ServeTLS below
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	return addr, func() error {
		err := errors.Join(conn.Close(), server.Shutdown(context.WithoutCancel(ctx)))
		service.Stop()
		if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}, nil
}

// deployments implements the service. The methods deploy nothing and store nothing.
type deployments struct {
	deployv1.UnimplementedDeploymentsServer
}

// Create returns a fixed deployment.
func (deployments) Create(ctx context.Context, request *deployv1.CreateRequest) (*deployv1.Deployment, error) {
	return &deployv1.Deployment{Id: "d-1", Application: request.GetApplication(), Caller: caller(ctx)}, nil
}

// Watch sends one state.
func (deployments) Watch(_ *deployv1.WatchRequest, stream grpc.ServerStreamingServer[deployv1.State]) error {
	return stream.Send(&deployv1.State{Phase: "done", Caller: caller(stream.Context())})
}

// caller returns the caller, or nil if the method has no guard or its rule is public.
func caller(ctx context.Context) *deployv1.Caller {
	claims, ok := bearer.FromContext(ctx)
	if !ok {
		return nil
	}
	return &deployv1.Caller{ClientId: claims.ClientID()}
}
