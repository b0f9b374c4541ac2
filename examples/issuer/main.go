// Command issuer is a Scalekit environment on your own machine, for
// development and tests: an organization's machine clients are registered over
// the vendor's REST API, get access tokens by client credentials, and find the
// keys and the metadata where the vendor has them.
//
//	go run ./examples/issuer
//
// It prints the credentials to start with and curl lines to copy. State is kept
// in memory: a new start is a new environment. It listens on the loopback
// interface only, unless it is told otherwise.
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
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "issuer:", err)
		os.Exit(1)
	}
}

// run serves an environment until ctx ends, and returns once the answers in
// flight are out.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("issuer", flag.ContinueOnError)
	flags.SetOutput(stdout)
	address := flags.String("addr", defaultAddress, "`address` to listen at; port 0 stands for any free one")
	public := flags.String("url", "", "environment `URL`, which is the issuer of the tokens (default http:// and the address)")
	anywhere := flags.Bool("insecure-listen-anywhere", false, "listen on other interfaces than loopback, where others can reach it")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	listener, err := listen(ctx, *address, *anywhere)
	if err != nil {
		return err
	}
	if *public == "" {
		*public = "http://" + listener.Addr().String()
	}
	env, credentials, err := scalekit.New(scalekit.Config{URL: *public})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := writeBanner(stdout, *public, credentials); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := serve(ctx, listener, env.Handler()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, "Stopped.")
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

func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		IdleTimeout:       time.Minute,
		Protocols:         new(http.Protocols),
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true) // for gRPC
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		return errors.Join(fmt.Errorf("ended with answers in flight: %w", err), server.Close())
	}
	return nil
}
