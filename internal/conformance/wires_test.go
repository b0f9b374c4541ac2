package conformance_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// A wire sends requests to one route over one transport. The method send returns every byte
// of the response that depends on the request: the status, the fields or metadata in their
// order, and the body.
type wire struct {
	name string
	send func(token string) string
}

// plainWire is the name of the wire of a guard without options.
const plainWire = "Require"

// wires returns one wire for each way in which a guard of this module answers a refused
// request. All guards use v.
func wires(t *testing.T, v bearer.Verifier) []wire {
	t.Helper()
	return slices.Concat(httpWires(t, v), forwardWires(t, v), grpcWires(t, v))
}

// httpWires returns the wires of the guard for net/http, except ForwardAuth.
func httpWires(t *testing.T, v bearer.Verifier) []wire {
	t.Helper()
	guard := func(opts *middleware.Options) *middleware.Guard { return newHTTPGuard(t, v, opts) }
	plain, named := guard(nil), guard(&middleware.Options{
		Realm: "api of things", ResourceMetadata: "https://api.example/.well-known/oauth-protected-resource", ExposeChallenge: true,
		RefuseOverrides: true, RemoveAuthorization: true,
	})
	own := guard(&middleware.Options{Body: func(_ *http.Request, refused middleware.Refusal) (string, []byte) {
		return "text/plain", fmt.Appendf(nil, "%d %s %s %q", refused.Status, refused.Error, refused.Description, refused.Scopes)
	}})
	table := new(scopes.Table)
	table.Handle("GET /things", scopes.All("read:things"))
	upgrades := guard(&middleware.Options{WebSocket: []string{"GET /things"}})
	proxy := upgrades.Proxy(&url.URL{Scheme: "http", Host: "127.0.0.1:1"})
	proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	all := scopes.All("read:things")
	var list []wire
	for _, row := range []struct {
		name    string
		handler http.Handler
		line    string // method and target
		fields  string
	}{
		{plainWire, plain.Require(all)(reached), "GET /things", ""},
		{"Require, HEAD", plain.Require(all)(reached), "HEAD /things", ""},
		{"Require, problem+json", plain.Require(all)(reached), "GET /things", "Accept: application/problem+json\r\n"},
		{"Require, metadata and CORS", named.Require(all)(reached), "POST /things", "Origin: https://app.example\r\n"},
		{"Require, Options.Body", own.Require(all)(reached), "GET /things", ""},
		{"Require, no rule", plain.Require(scopes.Rule{})(reached), "GET /things", ""},
		{"Require, optional rule", plain.Require(scopes.Optional(all))(reached), "GET /things", ""},
		{"Require, report-only rule", plain.Require(scopes.ReportOnly(all))(reached), "GET /things", ""},
		{"RequireAt", plain.RequireAt("GET /things", all)(reached), "GET /things", ""},
		{"Enforce", plain.Enforce(table)(reached), "GET /things", ""},
		{"Enforce, metadata", named.Enforce(table)(reached), "GET /things", ""},
		{"Enforce, no rule", plain.Enforce(table)(reached), "GET /nowhere", ""},
		{"Enforce, overridden target", named.Enforce(table)(reached), "GET /things", "X-Original-URL: /admin\r\n"},
		{"Enforce, preflight request", plain.Enforce(table)(reached), "OPTIONS /things", "Origin: https://app.example\r\nAccess-Control-Request-Method: GET\r\n"},
		{"Proxy", upgrades.Enforce(table)(proxy), "GET /things", ""},
		{"Proxy, WebSocket", upgrades.Enforce(table)(proxy), "GET /things", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"},
		{"Check and Deny", checked(plain, all, plain.Deny), "GET /things", ""},
		{"Check and Refusal", checked(named, all, func(w http.ResponseWriter, r *http.Request, err error) {
			refused := named.Refusal(r, err)
			w.WriteHeader(refused.Status)
			_, _ = fmt.Fprintf(w, "%+v", refused)
		}), "GET /things", ""},
	} {
		list = append(list, wire{row.name, overTCP(t, row.handler, row.line, row.fields)})
	}
	return list
}

// reached is the handler of all routes. No token of the test may reach it.
var reached = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "reached") })

// checked returns a handler that calls Check, and passes the error to deny.
func checked(guard *middleware.Guard, rule scopes.Rule, deny func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if allowed, err := guard.Check(r, rule); err != nil {
			deny(w, r, err)
		} else {
			reached(w, allowed)
		}
	})
}

// forwardWires returns one wire for each dialect of ForwardAuth.
func forwardWires(t *testing.T, v bearer.Verifier) []wire {
	t.Helper()
	table := new(scopes.Table)
	table.Handle("GET /things", scopes.All("read:things"))
	const forwarded = "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /things\r\nX-Forwarded-Host: api.example\r\n"
	var list []wire
	for _, row := range []struct {
		dialect string
		target  string
		fields  string
	}{
		{"", "/auth", forwarded},
		{"caddy", "/auth", forwarded},
		{"haproxy", "/auth", forwarded},
		{"ingress-nginx", "/auth", "X-Original-Method: GET\r\nX-Original-URL: https://api.example/things\r\n"},
		{"envoy", "/things", ""},
		{"", "/auth", "X-Forwarded-Method: GET\r\n"}, // without a target, so without a rule
	} {
		guard := newHTTPGuard(t, v, &middleware.Options{Dialect: row.dialect, Headers: map[string]func(*bearer.Claims) string{"X-Subject": (*bearer.Claims).Subject}})
		name := fmt.Sprintf("ForwardAuth, dialect %q, %d fields", row.dialect, strings.Count(row.fields, "\n"))
		list = append(list, wire{name, overTCP(t, guard.ForwardAuth(table), "GET "+row.target, row.fields)})
	}
	return list
}

