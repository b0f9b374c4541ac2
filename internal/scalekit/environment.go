package scalekit

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/bearerkit/bearer/bearertest"
)

// environmentLifetime is how long the tokens of the environment's own client
// live.
const environmentLifetime = 24 * time.Hour

// Config says what environment is to be made.
type Config struct {
	// URL is the environment URL, such as https://acme.scalekit.dev: the "iss"
	// of its tokens and where its endpoints are. Required; http or https,
	// without a path.
	URL string
}

// Credentials are what an administrator of a new environment starts with. They
// are not kept: whoever loses them makes another environment.
type Credentials struct {
	// ClientID and ClientSecret are those of the environment's own client,
	// whose tokens open the admin API.
	ClientID, ClientSecret string
	// OrganizationID is an organization to register clients for.
	OrganizationID string
}

// Environment is a Scalekit environment. It is safe for concurrent use. The
// zero value is not usable: see [New].
type Environment struct {
	issuer *bearertest.Issuer
	store  *store
	mux    *http.ServeMux
}

// New makes an environment with one client of its own and one organization. It
// returns an error that names everything that is wrong with the Config.
func New(cfg Config) (*Environment, Credentials, error) {
	if err := cfg.check(); err != nil {
		return nil, Credentials{}, err
	}
	s := newStore()
	env := &Environment{
		store: s,
		issuer: bearertest.NewUnstartedIssuer(&bearertest.Options{
			Issuer:       cfg.URL,
			Algorithms:   []string{"RS256"},
			KeyID:        func() string { return s.ids.next("snk_") },
			Authenticate: s.authenticate,
			Shape:        s.shape,
		}),
		mux: http.NewServeMux(),
	}
	env.mux.Handle("/", env.issuer.Handler())
	env.mux.HandleFunc("/api/", notFound)
	env.mux.HandleFunc("/api/v1/organizations/{organization_id}/clients", methodNotAllowed)
	env.mux.Handle("POST /api/v1/organizations/{organization_id}/clients", env.admin(env.serveCreateClient))

	credentials := Credentials{OrganizationID: s.addOrganization()}
	credentials.ClientID, credentials.ClientSecret = s.addEnvironmentClient()
	return env, credentials, nil
}

// Handler returns the environment's endpoints, to be served at the root of its
// URL.
func (env *Environment) Handler() http.Handler { return env.mux }

// Issuer returns what signs the tokens: to rotate its keys, or to make its
// endpoints misbehave.
func (env *Environment) Issuer() *bearertest.Issuer { return env.issuer }

func (cfg Config) check() error {
	if cfg.URL == "" {
		return errors.New("scalekit: Config.URL is required")
	}
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return fmt.Errorf("scalekit: Config.URL: %w", err)
	}
	var problems []error
	if u.Scheme != "http" && u.Scheme != "https" {
		problems = append(problems, fmt.Errorf("scalekit: Config.URL %q: the scheme must be http or https", cfg.URL))
	}
	if u.Host == "" {
		problems = append(problems, fmt.Errorf("scalekit: Config.URL %q: the host is missing", cfg.URL))
	}
	if u.User != nil || u.Path != "" || u.Opaque != "" || u.ForceQuery || u.RawQuery != "" || u.Fragment != "" {
		problems = append(problems, fmt.Errorf("scalekit: Config.URL %q: nothing may come before or behind the host, no slash either", cfg.URL))
	}
	return errors.Join(problems...)
}
