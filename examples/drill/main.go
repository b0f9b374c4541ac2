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
	"strings"
	"syscall"
	"time"

	"github.com/bearerkit/bearer/internal/incident"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/terminal"
)

const (
	// limit is the timeout for the whole program.
	limit = 2 * time.Minute
	// usualTime is the approximate time of all incidents.
	usualTime = 75 * time.Second
	// busyLateness is a delay of timers that an idle machine does not have.
	busyLateness = 50 * time.Millisecond
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program immediately
	d := drill{env: os.Getenv, stdout: os.Stdout, stderr: os.Stderr, subject: incident.Bearer, lines: lines()}
	if err := d.run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "drill:", quote.Line(err.Error()))
		os.Exit(1)
	}
}

// A drill is one run of the program. Tests set other values in its fields.
type drill struct {
	env            func(name string) string // environment variables
	stdout, stderr io.Writer
	// subject is incident.Bearer. Tests use faulty subjects, to test that the conditions can
	// fail.
	subject incident.Subject
	lines   []line
}

func (d drill) run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("drill", flag.ContinueOnError)
	flags.SetOutput(d.stderr)
	flags.Usage = func() { _ = terminal.Of(d.stderr, d.env).PrintFlags(d.stderr, flags) }
	pattern := flags.String("run", "", "run only incidents with a name that matches this regular expression")
	without := flags.String("skip", "", "leave out the incidents with a name that matches this regular expression")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	wanted, err := choose(d.lines, *pattern, *without)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the incidents did not end within %v", limit))
	defer cancel()
	start := time.Now()
	wrong, late, err := d.table(ctx, wanted)
	if err != nil {
		return err
	}
	took := time.Since(start).Round(100 * time.Millisecond)
	screen, style := d.screen(), terminal.Good
	if len(wrong) > 0 {
		style = terminal.Bad
	}
	summary := fmt.Sprintf("%d of %d incidents as expected; total time %v", len(wanted)-len(wrong), len(wanted), took)
	if _, err := fmt.Fprintf(d.stdout, "\n%s\n", screen.Paint(style, summary)); err != nil {
		return err
	}
	if late >= busyLateness {
		text := fmt.Sprintf("This machine is busy: timers were up to %v late. Requests may take up to %v longer than on an idle machine.",
			incident.Short(late), incident.Short(tolerance(incident.Result{Late: late})))
		_, err := fmt.Fprintln(d.stdout, screen.Hang(text, 0))
		if err != nil {
			return err
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%d of %d incidents are WRONG: %s", len(wrong), len(wanted), strings.Join(wrong, ", "))
	}
	return nil
}

// choose returns the lines with names that match the regular expression pattern, and do not match
// without. An empty without matches no name.
func choose(lines []line, pattern, without string) (wanted []line, err error) {
	match, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	skip, err := regexp.Compile(without)
	if err != nil {
		return nil, fmt.Errorf("-skip: %w", err)
	}
	for _, l := range lines {
		if match.MatchString(l.name) && (without == "" || !skip.MatchString(l.name)) {
			wanted = append(wanted, l)
		}
	}
	if len(wanted) == 0 {
		return nil, errors.New("-run and -skip: they leave no incident; run without them to see the names")
	}
	return wanted, nil
}

// table runs the lines. It prints the results in the order of the table, and each result as
// soon as possible. It returns the names of the lines with an
// unexpected result, and the longest delay of a timer.
func (d drill) table(ctx context.Context, wanted []line) (wrong []string, late time.Duration, err error) {
	done := make([]chan row, len(wanted))
	for n := range done {
		done[n] = make(chan row, 1)
	}
	go func() {
		// The incidents that must run alone run first, because the other incidents leave
		// connections that end a moment later.
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
	if _, err := io.WriteString(d.stdout, d.introduction(len(wanted))+"\n"+heading(d.screen())); err != nil {
		return nil, 0, err
	}
	for n := range wanted {
		r := <-done[n] // this receive ends, because measure returns when ctx ends
		late = max(late, r.result.Late)
		if len(r.problems) > 0 {
			wrong = append(wrong, r.name)
		}
		if _, err := io.WriteString(d.stdout, r.text(d.screen())); err != nil {
			return wrong, late, err
		}
	}
	return wrong, late, nil
}

// screen returns the screen behind the output of the program.
func (d drill) screen() terminal.Screen { return terminal.Of(d.stdout, d.env) }

// terms explains the words in the table.
var terms = [][2]string{
	{"ok", "the counts and verdicts are as expected; otherwise the row says WRONG, and what was expected"},
	{"REFUSED", "the number of valid requests that were refused, the status, and the reason for this status: " +
		"no keys: the service has never received keys; withdrawn: the issuer publishes no key any more; " +
		"not asked: the limit on fetches does not allow a fetch yet, and Retry-After says when it will"},
	{"FETCHES", "the number of requests for the key set of the issuer"},
	{"SLOWEST", "the duration of the slowest valid request"},
}

// introduction returns the text above the table of n incidents.
func (d drill) introduction(n int) string {
	s := d.screen()
	text := fmt.Sprintf("bearer drill: simulates %d incidents of a token issuer, in real time, with real connections on this machine.", n)
	if n == len(d.lines) {
		text += fmt.Sprintf(" This takes about %.0f s. The last incident waits for 1 min, because a cache reads metadata again after 1 min.", usualTime.Seconds())
	}
	var out strings.Builder
	out.WriteString(s.Hang(text, 0) + "\n\n")
	for _, term := range terms {
		label := fmt.Sprintf("%-9s", term[0])
		out.WriteString(label + s.Hang(term[1], len(label)) + "\n")
	}
	return out.String()
}