func newHTTPGuard(t *testing.T, v bearer.Verifier, opts *middleware.Options) *middleware.Guard {
	t.Helper()
	guard, err := middleware.New(v, opts)
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

// date matches the only field of a response that depends on the time.
var date = regexp.MustCompile(`\r\nDate: [^\r]*\r\n`)

// overTCP serves handler with net/http's server, and returns a function that sends a request
// with a token. The function returns the response as the server wrote it, without its date. All
// requests use one connection.
func overTCP(t *testing.T, handler http.Handler, line, fields string) func(token string) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	method, _, _ := strings.Cut(line, " ")
	request := &http.Request{Method: method}
	return func(token string) string {
		if _, err := fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: api.example\r\n%sAuthorization: Bearer %s\r\n\r\n", line, fields, token); err != nil {
			t.Fatal(err)
		}
		var sent bytes.Buffer
		response, err := http.ReadResponse(bufio.NewReader(io.TeeReader(conn, &sent)), request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Fatal(err)
		}
		return date.ReplaceAllString(sent.String(), "\r\n")
	}
}

// grpcWires returns the wires of the guard for gRPC: unary calls and streams, with grpc's
// server and with net/http's server.
func grpcWires(t *testing.T, v bearer.Verifier) []wire {
	t.Helper()
	const method, lost, watch = "/s.S/Things", "/s.S/Lost", "/s.S/Watch"
	all := scopes.All("read:things")
	guard, err := interceptor.New(v, scopes.Methods{method: all, watch: all}, &interceptor.Options{ExpireStreams: true})
	if err != nil {
		t.Fatal(err)
	}
	var list []wire
	for _, withHTTP := range []bool{false, true} {
		conn := dialGRPC(t, guard, withHTTP)
		for _, called := range []string{method, lost} {
			list = append(list, wire{fmt.Sprintf("gRPC unary %s, net/http %v", called, withHTTP), func(token string) string {
				var header, trailer metadata.MD
				ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
				err := conn.Invoke(ctx, called, &emptypb.Empty{}, &emptypb.Empty{}, grpc.Header(&header), grpc.Trailer(&trailer))
				return rpcAnswer(t, header, trailer, err)
			}})
		}
		list = append(list, wire{fmt.Sprintf("gRPC stream, net/http %v", withHTTP), func(token string) string {
			ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token))
			defer cancel()
			stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, watch)
			if err != nil {
				t.Fatal(err)
			}
			err = stream.RecvMsg(&emptypb.Empty{})
			header, _ := stream.Header() // the error is the error of RecvMsg
			return rpcAnswer(t, header, stream.Trailer(), err)
		}})
	}
	return list
}

// dialGRPC serves a guard with a service that has every method, and returns a connection to
// the service.
func dialGRPC(t *testing.T, guard *interceptor.Guard, withHTTP bool) *grpc.ClientConn {
	t.Helper()
	return dialGRPCWith(t, guard, withHTTP, func(any, grpc.ServerStream) error { return nil })
}

// dialGRPCWith does what dialGRPC does, with a handler for the method Watch.
func dialGRPCWith(t *testing.T, guard *interceptor.Guard, withHTTP bool, handler grpc.StreamHandler) *grpc.ClientConn {
	t.Helper()
	server := grpc.NewServer(guard.ServerOptions()...)
	unary := func(name string) grpc.MethodDesc {
		return grpc.MethodDesc{MethodName: name, Handler: func(srv any, ctx context.Context, _ func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
			handler := func(context.Context, any) (any, error) { return &emptypb.Empty{}, nil }
			return intercept(ctx, nil, &grpc.UnaryServerInfo{Server: srv, FullMethod: "/s.S/" + name}, handler)
		}}
	}
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "s.S", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{unary("Things"), unary("Lost")},
		Streams: []grpc.StreamDesc{{StreamName: "Watch", ServerStreams: true, ClientStreams: true, Handler: handler}},
	}, nil)
	listener := bufconn.Listen(64 << 10)
	serve := server.Serve
	if withHTTP {
		over := &http.Server{Handler: server, Protocols: new(http.Protocols)} //nolint:gosec // the client is the test
		over.Protocols.SetUnencryptedHTTP2(true)
		serve = over.Serve
		t.Cleanup(func() { _ = over.Close() })
	}
	go func() { _ = serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// rpcAnswer returns the metadata and the status of a call. The status contains its details.
func rpcAnswer(t *testing.T, header, trailer metadata.MD, err error) string {
	t.Helper()
	header.Delete("date") // net/http's server sends it
	text, marshalErr := proto.MarshalOptions{Deterministic: true}.Marshal(status.Convert(err).Proto())
	if marshalErr != nil {
		t.Fatal(marshalErr)
	}
	return fmt.Sprintf("%v %v %s", header, trailer, text)
}
