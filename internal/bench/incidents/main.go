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
	"sync"
	"syscall"
	"time"

	"github.com/bearerkit/bearer/internal/incident"
)

// limit is the timeout for the whole program.
const limit = 10 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program immediately
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "incidents:", err)
		os.Exit(1)
	}
}

// subjects returns the libraries. Each library has one column of the table.
func subjects() []incident.Subject {
	return []incident.Subject{incident.Bearer, keyfuncSubject, oidcSubject}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("incidents", flag.ContinueOnError)
	flags.SetOutput(stderr)
	pattern := flags.String("run", "", "run only incidents with a name that matches this regular expression")
	path := flags.String("o", "", "write the page to this file instead of standard output")
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
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var chosen []line
	for _, l := range lines() {
		if match.MatchString(l.name) {
			chosen = append(chosen, l)
		}
	}
	table := measure(ctx, chosen, subjects(), stderr)
	if err := ctx.Err(); err != nil {
		return err
	}
	if *path == "" {
		return write(stdout, chosen, table)
	}
	file, err := os.Create(*path)
	if err != nil {
		return err
	}
	return errors.Join(write(file, chosen, table), file.Close())
}

// A cell is the result of one subject in one incident.
type cell struct {
	result incident.Result
	err    error
}

// measure runs every incident for every subject. If the field "alone" of a
// line is true, its incident runs alone, because it measures time or memory. All other
// incidents run at the same time, because they mostly wait.
func measure(ctx context.Context, lines []line, subjects []incident.Subject, progress io.Writer) [][]cell {
	table := make([][]cell, len(lines))
	for n := range table {
		table[n] = make([]cell, len(subjects))
	}
	for m, s := range subjects {
		var concurrent []func()
		var wg sync.WaitGroup
		for n, l := range lines {
			runOne := func() {
				start := time.Now()
				r, err := l.run(ctx, s)
				table[n][m] = cell{r, err}
				_, _ = fmt.Fprintf(progress, "%s, %s: %v\n", s.Name, l.name, time.Since(start).Round(time.Millisecond)) // an error here does not change the results
			}
			if l.alone {
				runOne()
			} else {
				concurrent = append(concurrent, runOne)
			}
		}
		for _, runOne := range concurrent {
			wg.Go(runOne)
		}
		wg.Wait()
	}
	return table
}
