package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/bearerkit/bearer/internal/scalekit"
)

// options are what the command line says.
type options struct {
	address, url, seed, state, log string
	certificate, key, authority    string
	tls, newSecret, anywhere       bool
}

// parseOptions returns nil where only help was asked for.
func parseOptions(args []string, stdout io.Writer) (*options, error) {
	var o options
	flags := flag.NewFlagSet("issuer", flag.ContinueOnError)
	flags.SetOutput(stdout)
	flags.Usage = func() {
		_, _ = fmt.Fprint(stdout, "An embedded Scalekit environment, for development and tests only.\n\nusage: go run ./examples/issuer [flags]\n\n")
		flags.PrintDefaults()
	}
	flags.StringVar(&o.address, "addr", defaultAddress, "`address` to listen at; port 0 stands for any free one")
	flags.StringVar(&o.url, "url", "", "environment `URL`, which is the issuer of the tokens (default http:// or https:// and the address)")
	flags.StringVar(&o.seed, "seed", "", "`file` with organizations and clients to begin with, in YAML or JSON")
	flags.StringVar(&o.state, "state", "", "`file` to keep the state and the private keys in (default: in memory)")
	flags.BoolVar(&o.newSecret, "new-secret", false, "add a secret to the environment's own client, where the -state is not new")
	flags.BoolVar(&o.tls, "tls", false, "serve https with a certificate made on the fly")
	flags.StringVar(&o.authority, "tls-ca", "", "`file` to write that certificate to, for clients to trust (default: in a temporary folder)")
	flags.StringVar(&o.certificate, "tls-cert", "", "`file` with a certificate chain in PEM, instead of -tls")
	flags.StringVar(&o.key, "tls-key", "", "`file` with the private key of -tls-cert in PEM")
	flags.StringVar(&o.log, "log", "text", "access log on standard error: text, json or off")
	flags.BoolVar(&o.anywhere, "insecure-listen-anywhere", false, "listen on other interfaces than loopback, where others can reach it")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return &o, o.check()
}

// check reports everything that does not go together.
func (o *options) check() error {
	var problems []error
	if (o.certificate == "") != (o.key == "") {
		problems = append(problems, errors.New("-tls-cert and -tls-key need each other"))
	}
	if o.tls && o.certificate != "" {
		problems = append(problems, errors.New("-tls makes a certificate, -tls-cert names one: give one of them"))
	}
	if o.authority != "" && !o.tls {
		problems = append(problems, errors.New("-tls-ca is for the certificate of -tls"))
	}
	if (o.tls || o.certificate != "") && strings.HasPrefix(o.url, "http://") {
		problems = append(problems, fmt.Errorf("-url %q: must begin with https:// where TLS is served", o.url))
	}
	if o.newSecret && o.state == "" {
		problems = append(problems, errors.New("-new-secret is for a -state that is there already"))
	}
	if o.log != "text" && o.log != "json" && o.log != "off" {
		problems = append(problems, fmt.Errorf("-log %q: must be text, json or off", o.log))
	}
	return errors.Join(problems...)
}

// config returns what the environment needs to know; its URL is empty where the
// address decides.
func (o *options) config(stderr io.Writer) (scalekit.Config, error) {
	cfg := scalekit.Config{URL: o.url, State: o.state, NewSecret: o.newSecret}
	switch o.log {
	case "text":
		cfg.Log = slog.New(slog.NewTextHandler(stderr, nil))
	case "json":
		cfg.Log = slog.New(slog.NewJSONHandler(stderr, nil))
	}
	if o.seed != "" {
		content, err := os.ReadFile(o.seed) //nolint:gosec // the user's own choice
		if err != nil {
			return cfg, fmt.Errorf("-seed: %w", err)
		}
		cfg.Seed = append([]byte{}, content...) // not nil: an empty file is no seed, and said to be none
	}
	return cfg, nil
}
