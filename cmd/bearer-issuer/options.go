package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/bearerkit/bearer/internal/buildinfo"
	"github.com/bearerkit/bearer/internal/scalekit"
)

// options are the values of the command-line flags.
type options struct {
	address, url, seed, state, log string
	certificate, key, authority    string
	tls, newSecret, anywhere       bool
	pageAnywhere                   bool
}

// usage is the beginning of the text that -h prints. The list of flags follows, and then seedUsage.
const usage = `A local Scalekit environment. It is for development and tests only.

usage: bearer-issuer [flags]

`

// seedUsage is the end of the text that -h prints.
const seedUsage = `
An example of a file for -seed:

organizations:
  - display_name: Acme Corp
    clients:
      - name: GitHub Actions Deployment Service
        client_id: m2morg_10000000000000001
        client_secret: test_deployer_secret
        scopes: [deploy:applications, read:deployments]
        audience: [deployment-api.acmecorp.com]
`

// parseOptions parses the command line. For -h and -version, parseOptions prints a text to stdout
// and returns no options.
func parseOptions(args []string, stdout io.Writer) (*options, error) {
	var o options
	var version bool
	flags := flag.NewFlagSet("bearer-issuer", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the program prints an error once, and without the list of flags
	flags.StringVar(&o.address, "addr", defaultAddress, "`address` to listen on; port 0 means any free port")
	flags.StringVar(&o.url, "url", "", "environment `URL`, which is the issuer of the tokens (default: http:// or https://, followed by the address)")
	flags.StringVar(&o.seed, "seed", "", "`file` with initial organizations and clients, in YAML or JSON")
	flags.StringVar(&o.state, "state", "", "`file` that keeps the state and the private keys (default: the state is kept in memory)")
	flags.BoolVar(&o.newSecret, "new-secret", false, "if the -state file already exists, add a secret to the environment's own client")
	flags.BoolVar(&o.tls, "tls", false, "serve https with a generated certificate")
	flags.StringVar(&o.authority, "tls-ca", "", "`file` for the certificate that -tls generates; clients must trust this certificate (default: a file in a temporary folder that the program removes before it ends)")
	flags.StringVar(&o.certificate, "tls-cert", "", "`file` with a certificate chain in PEM; use this flag instead of -tls")
	flags.StringVar(&o.key, "tls-key", "", "`file` with the private key of the certificate of -tls-cert, in PEM")
	flags.StringVar(&o.log, "log", "text", "`format` of the access log on standard error: text, json or off")
	flags.BoolVar(&o.anywhere, "insecure-listen-anywhere", false, "allow an -addr that other machines can reach; these machines can try secrets and request tokens")
	flags.BoolVar(&o.pageAnywhere, "insecure-page-anywhere", false, "allow other machines, and clients behind a proxy, to use the web page; without a secret, the page mints tokens with any claims, rotates keys and injects faults (default: other machines can only read the page)")
	flags.BoolVar(&version, "version", false, "print the version of the program")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		_, before := io.WriteString(stdout, usage)
		list := screenOf(stdout).PrintFlags(stdout, flags)
		_, after := io.WriteString(stdout, seedUsage)
		return nil, errors.Join(before, list, after)
	} else if err != nil {
		return nil, fmt.Errorf("%w; bearer-issuer -h lists the flags", err)
	}
	if version {
		_, err := fmt.Fprintln(stdout, buildinfo.Version("bearer-issuer"))
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return &o, o.check()
}

// check returns an error that lists all invalid flags and all invalid combinations of
// flags.
func (o *options) check() error {
	var problems []error
	if (o.certificate == "") != (o.key == "") {
		problems = append(problems, errors.New("-tls-cert and -tls-key must be set together"))
	}
	if o.tls && o.certificate != "" {
		problems = append(problems, errors.New("-tls generates a certificate, and -tls-cert names a certificate; set only one of the two flags"))
	}
	if o.authority != "" && !o.tls {
		problems = append(problems, errors.New("-tls-ca requires -tls, because -tls-ca names the file for the certificate that -tls generates"))
	}
	if (o.tls || o.certificate != "") && strings.HasPrefix(o.url, "http://") {
		problems = append(problems, fmt.Errorf("-url %q: with -tls or -tls-cert, the URL must begin with https://", o.url))
	}
	if o.newSecret && o.state == "" {
		problems = append(problems, errors.New("-new-secret requires -state, because -new-secret adds a secret to the saved state"))
	}
	if o.log != "text" && o.log != "json" && o.log != "off" {
		problems = append(problems, fmt.Errorf("-log %q: must be text, json or off", o.log))
	}
	return errors.Join(problems...)
}

// environmentConfig returns the environment's Config. If -url is not set, Config.URL is
// empty. In this case, run derives the URL from the listener's address.
func (o *options) environmentConfig(stderr io.Writer) (scalekit.Config, error) {
	cfg := scalekit.Config{URL: o.url, State: o.state, NewSecret: o.newSecret, InsecurePageAnywhere: o.pageAnywhere}
	switch o.log {
	case "text":
		cfg.Log = slog.New(slog.NewTextHandler(stderr, nil))
	case "json":
		cfg.Log = slog.New(slog.NewJSONHandler(stderr, nil))
	}
	cfg.Seed = []byte(initialState)
	if o.seed != "" {
		content, err := os.ReadFile(o.seed)
		if err != nil {
			return cfg, fmt.Errorf("-seed: %w", err)
		}
		cfg.Seed = append([]byte{}, content...) // not nil, so that New reports an empty file as an invalid seed
	}
	return cfg, nil
}
