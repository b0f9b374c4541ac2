// Command bench measures bearer beside the libraries that do the same work, on the
// same tokens and in the same run, and writes docs/speed.md and docs/speed.svg:
//
//	go -C internal/bench run .
//
// It takes about ten minutes, half of them for valgrind, which counts instructions
// where it is installed. With -quick it takes two, and the figures are worth less;
// with -instructions it counts those of a new token, which are the same however busy
// the machine is, and writes nothing.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/bearerkit/bearer/internal/bench/measure"
	"github.com/bearerkit/bearer/internal/bench/peers"
	"github.com/bearerkit/bearer/internal/bench/tokens"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if os.Getenv(childUnits) != "" {
		return child(ctx)
	}
	dir := flag.String("o", "../../docs", "the folder for speed.md and speed.svg")
	quick := flag.Bool("quick", false, "few rounds, and no instruction counts")
	only := flag.Bool("instructions", false, "count instructions, and nothing else")
	flag.Parse()
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
	if err := os.WriteFile(filepath.Join(*dir, "speed.md"), r.document(), 0o644); err != nil { //nolint:gosec // for everybody to read
		return err
	}
	return os.WriteFile(filepath.Join(*dir, "speed.svg"), r.chart(), 0o644) //nolint:gosec // for everybody to read
}

// countAll prints the instructions of ours and of golang-jwt with keyfunc, over those
// of the signature alone, and of a repeated token.
func countAll(ctx context.Context) error {
	for _, alg := range algorithms {
		mint := tokens.New(alg)
		defer mint.Close()
		list := mintMany(mint, measure.MostUnits)
		raw, err := instructions(ctx, mint.Setup(), list, floorName)
		if err != nil {
			return err
		}
		again, err := instructions(ctx, mint.Setup(), list[:1], peers.Ours)
		if err != nil {
			return err
		}
		fmt.Printf("%-6s %-22s %8s\n", alg, peers.Ours+", repeated", count(again)) //nolint:forbidigo // a command prints
		for _, kind := range mint.Hostile() {
			j := job{Peer: peers.Ours, Setup: mint.Setup(), Refuse: true}
			for range 16 {
				j.Tokens = append(j.Tokens, kind.Authorization())
			}
			n, err := j.instructions(ctx)
			if err != nil {
				return err
			}
			fmt.Printf("%-6s %-22s %8s\n", alg, kind.Name, count(n)) //nolint:forbidigo // a command prints
		}
		for _, peer := range peers.All()[:2] {
			n, err := instructions(ctx, mint.Setup(), list, peer.Name)
			if err != nil {
				return err
			}
			fmt.Printf("%-6s %-22s %8s\n", alg, peer.Name, count(n-raw)) //nolint:forbidigo // a command prints
		}
	}
	return nil
}

// progress says what is being measured.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
