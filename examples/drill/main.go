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

// limit is how long all of it may take.
const limit = time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	d := drill{stdout: os.Stdout, stderr: os.Stderr, subject: incident.Ours, lines: lines()}
	if err := d.run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "drill:", err)
		os.Exit(1)
	}
}

// drill is what the program has from outside.
type drill struct {
	stdout, stderr io.Writer
	// subject is a seam: the lines are worth something only if they are wrong for
	// what is wrong.
	subject incident.Subject
	lines   []line
}

func (d drill) run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("drill", flag.ContinueOnError)
	flags.SetOutput(d.stderr)
	pattern := flags.String("run", "", "run the lines whose name matches this regular expression")
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
		return fmt.Errorf("no line matches -run %q", *pattern)
	}

	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not over after %v", limit))
	defer cancel()
	start := time.Now()
	wrong, err := d.table(ctx, wanted)
	if err != nil {
		return err
	}
	took := time.Since(start).Round(100 * time.Millisecond)
	if wrong > 0 {
		return fmt.Errorf("%d of %d lines are WRONG, in %v", wrong, len(wanted), took)
	}
	_, err = fmt.Fprintf(d.stdout, "\n%d of %d lines as promised, in %v\n", len(wanted), len(wanted), took)
	return err
}

// table runs the lines and prints each as soon as those before it are printed. It
// returns how many are wrong.
func (d drill) table(ctx context.Context, wanted []line) (wrong int, err error) {
	done := make([]chan row, len(wanted))
	for n := range done {
		done[n] = make(chan row, 1)
	}
	go func() {
		// What measures the machine has it for itself; the rest mostly waits, and
		// does so together.
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
	_, err = fmt.Fprintf(d.stdout, "bearer drill: %d incidents of a token issuer, in real time, over real connections on this machine\n"+
		"REFUSED counts honest requests: \"n of m\" were told 401, \"n×503\" that there are no keys yet\n\n%s\n", len(wanted), heading)
	if err != nil {
		return 0, err
	}
	for n := range wanted {
		r := <-done[n] // measure ends with ctx
		if len(r.problems) > 0 {
			wrong++
		}
		if _, err := io.WriteString(d.stdout, r.String()); err != nil {
			return wrong, err
		}
	}
	return wrong, nil
}
