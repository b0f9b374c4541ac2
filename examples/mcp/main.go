// The program mcp is a server of the Model Context Protocol, built with the official Go SDK.
// The streamable HTTP endpoint is a protected resource. Clients need only the URL of the
// endpoint. The challenge names the resource metadata (RFC 9728). The resource metadata names
// the authorization server. The metadata of the authorization server names the token endpoint.
//
//	cd examples/mcp && go run . -issuer https://acme.example -resource https://mcp.acme.example/mcp
//
// The audience of a token must be the URL of the endpoint. The client in the file seed.yaml of this folder
// has this audience. Start the issuer bearer-issuer with this file, and this program in a second terminal:
//
//	go run ./cmd/bearer-issuer -seed examples/mcp/seed.yaml
//	cd examples/mcp && go run . -issuer http://127.0.0.1:8790 -profile scalekit
//
// Paste the line that begins with "token()" into a third terminal, and open sessions. The statuses are
// 200, 403 and 401.
//
//	session() { curl -i http://127.0.0.1:8080/mcp -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' -d '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"curl","version":"1"}}}' "$@"; }
//	session -H "Authorization: Bearer $(token)"
//	session -H "Authorization: Bearer $(token -d scope=deploy:applications)"
//	session
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "mcp:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop, the only deferred function, was called
	}
}

// run serves requests until ctx ends.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("mcp", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:8080", "address to listen on")
	issuer := flags.String("issuer", "", "URL of the authorization server")
	profile := flags.String("profile", "", "profile of the issuer's tokens, for example scalekit for bearer-issuer; if empty, RFC 9068")
	resource := flags.String("resource", "", "URL of the endpoint for clients; if empty, the program uses http://, the listen address and the path /mcp")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("arguments: %w", err)
	}
	form, err := bearer.ProfileByName(*profile)
	if err != nil {
		return fmt.Errorf("flag -profile: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", *addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	if *resource == "" {
		*resource = "http://" + listener.Addr().String() + "/mcp"
	}

	// Clients request a token for the resource (RFC 8707). The guard refuses tokens for other
	// audiences.
	cfg := bearer.Config{Issuer: *issuer, Audience: []string{*resource}, Profile: form} // no Logger: refusals are logged to standard error
	verifier, err := bearer.New(cfg)                                                    //nolint:contextcheck // the verifier lives until Close
	if err != nil {
		return fmt.Errorf("flags -issuer and -resource: %w", err)
	}
	defer verifier.Close()
	guard, err := middleware.New(verifier, &middleware.Options{
		Resource: *resource,
		Metadata: map[string]any{"resource_name": "Deployments"},
	})
	if err != nil {
		return err
	}
	handler := newHandler(guard)

	_, _ = fmt.Fprintln(stdout, *resource)
	for _, route := range guard.Routes() {
		_, _ = fmt.Fprintln(stdout, "-", route)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
