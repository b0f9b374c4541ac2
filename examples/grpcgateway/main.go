// The program grpcgateway serves one service over gRPC and HTTP on the same port. With
// grpc-gateway, HTTP requests call the gRPC methods. Both protocols share one verifier. On
// every endpoint that is not public, the program verifies the token at least once.
//
//	cd examples/grpcgateway && go run .
//
// The program calls every endpoint with four kinds of credentials and prints the results.
// If a result differs from the expected result, the program exits with status 1. The code to
// copy is in server.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/grpc"
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
		fmt.Fprintln(os.Stderr, "grpcgateway:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, stdout io.Writer) (err error) {
	issuer := bearertest.NewIssuer(&bearertest.Options{Audience: []string{audience}}) // stands for your authorization server
	defer issuer.Close()
	verifier, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}}) //nolint:contextcheck // the verifier lives until Close
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, verifier.Close()) }()
	addr, stop, err := serve(ctx, verifier)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	return callAll(ctx, stdout, client{"http://" + addr, conn}, []string{
		"",
		issuer.Token(map[string]any{"exp": time.Now().Add(-time.Minute)}),
		issuer.Token(map[string]any{"scope": "read:nothing"}),
		issuer.Token(map[string]any{"client_id": "ci", "scope": "deploy:applications read:deployments"}),
	})
}

// endpoint is an HTTP route or a gRPC method of the API.
type endpoint struct {
	over, name string
	call       func(ctx context.Context, c client, token string) (string, error)
	want       string // the results without a token, with an expired token, with missing scopes and with a valid token
}

func endpoints() []endpoint {
	over := func(method, route, want string) endpoint {
		return endpoint{"HTTP", method + " " + route, func(ctx context.Context, c client, token string) (string, error) {
			return c.http(ctx, method, route, token)
		}, want}
	}
	return []endpoint{
		over("GET", "/healthz", "200 200 200 200"),
		over("GET", "/whoami", "401 401 200 200"),
		over("POST", "/v1/deployments", "401 401 403 200"),
		over("GET", "/v1/deployments/d-1/states", "401 401 403 200"),
		over("DELETE", "/v1/deployments/d-1", "401 401 403 403"),
		over("GET", "/v1/nothing", "401 401 404 404"),
		{"gRPC", "Deployments/Create", func(ctx context.Context, c client, _ string) (string, error) {
			d, err := deployv1.NewDeploymentsClient(c.conn).Create(ctx, &deployv1.CreateRequest{})
			return d.GetCaller().GetClientId(), err
		}, "Unauthenticated Unauthenticated PermissionDenied OK"},
		{"gRPC", "Deployments/Watch", func(ctx context.Context, c client, _ string) (string, error) {
			states, err := deployv1.NewDeploymentsClient(c.conn).Watch(ctx, &deployv1.WatchRequest{})
			if err != nil {
				return "", err
			}
			state, err := states.Recv()
			return state.GetCaller().GetClientId(), err
		}, "Unauthenticated Unauthenticated PermissionDenied OK"},
		{"gRPC", "Health/Check", func(ctx context.Context, c client, _ string) (string, error) {
			_, err := grpc_health_v1.NewHealthClient(c.conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
			return "", err
		}, "OK OK OK OK"},
	}
}

func callAll(ctx context.Context, stdout io.Writer, c client, tokens []string) error {
	if _, err := fmt.Fprintf(stdout, "HTTP and gRPC on %s, one verifier\n\n", c.url); err != nil {
		return err
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tENDPOINT\t\tNO TOKEN\tEXPIRED\tMISSING SCOPES\tVALID") //nolint:errcheck // Flush returns the error
	wrong := 0
	for _, e := range endpoints() {
		var got []string
		for _, token := range tokens {
			answer, err := e.status(ctx, c, token)
			if err != nil {
				return fmt.Errorf("%s %s: %w", e.over, e.name, err)
			}
			got = append(got, answer)
		}
		mark := "ok"
		if strings.Join(got, " ") != e.want {
			mark = "NO"
			wrong++
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", mark, e.over, e.name, strings.Join(got, "\t")) //nolint:errcheck // Flush returns the error
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("the results of %d endpoints differ from the expected results", wrong)
	}
	return nil
}

// status makes one call and returns its status.
func (e endpoint) status(ctx context.Context, c client, token string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if e.over == "HTTP" {
		return e.call(ctx, c, token)
	}
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	_, err := e.call(ctx, c, token)
	return status.Code(err).String(), nil
}

// client calls the API over HTTP and over gRPC.
type client struct {
	url  string
	conn *grpc.ClientConn
}

// http sends a request and returns the status of the response. If a refusal has no challenge,
// this method returns an error.
func (c client) http(ctx context.Context, method, route, token string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.url+route, nil)
	if err != nil {
		return "", err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	refused := response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden
	challenge := response.Header.Values("WWW-Authenticate")
	if refused && (len(challenge) != 1 || !strings.HasPrefix(challenge[0], `Bearer realm="api"`)) {
		return "", fmt.Errorf("%s: got challenges %q, want one challenge for realm api", response.Status, challenge)
	}
	return response.Status[:3], nil
}
