// Command bearer-issuer runs a Scalekit environment on your own machine. The environment is for
// development and tests only. You can register machine clients for an organization, either
// over Scalekit's REST API, or over gRPC with Scalekit's SDKs. The clients get access
// tokens by the client credentials grant. The keys and the metadata are at Scalekit's
// paths.
//
//	bearer-issuer
//
// The program prints initial credentials, and curl commands that you can copy. One line declares
// the shell function token, which prints an access token of a ready client. The program serves a
// web page that shows the current state, mints and checks tokens, rotates keys and injects
// faults. Without -insecure-page-anywhere, other machines can only read this page. If -state
// names a file, the program keeps the state in this file. Otherwise, the state is kept in
// memory. -seed names a file with initial organizations and clients. With -tls, the program
// serves https. The signal SIGHUP rotates the signing key. Without -insecure-listen-anywhere,
// the program listens only on the loopback interface.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/scalekit"
)

const (
	defaultAddress = "127.0.0.1:8790"
	grace          = 5 * time.Second // time limit for requests in flight during a shutdown
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	rotate := make(chan os.Signal, 1)
	signal.Notify(rotate, syscall.SIGHUP)
	if err := run(ctx, os.Args[1:], rotate, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bearer-issuer:", quote.Line(err.Error()))
		os.Exit(1)
	}
}

// run serves an environment until ctx ends. Before this function returns, it waits for
// requests in flight. Each signal on the channel rotate rotates the signing key.
func run(ctx context.Context, args []string, rotate <-chan os.Signal, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stdout)
	if err != nil || o == nil {
		return err
	}
	cfg, err := o.environmentConfig(stderr)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, o.address, o.anywhere)
	if err != nil {
		return err
	}
	security, err := o.loadSecurity(listener.Addr())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if cfg.URL == "" {
		cfg.URL = security.scheme() + "://" + clientAddress(listener.Addr())
	}
	env, credentials, err := scalekit.New(cfg)
	if err != nil {
		return errors.Join(err, listener.Close(), security.close())
	}
	b := banner{
		Credentials: credentials, URL: cfg.URL, State: cfg.State, Seed: o.seed, CA: security.authority,
		Exposed: !isLoopback(listener.Addr()), PageExposed: o.pageAnywhere,
	}
	if runtime.GOOS != "windows" {
		b.PID = os.Getpid()
	}
	if err := writeBanner(stdout, screenOf(stdout), b); err != nil {
		return errors.Join(err, listener.Close(), env.Close(), security.close())
	}
	err = serve(ctx, listener, security, env, rotate, stdout)
	err = errors.Join(err, env.Close(), security.close())
	if err == nil {
		_, err = fmt.Fprintln(stdout, "Stopped.")
	}
	return err
}

// listen opens a listener at an address. If exposed is false and other machines can reach
// the address, this function returns an error, because every machine that can reach the
// program can guess secrets.
func listen(ctx context.Context, address string, exposed bool) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("-addr %q: %w", address, err)
	}
	if !resolved.IP.IsLoopback() && !exposed {
		return nil, fmt.Errorf("-addr %q: not a loopback address; this program is for development and tests only; to listen at this address, set -insecure-listen-anywhere", address)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", resolved.String())
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("-addr %q: %w; set -addr to a different port; port 0 means any free port", address, err)
	} else if err != nil {
		return nil, fmt.Errorf("-addr %q: %w", address, err)
	}
	return listener, nil
}

func isLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// clientAddress returns the address to which clients on this machine can connect.
func clientAddress(address net.Addr) string {
	if tcp, ok := address.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return address.String()
}

// serve handles requests until ctx ends. Then this function shuts the server down gracefully.
func serve(ctx context.Context, listener net.Listener, security *security, env *scalekit.Environment, rotate <-chan os.Signal, stdout io.Writer) error {
	// Long-lived gRPC streams end when base is cancelled. An example is a stream of
	// server reflection.
	base, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	server := &http.Server{
		Handler:           env.Handler(),
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		IdleTimeout:       time.Minute,
		Protocols:         new(http.Protocols),
		TLSConfig:         security.config,
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	server.Protocols.SetUnencryptedHTTP2(true) // for gRPC without TLS
	ended := make(chan error, 1)
	go func() {
		if security.config != nil {
			ended <- server.ServeTLS(listener, "", "")
		} else {
			ended <- server.Serve(listener)
		}
	}()
	for running := true; running; {
		select {
		case err := <-ended:
			return err
		case <-rotate:
			if err := rotateKey(env, stdout); err != nil {
				return errors.Join(err, server.Close())
			}
		case <-ctx.Done():
			running = false
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	defer time.AfterFunc(grace/2, end).Stop()
	env.Release()
	if err := server.Shutdown(last); err != nil {
		return errors.Join(fmt.Errorf("shutdown with requests in flight: %w", err), server.Close())
	}
	return nil
}

// rotateKey rotates the signing key and prints the result. If the state file cannot be
// written, the program continues with the previous key.
func rotateKey(env *scalekit.Environment, stdout io.Writer) error {
	id, err := env.RotateKey()
	if err != nil {
		_, err = fmt.Fprintf(stdout, "The signing key was not rotated, because the new key cannot be saved: %v\n", err)
		return err
	}
	_, err = fmt.Fprintf(stdout, "The signing key is now %s. The previous key stays published.\n", id)
	return err
}
