// The program grpcmiddleware runs a gRPC service with a guard, with the interceptors logging,
// recovery and selector of go-grpc-middleware, and with the stats handler of OpenTelemetry.
//
//	cd examples/grpcmiddleware && go run .
//
// The program makes some calls. For each call it prints the status, the log records and the
// span. The code to copy is in server.go.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/examples/deployv1"
)

const audience = "deployment-api"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	slog.SetLogLoggerLevel(slog.LevelWarn)
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "grpcmiddleware:", err)
		os.Exit(1)
	}
}

// spans is a span exporter. It is a channel that receives each ended span.
type spans chan sdktrace.ReadOnlySpan

func (s spans) ExportSpans(ctx context.Context, ended []sdktrace.ReadOnlySpan) error {
	for _, span := range ended {
		select {
		case s <- span:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (spans) Shutdown(context.Context) error { return nil }

func run(ctx context.Context, stdout io.Writer) (err error) {
	issuer := bearertest.NewIssuer(&bearertest.Options{Audience: []string{audience}}) // stands for your authorization server
	defer issuer.Close()
	verifier, err := bearer.New(bearer.Config{ //nolint:contextcheck // the verifier lives until Close
		Issuer: issuer.URL(), Audience: []string{audience}, Observer: bearer.ObserverFunc(addVerdict),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, verifier.Close()) }()

	var logged bytes.Buffer
	ended := make(spans, 1)
	server, err := newServer(verifier, slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{ReplaceAttr: keepAttrs})),
		sdktrace.NewTracerProvider(sdktrace.WithSyncer(ended)))
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		server.GracefulStop()
		err = errors.Join(err, <-served)
	}()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()

	token := issuer.Token(map[string]any{"client_id": "ci", "scope": "deploy:applications read:deployments"})
	for _, c := range calls() {
		callCtx, cancel := context.WithTimeout(ctx, 10*time.Second)
		if !c.anonymous {
			callCtx = metadata.AppendToOutgoingContext(callCtx, "authorization", "Bearer "+token)
		}
		got := status.Code(c.do(callCtx, conn))
		var span sdktrace.ReadOnlySpan
		select {
		case span = <-ended: // the span ends after the log record is written
		case <-callCtx.Done():
			err = callCtx.Err()
		}
		cancel()
		if err != nil {
			return err
		}
		text := fmt.Sprintf("%s: %v\n", c.what, got)
		for line := range strings.Lines(logged.String()) {
			text += "    log   " + line
		}
		logged.Reset()
		if _, err := fmt.Fprintf(stdout, "%s    span  %s\n\n", text, describe(span)); err != nil {
			return err
		}
		if got != c.want {
			return fmt.Errorf("%s: got code %v, want code %v", c.what, got, c.want)
		}
	}
	return nil
}

// call is one call of the program.
type call struct {
	what      string
	anonymous bool
	do        func(context.Context, *grpc.ClientConn) error
	want      codes.Code
}

func calls() []call {
	create := func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := deployv1.NewDeploymentsClient(conn).Create(ctx, &deployv1.CreateRequest{})
		return err
	}
	remove := func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := deployv1.NewDeploymentsClient(conn).Delete(ctx, &deployv1.DeleteRequest{})
		return err
	}
	watch := func(ctx context.Context, conn *grpc.ClientConn) error {
		return drain(deployv1.NewDeploymentsClient(conn).Watch(ctx, &deployv1.WatchRequest{}))
	}
	logs := func(ctx context.Context, conn *grpc.ClientConn) error {
		return drain(deployv1.NewDeploymentsClient(conn).Logs(ctx, &deployv1.LogsRequest{}))
	}
	probe := func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
		return err
	}
	return []call{
		{"Create", false, create, codes.OK},
		{"Create without a token", true, create, codes.Unauthenticated},
		{"Delete, missing scope", false, remove, codes.PermissionDenied},
		{"Watch, a stream", false, watch, codes.OK},
		{"Watch without a token", true, watch, codes.Unauthenticated},
		{"Logs, a stream whose handler panics", false, logs, codes.Internal},
		{"Health, public and not logged", true, probe, codes.OK},
	}
}

// drain reads a stream to its end.
func drain[T any](stream grpc.ServerStreamingClient[T], err error) error {
	for err == nil {
		_, err = stream.Recv()
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// keepAttrs drops the log attributes that the example does not need.
func keepAttrs(_ []string, a slog.Attr) slog.Attr {
	switch a.Key {
	case slog.LevelKey, slog.MessageKey, "value", "client", "reason", "grpc.service", "grpc.method", "grpc.code":
		return a
	}
	return slog.Attr{}
}

// describe returns the name of a span, and the attributes with the status code and with the
// prefix "bearer.".
func describe(span sdktrace.ReadOnlySpan) string {
	text := span.Name()
	for _, a := range span.Attributes() {
		if strings.HasPrefix(string(a.Key), "bearer.") || strings.HasSuffix(string(a.Key), "status_code") {
			text += fmt.Sprintf(" %s=%s", a.Key, a.Value.String())
		}
	}
	return text
}
