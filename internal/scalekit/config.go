package scalekit

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
)

// Config says what environment is to be made.
type Config struct {
	// URL is the environment URL, such as https://acme.scalekit.dev: the "iss"
	// of its tokens and where its endpoints are. Required; http or https,
	// without a path.
	URL string

	// Seed is what a new environment begins with, in JSON or YAML: see the
	// package's documentation. Nil: one organization and a client of the
	// environment's own. It is not looked at where there is a State already.
	Seed []byte

	// State is the name of a file that keeps the state, and the private keys,
	// so that they survive a restart. It is made where there is none. Empty:
	// the state is in memory and ends with the process.
	State string

	// NewSecret adds a secret to the environment's own client where the State
	// is not new: the first one cannot be told again.
	NewSecret bool

	// Log gets a line for each request, without secrets. Nil: nothing is
	// logged.
	Log *slog.Logger
}

// Credentials are what an administrator of a new environment starts with. They
// are not kept in plain text.
type Credentials struct {
	// ClientID and ClientSecret are those of the environment's own client,
	// whose tokens open the admin API. The secret is empty where the state
	// was there before.
	ClientID, ClientSecret string
	// OrganizationID is an organization to register clients for. Empty: there
	// is none.
	OrganizationID string
	// Resumed says that the state was there before.
	Resumed bool
	// Clients are those of the seed that got a secret made up.
	Clients []ClientCredentials
}

// ClientCredentials are those of an organization's client.
type ClientCredentials struct {
	// ID and Secret are what it authenticates with.
	ID, Secret string
	// Name is what the seed calls it.
	Name string
}

// check returns what a new environment begins with.
func (cfg Config) check() (seed, error) {
	name := "Example Organization"
	begin := seed{organizations: []seedOrganization{{profile: profile{displayName: &name}}}}
	var problems []error
	if cfg.Seed != nil {
		planted, err := parseSeed(cfg.Seed)
		if err != nil {
			problems = append(problems, fmt.Errorf("scalekit: Config.Seed: %w", err))
		}
		begin = planted
	}
	return begin, errors.Join(append(problems, checkURL(cfg.URL))...)
}

func checkURL(address string) error {
	if address == "" {
		return errors.New("scalekit: Config.URL is required")
	}
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("scalekit: Config.URL: %w", err)
	}
	var problems []error
	if u.Scheme != "http" && u.Scheme != "https" {
		problems = append(problems, fmt.Errorf("scalekit: Config.URL %q: the scheme must be http or https", address))
	}
	if u.Host == "" {
		problems = append(problems, fmt.Errorf("scalekit: Config.URL %q: the host is missing", address))
	}
	if u.User != nil || u.Path != "" || u.Opaque != "" || u.ForceQuery || u.RawQuery != "" || u.Fragment != "" {
		problems = append(problems, fmt.Errorf("scalekit: Config.URL %q: nothing may come before or behind the host, no slash either", address))
	}
	return errors.Join(problems...)
}
