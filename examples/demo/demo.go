// Package demo is the shared part of the programs in nethttp and routers. It starts a test
// issuer and a server, creates the guard, and prints commands that call the API.
//
// Copies of these programs may import this package. It is not covered by the rules for
// compatible releases, so a program for production has its own function main. README.md and
// docs/routers.md show such programs.
package demo

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
	"strings"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/middleware"
)

// Main runs the program until it is interrupted. The function api returns the handler of the
// program.
func Main(api func(*middleware.Guard) http.Handler) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := Run(ctx, os.Args[1:], os.Stdout, api); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

// Run serves the API until ctx ends. It prints the URL of the API on the first line.
func Run(ctx context.Context, args []string, stdout io.Writer, api func(*middleware.Guard) http.Handler) error {
	flags := flag.NewFlagSet("api", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:8080", "address to listen on")
	issuer := flags.String("issuer", "", "URL of the authorization server; if empty, the program starts a test issuer")
	audience := flags.String("audience", "https://deployments.example", "audience of the tokens")
	profile := flags.String("profile", "", "profile of the issuer's tokens, for example scalekit for bearer-issuer; if empty, RFC 9068")
	flags.SetOutput(io.Discard) // Main prints an error once, and without the list of flags
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			flags.SetOutput(stdout)
			flags.Usage()
		}
		return fmt.Errorf("arguments: %w", err)
	}
	form, err := bearer.ProfileByName(*profile)
	if err != nil {
		return fmt.Errorf("flag -profile: %w", err)
	}
	var own *bearertest.Issuer
	if *issuer == "" {
		own = bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}}) // ES256 makes short tokens
		defer own.Close()
		*issuer = own.URL()
	}
	cfg := bearer.Config{Issuer: *issuer, Audience: []string{*audience}, Profile: form} // no Logger: refusals are logged to standard error
	verifier, err := bearer.New(cfg)                                                    //nolint:contextcheck // the verifier lives until Close
	if err != nil {
		return err
	}
	defer verifier.Close()
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", *addr)
	if err != nil {
		return err
	}
	url := "http://" + listener.Addr().String()
	_, _ = fmt.Fprintln(stdout, url)
	server := &http.Server{Handler: api(guard), ReadHeaderTimeout: 10 * time.Second}
	for _, route := range guard.Routes() {
		_, _ = fmt.Fprintln(stdout, "-", route)
	}
	if own != nil {
		token := own.Token(map[string]any{"aud": *audience, "scope": "read:deployments"})
		_, _ = fmt.Fprintf(stdout, "\ncurl -i %s/deployments/7\ncurl -i %[1]s/deployments/7 -H 'Authorization: Bearer %s'\n", url, token)
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Line returns the response of a handler: the name of the handler, the parameter of its route
// and the client ID of the caller. A dash stands for a missing parameter or caller.
func Line(handler, param string, claims *bearer.Claims) string {
	client := "-"
	if claims != nil {
		client = claims.ClientID()
	}
	if param = strings.Trim(param, "/"); param == "" {
		param = "-"
	}
	return handler + " " + param + " " + client + "\n"
}
