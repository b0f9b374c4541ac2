// Command bearer-explain checks a token. If the token is refused, the program explains the reason.
//
//	bearer-explain -issuer https://acme.scalekit.dev -audience deployment-api -profile scalekit < token
//	bearer-explain -keys jwks.json -audience deployment-api -rule "read:deployments and deploy:applications" token
//
// The program accepts and refuses the same tokens as a guard with the same configuration.
// A guard stops at the first failed check. The program continues with the other checks, if
// it can read the token. For each failed check, the program prints the expected value, the
// actual value and a possible correction. The program never prints the token's signature.
//
// The program reads the token from standard input or from a file, so that the token is not
// in the shell's history. The input may be the token or a line "Authorization: Bearer ...".
//
// If -keys is a file, the program makes no network requests. Without -keys, the program
// discovers the keys of the issuer that -issuer names. The program does not fetch keys from an
// issuer that only the token names. Without -keys and -issuer, the program has no keys. In
// this case, the program refuses the token, but makes all checks that need no key.
//
// The exit status is 0 for an accepted token and 1 for a refused token. It is 2 if the
// program did not check the token or cannot print the result.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/terminal"
	"github.com/bearerkit/bearer/jwks"
)

func main() {
	// The cache of the issuer's keys writes log records, which must not be in the output.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	code, err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bearer-explain:", quote.Line(err.Error()))
	}
	os.Exit(code)
}

const (
	exitAllowed = 0
	exitRefused = 1
	exitError   = 2
)

// run runs the program without global state. It returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	o, err := parseOptions(args, stdout)
	if err != nil {
		return exitError, err
	}
	if o == nil {
		return exitAllowed, nil
	}
	token, err := o.readToken(stdin, stderr)
	if err != nil {
		return exitError, err
	}
	notes := o.fillFromToken(token)
	for _, note := range notes {
		printNote(stderr, "note:", note)
	}
	keys, closeKeys, err := o.keySet(ctx, stderr)
	if err != nil {
		return exitError, err
	}
	defer closeKeys()
	v, err := o.newVerifier(keys, stderr) //nolint:contextcheck // Keys is set, so New starts no goroutine
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
	} else if _, err := io.WriteString(stdout, layout(x, terminal.Of(stdout, os.Getenv))); err != nil {
		return exitError, err
	}
	if x.Reason != "" {
		return exitRefused, nil
	}
	return exitAllowed, nil
}

// newVerifier returns the verifier. If the issuer needs -tenants and the flag is not set, the
// verifier accepts every customer of the issuer, and newVerifier writes a warning to stderr. An
// accepted token grants no access here.
func (o *options) newVerifier(keys bearer.KeySet, stderr io.Writer) (*bearer.JWTVerifier, error) {
	cfg := bearer.Config{
		Issuer: o.issuer, Audience: o.audience, Profile: o.profile, Algorithms: o.algorithms, Keys: keys, Tenants: o.tenants,
	}
	v, err := bearer.New(cfg)
	if err == nil || o.tenants != nil {
		return v, err
	}
	cfg.InsecureAnyTenant = true
	if v, err = bearer.New(cfg); err != nil {
		return nil, err
	}
	printNote(stderr, "warning:", "many customers share this issuer, and without -tenants every customer is accepted; "+
		"a service with Config.Tenants or Config.Validate can refuse this token; pass the entries of Config.Tenants")
	return v, nil
}

// maxInput is the maximum number of bytes that the program reads. This limit is greater
// than the verifier's limit for a token, so that the verifier reports a token that is too
// long.
const maxInput = 1 << 20

// readToken reads the token from the file or from stdin. If stdin is a terminal, readToken
// writes a note to stderr, because the program waits for input.
func (o *options) readToken(stdin io.Reader, stderr io.Writer) (string, error) {
	in := stdin
	if o.file != "" && o.file != "-" {
		file, err := os.Open(o.file)
		if err != nil {
			return "", err
		}
		defer file.Close()
		in = file
	} else if isTerminal(stdin) {
		printNote(stderr, "note:", "the program reads the token from this terminal, which can cut a line after 1,024 bytes; use a file for a longer token; to end the input, press Enter and Ctrl-D (on Windows: Enter, Ctrl-Z and Enter)")
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
		return "", errors.New("no token on standard input or in the file")
	}
	return token, nil
}

// isTerminal reports whether in is a terminal or a different character device. The null device
// does not count, because the program does not wait for input from this device.
func isTerminal(in io.Reader) bool {
	file, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// keySet returns the issuer's keys. The options -keys and -issuer select the source of the
// keys. The caller must call closeKeys. If the keys cannot be fetched, keySet writes the
// error to stderr.
func (o *options) keySet(ctx context.Context, stderr io.Writer) (keys bearer.KeySet, closeKeys func(), err error) {
	var cache *jwks.Cache
	switch isURL := strings.Contains(o.keys, "://"); {
	case o.keys == "" && !o.discover:
		return new(jwks.Set), func() {}, nil
	case o.keys == "":
		cache, err = jwks.Discover(o.issuer, nil) //nolint:contextcheck // the cache lives until closeKeys
	case isURL:
		cache, err = jwks.New(o.keys, &jwks.Options{Issuer: o.issuer}) //nolint:contextcheck // the cache lives until closeKeys
	default:
		document, err := os.ReadFile(o.keys)
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
		// The explanation does not contain this error.
		printNote(stderr, "note:", "cannot fetch the issuer's keys: "+err.Error())
	}
	return cache, func() { _ = cache.Close() }, nil
}
