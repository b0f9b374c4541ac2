// Command verdicts sends the same requests to bearer and to other libraries, and prints a page with
// the verdicts:
//
//	go -C internal/bench run ./verdicts
//
// With -o, it writes the page to a file instead. This command writes the page of the documentation:
//
//	go -C internal/bench run ./verdicts -o ../../docs/comparison.md
//
// Each library is set up as its documentation shows, as in the benchmark, and a second time with
// options that its documentation names. The command also copies some rows from docs/speed.md and
// docs/incidents.md, and counts the packages and modules that each library needs. It needs the go
// command and takes about a minute. If the Go module cache does not contain all modules, the go
// command downloads them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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
	for _, peer := range compared() {
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

// compared returns the libraries of the page. The first one is bearer.
func compared() []peers.Peer {
	var list []peers.Peer
	for _, peer := range peers.All() {
		if peer.Name != "Kubernetes' token cache" { // its verifier is golang-jwt with keyfunc
			list = append(list, peer)
		}
	}
	return list
}

// result has the verdicts of a library.
type result struct {
	peer  peers.Peer
	cases []testCase
	// reached has the names of the cases whose request reached the handler, and withOptions the same
	// for a library with the options that its documentation names.
	reached, withOptions map[string]bool
	// expired is the response to an expired token.
	expired *httptest.ResponseRecorder
}

// measure sends all requests to a library. Each library has its own issuer.
func measure(ctx context.Context, peer peers.Peer) (result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	issuer := bearertest.NewIssuer(nil)
	defer issuer.Close()
	server := newKeyServer()
	defer server.Close()
	r := result{peer: peer, cases: append(cases(issuer), keyCases(issuer, server)...)}
	examples, err := issuerCases(server)
	if err != nil {
		return r, err
	}
	r.cases = append(r.cases, examples...)
	common := peers.Setup{Issuer: issuer.URL(), Audience: audience, KeysURL: issuer.KeysURL(), Alg: "RS256", Scope: scope}
	if r.reached, err = send(ctx, peer, common, r.cases); err != nil {
		return r, err
	}
	r.withOptions = r.reached
	if common.Options = true; peer.Name != peers.Ours { // bearer has no options for these checks
		if r.withOptions, err = send(ctx, peer, common, r.cases); err != nil {
			return r, err
		}
	}
	common.Options = false
	guard, err := peer.Middleware(ctx, common)
	if err != nil {
		return r, err
	}
	_, r.expired = testCase{token: issuer.Mint(jwtType, with(expired()))}.serve(ctx, guard)
	return r, nil
}

// send sends the requests to a library, and returns the names of the cases whose request reached
// the handler.
func send(ctx context.Context, peer peers.Peer, common peers.Setup, list []testCase) (map[string]bool, error) {
	usual, err := peer.Middleware(ctx, common)
	if err != nil {
		return nil, err
	}
	reached := map[string]bool{}
	for _, c := range list {
		guard := usual
		if c.setup != nil {
			setup := *c.setup
			setup.Options = common.Options
			if setup.Options && c.group == issuers && c.withoutAudience() && peer.CanSkipAudience {
				setup.Audience = ""
			}
			if guard, err = peer.Middleware(ctx, setup); err != nil {
				continue // a library without usable keys accepts nothing
			}
		}
		reached[c.name], _ = c.serve(ctx, guard)
	}
	return reached, nil
}

// serve sends the request of the case. It reports whether the request reached the handler.
func (c testCase) serve(ctx context.Context, guard peers.Middleware) (reached bool, response *httptest.ResponseRecorder) {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/deployments", http.NoBody)
	if c.send != nil {
		c.send(r)
	} else {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	w := httptest.NewRecorder()
	guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true })).ServeHTTP(w, r)
	return reached, w
}
