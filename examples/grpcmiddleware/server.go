package main

import (
	"context"
	"log/slog"
	"strings"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/selector"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/examples/deployv1"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/scopes"
)

// newServer returns the service with its chain of interceptors. The stats handler of
// OpenTelemetry sees every call. Logging comes before the guard, so that refused calls are
// logged. Recovery comes last, so that the other interceptors see a panic of the service as
// an error.
func newServer(v bearer.Verifier, logger *slog.Logger, tracing trace.TracerProvider) (*grpc.Server, error) {
	guard, err := interceptor.New(v, scopes.Methods{
		"/deploy.v1.Deployments/Create": scopes.All("deploy:applications"),
		"/deploy.v1.Deployments/Delete": scopes.All("delete:deployments"),
		"/deploy.v1.Deployments/*":      scopes.All("read:deployments"),
	}, &interceptor.Options{Include: []scopes.Methods{interceptor.Health(scopes.Public())}, ExpireStreams: true})
	if err != nil {
		return nil, err
	}
	log := slogger(logger)
	options := []logging.Option{logging.WithLogOnEvents(logging.FinishCall), logging.WithErrorFields(reasonField)}
	recovered := recovery.WithRecoveryHandlerContext(func(ctx context.Context, p any) error {
		logger.ErrorContext(ctx, "panic", "value", p)
		return status.Error(codes.Internal, "Internal error")
	})
	server := grpc.NewServer(
		grpc.StatsHandler(otelgrpc.NewServerHandler(otelgrpc.WithTracerProvider(tracing))),
		grpc.ChainUnaryInterceptor(
			selector.UnaryServerInterceptor(logging.UnaryServerInterceptor(log, options...), selector.MatchFunc(notHealth)),
			guard.Unary,
			addCallerUnary,
			recovery.UnaryServerInterceptor(recovered),
		),
		grpc.ChainStreamInterceptor(
			selector.StreamServerInterceptor(logging.StreamServerInterceptor(log, options...), selector.MatchFunc(notHealth)),
			guard.Stream,
			addCallerStream,
			recovery.StreamServerInterceptor(recovered),
		),
	)
	deployv1.RegisterDeploymentsServer(server, deployments{})
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	return server, guard.Audit(server).Err()
}

// notHealth excludes health probes from the log. The guard needs no selector, because the
// rules name the public methods and the guard denies methods without a rule.
func notHealth(_ context.Context, call interceptors.CallMeta) bool {
	return !strings.HasPrefix(call.FullMethod(), "/grpc.health.v1.Health/")
}

// addCallerUnary and addCallerStream run after the guard. They add the caller to the record that
// logging writes at the end of the call.
func addCallerUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	addCaller(ctx)
	return handler(ctx, req)
}

func addCallerStream(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	addCaller(ss.Context())
	return handler(srv, ss)
}

func addCaller(ctx context.Context) {
	if claims, ok := bearer.FromContext(ctx); ok {
		logging.AddFields(ctx, logging.Fields{"client", claims.ClientID()})
	}
}

// reasonField adds the reason that the client gets to the log record. For a token whose
// signature was not verified, this reason is INVALID_TOKEN; bearer logs the true reason.
func reasonField(err error) logging.Fields {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return logging.Fields{"reason", info.GetReason()}
		}
	}
	return nil
}

// slogger adapts log/slog, as the documentation of go-grpc-middleware recommends.
func slogger(l *slog.Logger) logging.Logger {
	return logging.LoggerFunc(func(ctx context.Context, level logging.Level, msg string, fields ...any) {
		l.Log(ctx, slog.Level(level), msg, fields...) //nolint:sloglint // package logging chooses the messages
	})
}

// addVerdict is a [bearer.ObserverFunc] that adds the verdict to the span of the call. The stats
// handler puts the span into the context before the guard runs.
func addVerdict(ctx context.Context, e bearer.Event) {
	span := trace.SpanFromContext(ctx)
	if e.Reason != "" {
		span.SetAttributes(attribute.String("bearer.reason", string(e.Reason)))
	}
	if e.Claims != nil {
		span.SetAttributes(attribute.String("bearer.client_id", e.Claims.ClientID()))
	}
}

// deployments implements the service. The methods deploy nothing and store nothing.
type deployments struct {
	deployv1.UnimplementedDeploymentsServer
}

// Create returns a fixed deployment.
func (deployments) Create(_ context.Context, request *deployv1.CreateRequest) (*deployv1.Deployment, error) {
	return &deployv1.Deployment{Id: "d-1", Application: request.GetApplication()}, nil
}

// Watch sends one state.
func (deployments) Watch(_ *deployv1.WatchRequest, stream grpc.ServerStreamingServer[deployv1.State]) error {
	return stream.Send(&deployv1.State{Phase: "done"})
}

// The method Logs calls panic, so that the example shows the recovery interceptor.
func (deployments) Logs(*deployv1.LogsRequest, grpc.ServerStreamingServer[deployv1.LogLine]) error {
	panic("index out of range") //nolint:forbidigo // recovery handles this panic
}
