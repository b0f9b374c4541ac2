package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/bearerkit/bearer/internal/incident"
)

// limit is the timeout for the whole program.
const limit = time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program immediately
	d := drill{stdout: os.Stdout, stderr: os.Stderr, subject: incident.Bearer, lines: lines()}
	if err := d.run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "drill:", err)
		os.Exit(1)
	}
}

// A drill is one run of the program. Tests set other values in its fields.
type drill struct {
	stdout, stderr io.Writer
	// subject is incident.Bearer. Tests use faulty subjects, to test that the conditions can
	// fail.
	subject incident.Subject
	lines   []line
}

func (d drill) run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("drill", flag.ContinueOnError)
	flags.SetOutput(d.stderr)
	pattern := flags.String("run", "", "run only incidents with a name that matches this regular expression")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	match, err := regexp.Compile(*pattern)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	var wanted []line
	for _, l := range d.lines {
		if match.MatchString(l.name) {
			wanted = append(wanted, l)
		}
	}
	if len(wanted) == 0 {
		return fmt.Errorf("-run: no incident has a name that matches %q", *pattern)
	}

	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the incidents did not end within %v", limit))
	defer cancel()
	start := time.Now()
	wrong, err := d.table(ctx, wanted)
	if err != nil {
		return err
	}
	took := time.Since(start).Round(100 * time.Millisecond)
	if wrong > 0 {
		return fmt.Errorf("%d of %d incidents are WRONG, after %v", wrong, len(wanted), took)
	}
	_, err = fmt.Fprintf(d.stdout, "\n%d of %d incidents as expected, after %v\n", len(wanted), len(wanted), took)
	return err
}

// table runs the lines. It prints the results in the order of the table, and each result as
// soon as possible. It returns the number of lines with an unexpected result.
func (d drill) table(ctx context.Context, wanted []line) (wrong int, err error) {
	done := make([]chan row, len(wanted))
	for n := range done {
		done[n] = make(chan row, 1)
	}
	go func() {
		// If the field "alone" of a line is true, nothing else runs at the same time. All
		// other lines run at the same time, because they mostly wait.
		for n, l := range wanted {
			if l.alone {
				done[n] <- l.measure(ctx, d.subject)
			}
		}
		for n, l := range wanted {
			if !l.alone {
				go func() { done[n] <- l.measure(ctx, d.subject) }()
			}
		}
	}()
	_, err = fmt.Fprintf(d.stdout, "bearer drill: simulates %d incidents of a token issuer, in real time, with real connections on this machine\n"+
		"REFUSED is the number of valid requests that were refused.\n"+
		"\"n of m\" means that n of m valid requests got 401. \"n × 503\" means that n requests got 503, because there were no keys.\n\n%s\n", len(wanted), heading)
	if err != nil {
		return 0, err
	}
	for n := range wanted {
		r := <-done[n] // this receive ends, because measure returns when ctx ends
		if len(r.problems) > 0 {
			wrong++
		}
		if _, err := io.WriteString(d.stdout, r.String()); err != nil {
			return wrong, err
		}
	}
	return wrong, nil
}
