package scalekit

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
)

// Config configures an Environment.
type Config struct {
	// URL is the environment URL, such as https://acme.scalekit.dev. The
	// environment URL is the base URL of the endpoints and the "iss" of the
	// tokens. URL is required. The scheme must be http or https. A path is not
	// allowed.
	URL string

	// Seed is the initial state of a new environment, in JSON or YAML. The package
	// documentation describes the format. If Seed is nil, the environment starts
	// with one organization and the environment's own client. If the State file
	// exists, New validates Seed, but does not use Seed.
	Seed []byte

	// State is the name of a file that keeps the state and the private keys
	// across restarts. The file is created if it does not exist. If State is
	// empty, the state is kept in memory and lost when the process ends.
	State string

	// NewSecret adds a secret to the environment's own client, if the State file
	// exists. New cannot return an earlier secret, because the State file contains
	// only hashes of secrets.
	NewSecret bool

	// InsecurePageAnywhere allows the actions of the web page for every machine that
	// can reach the server. The page then mints tokens with any claims, rotates keys
	// and injects faults without a secret. If InsecurePageAnywhere is false, only
	// this machine can use these actions, and other machines can only read the page.
	InsecurePageAnywhere bool

	// Log receives one record for each request. The record contains no secrets. If
	// Log is nil, nothing is logged.
	Log *slog.Logger
}

// Credentials are the credentials that New returns for the administrator. The
// environment does not store the plain text of the secrets.
type Credentials struct {
	// ClientID and ClientSecret are the credentials of the environment's own
	// client. A token of this client gives access to the admin API. ClientSecret
	// is empty if the state was restored and Config.NewSecret is false.
	ClientID, ClientSecret string
	// OrganizationID is the ID of the oldest organization, or empty if the
	// environment has no organization.
	OrganizationID string
	// Resumed is true if the state was restored from the State file.
	Resumed bool
	// Clients are the seed's clients whose secrets were generated.
	Clients []ClientCredentials
	// First is the seed's first client, or nil. Its secret is the secret in the
	// seed, or a generated secret.
	First *ClientCredentials
}

// ClientCredentials are the credentials of a client of an organization.
type ClientCredentials struct {
	// ID and Secret are the client_id and the client_secret.
	ID, Secret string
	// Name is the client's name in the seed.
	Name string
	// Scopes and Audience are the scopes and the audience of the client's tokens.
	Scopes, Audience []string
}

// check validates the Config. It returns the initial state of a new environment.
func (cfg Config) check() (seed, error) {
	name := "Example Organization"
	initial := seed{organizations: []seedOrganization{{profile: profile{displayName: &name}}}}
	var problems []error
	if cfg.Seed != nil {
		parsed, err := parseSeed(cfg.Seed)
		if err != nil {
			problems = append(problems, fmt.Errorf("scalekit: Config.Seed: %w", err))
		}
		initial = parsed
	}
	return initial, errors.Join(append(problems, checkURL(cfg.URL))...)
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
		problems = append(problems, fmt.Errorf("scalekit: Config.URL %q: only a scheme, a host and a port are allowed, without a trailing slash", address))
	}
	return errors.Join(problems...)
}
