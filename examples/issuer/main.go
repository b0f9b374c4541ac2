// Command issuer is a Scalekit environment on your own machine, for
// development and tests: an organization's machine clients are registered over
// the vendor's REST API, or by its SDKs over gRPC, get access tokens by client
// credentials, and find the keys and the metadata where the vendor has them.
//
//	go run ./examples/issuer
//
// It prints the credentials to start with and curl lines to copy, and shows the
// environment on a page. State is in memory, unless -state names a file; -seed
// names a file with organizations and clients to begin with. -tls serves https.
// SIGHUP rotates the signing key. It listens on the loopback interface only,
// unless it is told otherwise.
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
	"strconv"
	"syscall"
	"time"

	"github.com/bearerkit/bearer/internal/scalekit"
)

const (
	defaultAddress = "127.0.0.1:8790"
	grace          = 5 * time.Second // for the answers in flight when it is stopped
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	rotate := make(chan os.Signal, 1)
	signal.Notify(rotate, syscall.SIGHUP)
	if err := run(ctx, os.Args[1:], rotate, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "issuer:", err)
		os.Exit(1)
	}
}

// run serves an environment until ctx ends, and returns once the answers in
// flight are out. Whatever comes from rotate rotates the signing key.
func run(ctx context.Context, args []string, rotate <-chan os.Signal, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stdout)
	if err != nil || o == nil {
		return err
	}
	cfg, err := o.config(stderr)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, o.address, o.anywhere)
	if err != nil {
		return err
	}
	security, err := o.security(listener.Addr())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if cfg.URL == "" {
		cfg.URL = security.scheme() + "://" + reachable(listener.Addr())
	}
	env, credentials, err := scalekit.New(cfg)
	if err != nil {
		return errors.Join(err, listener.Close(), security.close())
	}
	if err := writeBanner(stdout, banner{
		Credentials: credentials, URL: cfg.URL, State: cfg.State, Seed: o.seed, CA: security.authority,
		Exposed: !isLoopback(listener.Addr()), PID: os.Getpid(),
	}); err != nil {
		return errors.Join(err, listener.Close(), env.Close(), security.close())
	}
	err = serve(ctx, listener, security, env, rotate, stdout)
	err = errors.Join(err, env.Close(), security.close())
	if err == nil {
		_, err = fmt.Fprintln(stdout, "Stopped.")
	}
	return err
}

// listen refuses addresses that other machines could reach: whoever can reach
// this program can have any token of it.
func listen(ctx context.Context, address string, anywhere bool) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("-addr %q: %w", address, err)
	}
	if !resolved.IP.IsLoopback() && !anywhere {
		return nil, fmt.Errorf("-addr %q: not a loopback address, and this is for development and tests only; -insecure-listen-anywhere overrides", address)
	}
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", resolved.String())
}

func isLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// reachable returns the address as clients on this machine can use it.
func reachable(address net.Addr) string {
	if tcp, ok := address.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return address.String()
}

// serve answers requests until ctx ends.
func serve(ctx context.Context, listener net.Listener, security *security, env *scalekit.Environment, rotate <-chan os.Signal, stdout io.Writer) error {
	// gRPC streams that go on, such as those of reflection, end with this.
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
		return errors.Join(fmt.Errorf("ended with answers in flight: %w", err), server.Close())
	}
	return nil
}

// rotateKey says what came of it. A state that cannot be written is no reason to
// end: what there was before still serves.
func rotateKey(env *scalekit.Environment, stdout io.Writer) error {
	id, err := env.RotateKey()
	if err != nil {
		_, err = fmt.Fprintf(stdout, "The signing key is the one before, as a new one cannot be kept: %v\n", err)
		return err
	}
	_, err = fmt.Fprintf(stdout, "Signing with a new key, %s; the one before stays published.\n", id)
	return err
}
