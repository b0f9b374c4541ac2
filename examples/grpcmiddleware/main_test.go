package main

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/selector"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/examples/deployv1"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

const output = `Create: OK
    log   level=INFO msg="finished call" grpc.service=deploy.v1.Deployments grpc.method=Create client=ci grpc.code=OK
    span  deploy.v1.Deployments/Create bearer.client_id=ci rpc.response.status_code=OK

Create without a token: Unauthenticated
    log   level=INFO msg="finished call" grpc.service=deploy.v1.Deployments grpc.method=Create grpc.code=Unauthenticated reason=NO_TOKEN
    span  deploy.v1.Deployments/Create bearer.reason=no_token rpc.response.status_code=UNAUTHENTICATED

Delete, missing scope: PermissionDenied
    log   level=WARN msg="finished call" grpc.service=deploy.v1.Deployments grpc.method=Delete grpc.code=PermissionDenied reason=SCOPE
    span  deploy.v1.Deployments/Delete bearer.reason=scope bearer.client_id=ci rpc.response.status_code=PERMISSION_DENIED

Watch, a stream: OK
    log   level=INFO msg="finished call" grpc.service=deploy.v1.Deployments grpc.method=Watch client=ci grpc.code=OK
    span  deploy.v1.Deployments/Watch bearer.client_id=ci rpc.response.status_code=OK

Watch without a token: Unauthenticated
    log   level=INFO msg="finished call" grpc.service=deploy.v1.Deployments grpc.method=Watch grpc.code=Unauthenticated reason=NO_TOKEN
    span  deploy.v1.Deployments/Watch bearer.reason=no_token rpc.response.status_code=UNAUTHENTICATED

Logs, a stream whose handler panics: Internal
    log   level=ERROR msg=panic value="index out of range"
    log   level=ERROR msg="finished call" grpc.service=deploy.v1.Deployments grpc.method=Logs client=ci grpc.code=Internal
    span  deploy.v1.Deployments/Logs bearer.client_id=ci rpc.response.status_code=INTERNAL

Health, public and not logged: OK
    span  grpc.health.v1.Health/Check rpc.response.status_code=OK

`

func TestProgram(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Error(err)
	}
	if got := out.String(); got != output {
		t.Errorf("got output\n%s\nwant output\n%s", got, output)
	}
}

// TestSelectorAroundTheGuard uses the guard only for some methods. The recovery interceptor
// runs before or after the guard.
func TestSelectorAroundTheGuard(t *testing.T) {
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Audience: []string{audience}, Algorithms: []string{"ES256"}})
	defer issuer.Close()
	keys, err := jwks.Parse(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := interceptor.New(verifier, scopes.Methods{"/deploy.v1.Deployments/*": scopes.All("read:deployments")}, &interceptor.Options{ExpireStreams: true})
	if err != nil {
		t.Fatal(err)
	}
	unary := selector.UnaryServerInterceptor(guard.Unary, selector.MatchFunc(notHealth))
	stream := selector.StreamServerInterceptor(guard.Stream, selector.MatchFunc(notHealth))
	for name, opts := range map[string][]grpc.ServerOption{
		"recovery after the guard": {
			grpc.ChainUnaryInterceptor(unary, recovery.UnaryServerInterceptor()), grpc.ChainStreamInterceptor(stream, recovery.StreamServerInterceptor()),
		},
		"recovery before the guard": {
			grpc.ChainUnaryInterceptor(recovery.UnaryServerInterceptor(), unary), grpc.ChainStreamInterceptor(recovery.StreamServerInterceptor(), stream),
		},
	} {
		t.Run(name, func(t *testing.T) {
			conn := serve(t, opts)
			api, probe := deployv1.NewDeploymentsClient(conn), grpc_health_v1.NewHealthClient(conn)
			good := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+issuer.Token(map[string]any{"scope": "read:deployments"}))
			for _, row := range []struct {
				what string
				ctx  context.Context //nolint:containedctx // passed to the function in the next field
				call func(context.Context) error
				want codes.Code
			}{
				{"unary call", good, func(ctx context.Context) error { _, err := api.Create(ctx, nil); return err }, codes.OK},
				{"unary call without a token", t.Context(), func(ctx context.Context) error { _, err := api.Create(ctx, nil); return err }, codes.Unauthenticated},
				{"stream", good, func(ctx context.Context) error { return drain(api.Watch(ctx, nil)) }, codes.OK},
				{"stream without a token", t.Context(), func(ctx context.Context) error { return drain(api.Watch(ctx, nil)) }, codes.Unauthenticated},
				{"stream whose handler panics", good, func(ctx context.Context) error { return drain(api.Logs(ctx, nil)) }, codes.Unknown}, // the default code of the recovery interceptor
				{"unary call that is not selected", t.Context(), func(ctx context.Context) error { _, err := probe.Check(ctx, nil); return err }, codes.OK},
				{"stream that is not selected", t.Context(), func(ctx context.Context) error { return firstMessage(probe.Watch(ctx, nil)) }, codes.OK},
			} {
				if err := row.call(row.ctx); status.Code(err) != row.want {
					t.Errorf("%s: got error %v, want code %v", row.what, err, row.want)
				}
			}
		})
	}
}

// firstMessage reads the first message of a stream.
func firstMessage[T any](stream grpc.ServerStreamingClient[T], err error) error {
	if err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

func serve(t *testing.T, opts []grpc.ServerOption) *grpc.ClientConn {
	t.Helper()
	server := grpc.NewServer(opts...)
	deployv1.RegisterDeploymentsServer(server, deployments{})
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Stop()
		if err := errors.Join(conn.Close(), <-served); err != nil {
			t.Error(err)
		}
	})
	return conn
}
