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
	"syscall"
	"time"

	"golang.org/x/oauth2"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	q := quickstart{env: os.Getenv, stdout: os.Stdout, stderr: os.Stderr, newVerifier: newVerifier}
	if err := q.run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// timeout bounds each request to the issuer and to the API.
const timeout = 10 * time.Second

// quickstart is what the program has from outside.
type quickstart struct {
	env            func(string) string
	stdout, stderr io.Writer
	// newVerifier is a seam: the program's checks are worth something only if
	// they fail with a verifier that is wrong.
	newVerifier func(bearer.Config) (bearer.Verifier, error)
}

func newVerifier(cfg bearer.Config) (bearer.Verifier, error) { return bearer.New(cfg) }

func (q quickstart) run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(q.stderr)
	serve := flags.Bool("serve", false, "keep the issuer and the API up and print lines to call them with")
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

	// Quiet at first: the table says all that there is to say about its calls.
	level := new(slog.LevelVar)
	level.Set(slog.LevelError)
	log := slog.New(slog.NewTextHandler(q.stderr, &slog.HandlerOptions{Level: level}))

	verifier, keys, err := q.verifier(ctx, env, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()

	api, err := startAPI(ctx, verifier)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, api.close()) }()

	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Timeout: timeout}) // as oauth2 wants to be told
	token, err := env.client.Token(ctx)
	if err != nil {
		return fmt.Errorf("get a token: %w", err)
	}
	if err := q.introduce(env, token, api); err != nil {
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

// verifier returns what decides on the environment's tokens, and the cache of
// its keys, which is to be closed.
func (q quickstart) verifier(ctx context.Context, env *environment, log *slog.Logger) (bearer.Verifier, *jwks.Cache, error) {
	keys, err := jwks.Discover(env.url, &jwks.Options{Logger: log}) //nolint:contextcheck // it lives until Close
	if err != nil {
		return nil, nil, err
	}
	// A verifier need not wait for keys. This program does, so that an issuer
	// which cannot be reached is told as such, and not as a table of refusals.
	if err := keys.Refresh(ctx); err != nil {
		return nil, nil, errors.Join(err, keys.Close())
	}
	verifier, err := q.newVerifier(bearer.Config{
		Issuer:   env.url,
		Audience: []string{env.audience},
		Keys:     keys,
		Profile:  bearer.Scalekit,
		Custom:   bearer.JSON[deployer],
		Logger:   log,
	})
	if err != nil {
		return nil, nil, errors.Join(err, keys.Close())
	}
	return verifier, keys, nil
}

// introduce prints what is there before the calls.
func (q quickstart) introduce(env *environment, token *oauth2.Token, api *api) error {
	scope, _ := token.Extra("scope").(string)
	_, err := fmt.Fprintf(q.stdout, `bearer quickstart: a machine client gets a token and calls an API

  issuer  %s (%s)
  client  %s
  token   %s for %s, good for %v
  API     http://%s and, over gRPC, %s

`, env.url, env.kind, env.who, scope, env.audience, time.Until(token.Expiry).Round(time.Second), api.httpAddr, api.grpcAddr)
	return err
}
