// Command soak puts guards under load for two minutes and holds every verdict
// against what it must be.
//
//	go run ./examples/soak
//	go run ./examples/soak -duration 10m -rate 2000 -svg soak.svg
//
// On loopback and in one process it runs three issuers, an HTTP and a gRPC API
// guarded by one set of issuers, and clients of both. The issuers rotate their
// keys, announced and not, withdraw them, fail, hang and answer nonsense, one of
// them for longer than its keys may be used. A good third of the requests is
// hostile: expired, forged, changed, of unknown keys and issuers, of another API
// or no token at all. Handlers try to change what they get. What a verdict must be
// follows from what the issuers have published and what the key caches had
// fetched before and after the request, not from how fast the machine is.
//
// At the end no verdict may have been wrong, no handler may have seen what another
// one changed, goroutines and heap must be back to where they were, and nothing that
// was logged, answered or exposed may have a part of a token in it. The figures are
// printed, and plotted to an SVG where one is asked for. It exits with 1 if
// anything is not as it must be.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bearerkit/bearer"
)

// config is what a run may be told.
type config struct {
	duration time.Duration
	rate     int           // requests per second, of all clients together
	pace     time.Duration // the unit of time in the lives of issuers
	settle   time.Duration // how long the process may take to be back where it was
	svg      string        // file name, or empty

	// wrap is a seam: a soak is worth something only if it fails where the
	// verifier is wrong. Nil: the verifier as it is.
	wrap func(bearer.Verifier) bearer.Verifier
	// spoil is another one: what handlers do besides. Nil: nothing.
	spoil func(context.Context, *soak)
}

const (
	maxDuration = time.Hour
	maxRate     = 20_000
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	cfg := config{pace: time.Second, settle: 10 * time.Second}
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.DurationVar(&cfg.duration, "duration", 2*time.Minute, "how long clients send requests, an hour at most")
	flags.IntVar(&cfg.rate, "rate", 1000, "requests per second, 20000 at most")
	flags.StringVar(&cfg.svg, "svg", "", "a `file` to plot the figures to")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case cfg.duration <= 0 || cfg.duration > maxDuration:
		return fmt.Errorf("-duration %v: want more than 0 and %v at most", cfg.duration, maxDuration)
	case cfg.rate <= 0 || cfg.rate > maxRate:
		return fmt.Errorf("-rate %d: want more than 0 and %d at most", cfg.rate, maxRate)
	}
	result, err := execute(ctx, cfg)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(stdout, result.String()); err != nil {
		return err
	}
	if cfg.svg != "" {
		if err := os.WriteFile(cfg.svg, plot(result), 0o600); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(stdout, "plotted to", cfg.svg); err != nil {
			return err
		}
	}
	return result.Err()
}

// execute makes one run.
func execute(ctx context.Context, cfg config) (*result, error) {
	r := &result{cfg: cfg}
	r.before = measure()
	s := newSoak(cfg, r)
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.close()) //nolint:contextcheck // the log is told, whatever ctx says
	}
	loadCtx, cancel := context.WithTimeout(ctx, cfg.duration)
	defer cancel()
	s.run(loadCtx)
	r.took = time.Since(r.began)
	if err := s.close(); err != nil { //nolint:contextcheck // ctx has ended, and the log is told
		return nil, err
	}
	s = nil // so that its memory can be freed before it is measured
	_ = s
	r.after = settle(r.before, cfg.settle)
	return r, nil
}
