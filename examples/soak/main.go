// The program soak is not for copying, because it imports internal packages: copy nethttp or grpc instead.
// The program puts guards under load for two minutes and checks every verdict.
//
//	go run ./examples/soak
//	go run ./examples/soak -duration 10m -rate 2000 -svg soak.svg
//
// All components run in one process and communicate over loopback. The components are three
// issuers, an HTTP API, a gRPC API, and clients of both APIs. Both APIs accept tokens of all
// three issuers. The issuers rotate their keys with and without notice, withdraw keys, fail,
// hang and return invalid documents. Some outages of one issuer last longer than the time for
// which cached keys may be used. 40 % of the requests are hostile. For example, some of
// these requests have no token. Other hostile requests have a token that is expired, forged,
// signed with an unknown key, or issued for another API. Handlers try to change the claims
// that they receive.
//
// The correct verdict depends on the keys that the issuer has published, and on the keys that
// the cache had before and after the request. The correct verdict does not depend on the
// speed of the machine.
//
// The run fails in each of these cases:
//
//   - A verdict is wrong.
//   - A handler sees a change that another handler made.
//   - A log record, a response or a metric contains a part of a token.
//   - Goroutines are left after the run.
//   - The heap grows by more than 8 MiB.
//
// The program prints the figures of the run. If -svg is set, the program also plots the
// figures. If the run fails, the program exits with status 1.
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
	"github.com/bearerkit/bearer/internal/picture"
)

// config configures a run.
type config struct {
	duration time.Duration
	rate     int           // total number of requests of all clients per second
	pace     time.Duration // unit of time for the events of the issuers
	settle   time.Duration // maximum wait until goroutines have ended and memory is free
	svg      string        // file name, or empty

	// wrap returns a faulty verifier. Only the test that expects the run to fail sets
	// wrap. If wrap is nil, the guards use the verifier itself.
	wrap func(bearer.Verifier) bearer.Verifier
	// spoil adds a fault to the handlers. Only the test that expects the run to fail
	// sets spoil. If spoil is nil, the handlers have no fault.
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
	flags.DurationVar(&cfg.duration, "duration", 2*time.Minute, "duration of the load; the maximum is 1h")
	flags.IntVar(&cfg.rate, "rate", 1000, "number of requests per second; the maximum is 20000")
	flags.StringVar(&cfg.svg, "svg", "", "plot the figures to this SVG `file`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("got argument %q, want only flags", flags.Arg(0))
	case cfg.duration <= 0 || cfg.duration > maxDuration:
		return fmt.Errorf("-duration %v: want more than 0 and at most %v", cfg.duration, maxDuration)
	case cfg.rate <= 0 || cfg.rate > maxRate:
		return fmt.Errorf("-rate %d: want more than 0 and at most %d", cfg.rate, maxRate)
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
		return nil, errors.Join(err, s.close()) //nolint:contextcheck // the log is flushed even after ctx has ended
	}
	loadCtx, cancel := context.WithTimeout(ctx, cfg.duration)
	defer cancel()
	s.run(loadCtx)
	r.took = time.Since(r.began)
	r.measured = picture.Measured(time.Now())
	if err := s.close(); err != nil { //nolint:contextcheck // the log is flushed after ctx has ended
		return nil, err
	}
	s = nil // free the memory of the run before the function settle measures the heap
	_ = s
	r.after = settle(r.before, cfg.settle)
	return r, nil
}
