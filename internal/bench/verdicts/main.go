// Command verdicts sends the same tokens to bearer and to other libraries, and prints a page with
// the verdicts:
//
//	go -C internal/bench run ./verdicts
//
// With -o, it writes the page to a file instead. This command writes the page of the documentation:
//
//	go -C internal/bench run ./verdicts -o ../../docs/comparison.md
//
// Each library is set up as its documentation shows, as in the benchmark. The command also copies
// some rows from docs/speed.md and docs/incidents.md, and counts the packages and modules that each
// library needs. It needs the go command and takes less than a minute.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/bench/peers"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "verdicts:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("verdicts", flag.ContinueOnError)
	file := flags.String("o", "", "write the page to this `file` instead of printing it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var results []result
	for _, peer := range peers.All() {
		if peer.Name == "Kubernetes' token cache" {
			continue // its verifier is golang-jwt with keyfunc
		}
		r, err := measure(ctx, peer)
		if err != nil {
			return fmt.Errorf("%s: %w", peer.Name, err)
		}
		results = append(results, r)
	}
	page, err := write(ctx, results)
	if err != nil {
		return err
	}
	if *file != "" {
		return os.WriteFile(*file, page, 0o600)
	}
	_, err = stdout.Write(page)
	return err
}

// result has the verdicts of a library.
type result struct {
	peer  peers.Peer
	cases []testCase
	// reached has the names of the cases whose request reached the handler.
	reached map[string]bool
}

// measure sends all requests to a library. Each library has its own issuer.
func measure(ctx context.Context, peer peers.Peer) (result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	issuer := bearertest.NewIssuer(nil)
	defer issuer.Close()
	endpoint, err := peer.Open(ctx, peers.Setup{Issuer: issuer.URL(), Audience: audience, KeysURL: issuer.KeysURL(), Alg: "RS256", Scope: scope})
	if err != nil {
		return result{}, err
	}
	r := result{peer: peer, cases: cases(issuer), reached: map[string]bool{}}
	for _, c := range r.cases {
		r.reached[c.name] = endpoint("Bearer " + c.token)()
	}
	return r, nil
}

// names returns the names of the cases of a group whose request has the outcome reached, and the
// number of all cases of the group.
func (r result) names(group string, reached bool) (names []string, all int) {
	for _, c := range r.cases {
		if c.group == group {
			all++
			if r.reached[c.name] == reached {
				names = append(names, c.name)
			}
		}
	}
	return names, all
}
