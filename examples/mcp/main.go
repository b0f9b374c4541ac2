// The program mcp is a server of the Model Context Protocol, built with the official Go SDK.
// The streamable HTTP endpoint is a protected resource. Clients need only the URL of the
// endpoint. The challenge names the resource metadata (RFC 9728). The resource metadata names
// the authorization server. The metadata of the authorization server names the token endpoint.
//
//	cd examples/mcp && go run . -issuer https://acme.example -resource https://mcp.acme.example/mcp
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
	resource := flags.String("resource", "", "URL of the endpoint for clients; if empty, the program uses http://, the listen address and the path /mcp")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("arguments: %w", err)
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
	verifier, err := bearer.New(bearer.Config{Issuer: *issuer, Audience: []string{*resource}}) //nolint:contextcheck // the verifier lives until Close
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
