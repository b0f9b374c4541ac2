// Command explain answers why a token is refused.
//
//	go run ./examples/explain -issuer https://acme.scalekit.dev -audience deployment-api -profile scalekit < token
//	go run ./examples/explain -keys jwks.json -audience deployment-api -rule "read:deployments and deploy:applications" token
//
// It makes every check that a guard would make, also after one that failed, and
// prints what was expected, what was there and what to do about it. The verdict is
// the verifier's own, and nothing of the token's signature is printed. The token
// comes from standard input or from a file, so that it is in no shell's history; a
// line "Authorization: Bearer ..." does as well.
//
// With -keys, a file, nothing leaves the machine. Without it the keys are found by
// discovery from -issuer, and only from there: never from what the token says.
// Without either the signature cannot be checked, and all the rest is.
//
// It exits with 0 for a token that is let through, with 1 for one that is refused,
// and with 2 where it could not tell.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
)

func main() {
	// The key cache's records would come in between.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	code, err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "explain:", err)
	}
	os.Exit(code)
}

const (
	exitAllowed = 0
	exitRefused = 1
	exitError   = 2
)

// run is main with everything that it touches.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	o, err := parse(args, stderr)
	if err != nil {
		return exitError, err
	}
	token, err := o.token(stdin)
	if err != nil {
		return exitError, err
	}
	notes := o.complete(token)
	for _, note := range notes {
		_, _ = fmt.Fprintln(stderr, "note:", note)
	}
	keys, done, err := o.keySet(ctx, stderr)
	if err != nil {
		return exitError, err
	}
	defer done()
	v, err := bearer.New(bearer.Config{Issuer: o.issuer, Audience: o.audience, Profile: o.profile, Algorithms: o.algorithms, Keys: keys}) //nolint:contextcheck // there are keys: nothing is started
	if err != nil {
		return exitError, err
	}
	x := bearer.Explain(ctx, v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: o.rule})
	if o.json {
		out := json.NewEncoder(stdout)
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		if err := out.Encode(x); err != nil {
			return exitError, err
		}
	} else if _, err := io.WriteString(stdout, x.String()); err != nil {
		return exitError, err
	}
	if x.Reason != "" {
		return exitRefused, nil
	}
	return exitAllowed, nil
}

// maxInput is how much is read: more than any token may have, so that one that is
// too long is told as such.
const maxInput = 1 << 20

// token reads the token.
func (o *options) token(stdin io.Reader) (string, error) {
	in := stdin
	if o.file != "" && o.file != "-" {
		file, err := os.Open(o.file) //nolint:gosec // whoever runs this names it
		if err != nil {
			return "", err
		}
		defer file.Close()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, maxInput))
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(data))
	for _, prefix := range []string{"Authorization:", "Bearer "} {
		if len(token) > len(prefix) && strings.EqualFold(token[:len(prefix)], prefix) {
			token = strings.TrimSpace(token[len(prefix):])
		}
	}
	if token == "" {
		return "", errors.New("there is no token on standard input or in the file")
	}
	return token, nil
}

// keySet returns the keys that the options ask for, and what ends them. Where they
// cannot be had, stderr is told why.
func (o *options) keySet(ctx context.Context, stderr io.Writer) (keys bearer.KeySet, done func(), err error) {
	var cache *jwks.Cache
	switch isURL := strings.Contains(o.keys, "://"); {
	case o.keys == "" && !o.discover:
		return new(jwks.Set), func() {}, nil
	case o.keys == "":
		cache, err = jwks.Discover(o.issuer, nil) //nolint:contextcheck // it lives until done
	case isURL:
		cache, err = jwks.New(o.keys, &jwks.Options{Issuer: o.issuer}) //nolint:contextcheck // it lives until done
	default:
		document, err := os.ReadFile(o.keys) //nolint:gosec // whoever runs this names it
		if err != nil {
			return nil, nil, err
		}
		set, err := jwks.Parse(document)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", o.keys, err)
		}
		return set, func() {}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := cache.Refresh(ctx); err != nil {
		// The explanation says that there are no keys, and not why.
		_, _ = fmt.Fprintln(stderr, "note: the issuer's keys cannot be had:", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return cache, func() { _ = cache.Close() }, nil
}
