// The program forwardauth protects services that cannot verify tokens. A proxy sends each
// request to forwardauth first, and forwards the request to the service only if forwardauth
// allows the request. The files nginx.conf, Caddyfile and haproxy.cfg in this folder configure
// the proxy. The flag -dialect names the proxy.
//
//	go run ./examples/forwardauth -issuer https://acme.example -audience https://api.example -dialect caddy
//
// To try the program without a proxy, start the issuer bearer-issuer with the file seed.yaml of this
// folder, and run this program in a second terminal:
//
//	go run ./cmd/bearer-issuer -seed examples/forwardauth/seed.yaml
//	go run ./examples/forwardauth -issuer http://127.0.0.1:8790 -audience reports-api.acmecorp.com -profile scalekit
//
// Paste the line that begins with "token()" into a third terminal, and send requests like a proxy. The
// statuses are 204, 403 and 401.
//
//	report() { curl -i http://127.0.0.1:9091 -H 'X-Forwarded-Method: GET' -H 'X-Forwarded-Uri: /reports/7' "$@"; }
//	report -H "Authorization: Bearer $(token)"
//	report -H "Authorization: Bearer $(token -d scope=write:reports)"
//	report
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
	"github.com/bearerkit/bearer/scopes"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "forwardauth:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

// options returns the options of a guard that passes the caller to the services in header
// fields.
func options(dialect string) *middleware.Options {
	return &middleware.Options{
		Dialect: dialect,
		Headers: map[string]func(*bearer.Claims) string{
			"X-Subject": (*bearer.Claims).Subject,
			"X-Client":  (*bearer.Claims).ClientID,
			"X-Scope":   func(c *bearer.Claims) string { return c.Scopes().String() },
		},
	}
}

// rules returns the rules of the services. A request that matches no rule is denied.
func rules() *scopes.Table {
	var table scopes.Table
	table.Handle("/public/", scopes.Public())
	table.Handle("GET /reports/", scopes.All("read:reports"))
	table.Handle("POST /reports/", scopes.All("write:reports"))
	table.Handle("GET /whoami", scopes.Optional(scopes.All()))
	return &table
}

// run serves requests until ctx ends. It prints the URL of the server on the first line.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("forwardauth", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:9091", "address to listen on; allow only the proxy to reach this address")
	issuer := flags.String("issuer", "", "URL of the authorization server")
	audience := flags.String("audience", "", "audience of the tokens")
	profile := flags.String("profile", "", "profile of the issuer's tokens, for example scalekit for bearer-issuer; if empty, RFC 9068")
	dialect := flags.String("dialect", "", "the proxy: caddy (also for Traefik), haproxy, ingress-nginx or envoy; empty for nginx")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("arguments: %w", err)
	}
	form, err := bearer.ProfileByName(*profile)
	if err != nil {
		return fmt.Errorf("flag -profile: %w", err)
	}
	cfg := bearer.Config{Issuer: *issuer, Audience: []string{*audience}, Profile: form} // no Logger: refusals are logged to standard error
	verifier, err := bearer.New(cfg)                                                    //nolint:contextcheck // the verifier lives until Close
	if err != nil {
		return fmt.Errorf("flags -issuer and -audience: %w", err)
	}
	defer verifier.Close()
	guard, err := middleware.New(verifier, options(*dialect))
	if err != nil {
		return fmt.Errorf("flag -dialect: %w", err)
	}
	handler := guard.ForwardAuth(rules())
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", *addr)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stdout, "http://%s\n", listener.Addr())
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
