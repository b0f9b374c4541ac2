// Command bench measures the cost of checking the token of a request, in bearer and in other
// libraries. All libraries get the same tokens in the same run. The command prints a page with
// the results, and changes no file:
//
//	go -C internal/bench run .
//
// With -o, it writes the page and a picture to the files speed.md and speed.svg of a folder
// instead. This command writes the pages of the documentation:
//
//	go -C internal/bench run . -o ../../docs
//
// A run takes about 10 minutes. Half of this time is for valgrind, which counts
// instructions. Without valgrind, bench counts no instructions. With -quick, a run takes
// about 2 minutes, but counts no instructions and is less accurate. With -instructions, bench
// only counts the instructions of bearer and of golang-jwt, and prints the counts. The counts
// do not depend on the load of the machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/bearerkit/bearer/internal/bench/measure"
	"github.com/bearerkit/bearer/internal/bench/peers"
	"github.com/bearerkit/bearer/internal/bench/tokens"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program immediately
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if os.Getenv(childUnits) != "" {
		return runChild(ctx)
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("o", "", "write speed.md and speed.svg to this `folder` instead of printing the page")
	quick := flags.Bool("quick", false, "measure fewer rounds, and count no instructions")
	only := flags.Bool("instructions", false, "only count instructions, and print the counts")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err := checkFolder(*dir); err != nil { // before the measurements, because they take minutes
		return err
	}
	if *only {
		return countAll(ctx)
	}
	e := effort{rounds: 60, burst: 20 * time.Millisecond, instructions: true}
	if *quick {
		e = effort{rounds: 10, burst: 10 * time.Millisecond}
	}
	r, err := e.measure(ctx)
	if err != nil {
		return err
	}
	return r.write(*dir, stdout)
}

// checkFolder returns an error if dir is not empty and not a folder.
func checkFolder(dir string) error {
	if dir == "" {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("-o: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("-o: %s is not a folder", dir)
	}
	return nil
}

// write prints the page, or writes the page and the picture to the folder dir if dir is not
// empty.
func (r *results) write(dir string, stdout io.Writer) error {
	if dir == "" {
		_, err := stdout.Write(r.document())
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "speed.md"), r.document(), 0o644); err != nil { //nolint:gosec // the file is a public document
		return err
	}
	return os.WriteFile(filepath.Join(dir, "speed.svg"), r.chart(), 0o644) //nolint:gosec // the file is a public document
}

// countAll prints instruction counts for each algorithm. For bearer, it prints the counts of
// a new token, of a repeated token and of each hostile request. For golang-jwt with keyfunc,
// it prints the count of a new token. The counts of a new token do not include the
// instructions of the signature check.
func countAll(ctx context.Context) error {
	for _, alg := range algorithms {
		mint := tokens.New(alg)
		defer mint.Close()
		list := mintMany(mint, measure.MostUnits)
		raw, err := instructions(ctx, mint.Setup(), list, signatureCheck)
		if err != nil {
			return err
		}
		repeatedCount, err := instructions(ctx, mint.Setup(), list[:1], peers.Ours)
		if err != nil {
			return err
		}
		fmt.Printf("%-6s %-32s %8s\n", alg, peers.Ours+", repeated token", formatCount(repeatedCount)) //nolint:forbidigo // output of a command
		for _, kind := range mint.Hostile() {
			j := job{Peer: peers.Ours, Setup: mint.Setup(), Refuse: true}
			for range 16 {
				j.Tokens = append(j.Tokens, kind.Authorization())
			}
			n, err := j.instructions(ctx)
			if err != nil {
				return err
			}
			fmt.Printf("%-6s %-32s %8s\n", alg, kind.Name, formatCount(n)) //nolint:forbidigo // output of a command
		}
		for _, peer := range peers.All()[:2] {
			n, err := instructions(ctx, mint.Setup(), list, peer.Name)
			if err != nil {
				return err
			}
			fmt.Printf("%-6s %-32s %8s\n", alg, peer.Name+", new token", formatCount(n-raw)) //nolint:forbidigo // output of a command
		}
	}
	return nil
}

// progress prints the name of the current measurement to standard error.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
