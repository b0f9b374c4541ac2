package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/oauth2"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/terminal"
	"github.com/bearerkit/bearer/jwks"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	q := quickstart{env: os.Getenv, stdout: os.Stdout, stderr: os.Stderr, newVerifier: newVerifier}
	if err := q.run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "quickstart:", quote.Line(err.Error()))
		os.Exit(1)
	}
}

// timeout is the time limit for the token request and for each call of the API. It is also
// the time limit in which a server must read the header of a request.
const timeout = 10 * time.Second

// quickstart contains the inputs and the outputs of the program. Tests replace these inputs
// and outputs.
type quickstart struct {
	env            func(string) string
	stdout, stderr io.Writer
	// newVerifier returns the verifier. A test replaces newVerifier to check that the
	// program fails with a wrong verifier.
	newVerifier func(bearer.Config) (bearer.Verifier, error)
}

func newVerifier(cfg bearer.Config) (bearer.Verifier, error) { return bearer.New(cfg) }

func (q quickstart) run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(q.stderr)
	flags.Usage = func() { _ = terminal.Of(q.stderr, q.env).PrintFlags(q.stderr, flags) }
	serve := flags.Bool("serve", false, "keep the program running, and print commands that call the API")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}

	env, err := q.environment(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, env.close()) }()

	// Until the table is printed, only errors are logged, because the table describes
	// each refused call.
	level := new(slog.LevelVar)
	level.Set(slog.LevelError)
	log := slog.New(slog.NewTextHandler(q.stderr, &slog.HandlerOptions{Level: level}))

	ports, err := listen(ctx)
	if err != nil {
		return err
	}
	verifier, keys, err := q.verifier(ctx, env, ports.origins(), log)
	if err != nil {
		return errors.Join(err, ports.close())
	}
	defer func() { err = errors.Join(err, keys.Close()) }()

	api, err := startAPI(ctx, ports, verifier)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, api.close()) }()

	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Timeout: timeout}) // package oauth2 uses the HTTP client in the context
	token, err := env.client.Token(ctx)
	if err != nil {
		return fmt.Errorf("get a token: %w", err)
	}
	if err := q.printIntro(env, token, api); err != nil {
		return err
	}
	if err := q.callAll(ctx, env, token.AccessToken, api); err != nil {
		return err
	}
	if *serve {
		level.Set(slog.LevelInfo)
		return q.serve(ctx, env, api)
	}
	return nil
}

// verifier returns a verifier for the environment's tokens, with and without a binding to a key of the
// client (DPoP). The origins are the base URLs of the API. It also returns the cache of the issuer's
// keys. The caller must close the cache.
func (q quickstart) verifier(ctx context.Context, env *environment, origins []string, log *slog.Logger) (bearer.Verifier, *jwks.Cache, error) {
	binding, err := dpop.New(dpop.Options{Origins: origins, Logger: log})
	if err != nil {
		return nil, nil, err
	}
	keys, err := jwks.Discover(env.url, &jwks.Options{Logger: log}) //nolint:contextcheck // the cache lives until Close
	if err != nil {
		return nil, nil, err
	}
	// Without Refresh, the cache fetches the keys when the verifier needs a key. Refresh
	// fetches the keys now. If the program cannot reach the issuer, Refresh returns an
	// error, and the program makes no calls.
	if err := keys.Refresh(ctx); err != nil {
		return nil, nil, errors.Join(err, keys.Close())
	}
	verifier, err := q.newVerifier(bearer.Config{
		Issuer:   env.url,
		Audience: []string{env.audience},
		Keys:     keys,
		Profile:  bearer.Scalekit,
		Custom:   bearer.JSON[deployer],
		Bindings: []bearer.Binding{binding},
		Logger:   log,
	})
	if err != nil {
		return nil, nil, errors.Join(err, keys.Close())
	}
	return verifier, keys, nil
}

// screen returns the screen behind the output of the program.
func (q quickstart) screen() terminal.Screen { return terminal.Of(q.stdout, q.env) }

// printIntro prints the issuer, the client, the token and the API.
func (q quickstart) printIntro(env *environment, token *oauth2.Token, api *api) error {
	scope, _ := token.Extra("scope").(string)
	screen := q.screen()
	var out strings.Builder
	out.WriteString(screen.Hang("bearer quickstart: a machine client gets a token and calls an API", 0) + "\n\n")
	for _, line := range [][2]string{
		{"issuer", fmt.Sprintf("%s (%s)", env.url, env.kind)},
		{"client", env.clientLabel},
		{"token", fmt.Sprintf("scopes %s, audience %s, valid for %v", scope, env.audience, time.Until(token.Expiry).Round(time.Second))},
		{"API", fmt.Sprintf("http://%s (HTTP), %s (gRPC)", api.httpAddr, api.grpcAddr)},
	} {
		label := fmt.Sprintf("  %-8s", line[0])
		out.WriteString(label + screen.Hang(quote.Line(line[1]), len(label)) + "\n")
	}
	out.WriteString("\n" + screen.Hang("Each row is one call. \"ok\" means that the result is the expected result.", 0) + "\n\n")
	_, err := io.WriteString(q.stdout, out.String())
	return err
}
