package scalekit

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/scalekit/scalekitv1"
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
	issuer   *bearertest.Issuer
	store    *store
	attempts attempts
	outcomes outcomes
	rpc      *grpc.Server
	handler  http.Handler
}

// New makes an environment with one client of its own and one organization. It
// returns an error that names everything that is wrong with the Config.
func New(cfg Config) (*Environment, Credentials, error) {
	if err := cfg.check(); err != nil {
		return nil, Credentials{}, err
	}
	env := &Environment{store: newStore()}
	env.issuer = bearertest.NewUnstartedIssuer(&bearertest.Options{
		Issuer:       cfg.URL,
		Algorithms:   []string{"RS256"},
		KeyID:        func() string { return env.store.ids.next("snk_") },
		Authenticate: env.authenticate,
		Shape:        shape,
	})
	env.rpc = env.newRPC()
	env.handler = env.routes()
	credentials, err := env.begin()
	return env, credentials, err
}

// begin gives a new environment its own client and an organization.
func (env *Environment) begin() (Credentials, error) {
	name := "Example Organization"
	o, err := env.createOrganization(profile{displayName: &name}, &violations{})
	if err != nil {
		return Credentials{}, err
	}
	id, plain, err := env.createEnvironmentClient()
	return Credentials{ClientID: id, ClientSecret: plain, OrganizationID: o.id}, err
}

// createEnvironmentClient returns the credentials of a new client that belongs
// to no organization, and may call the admin API.
func (env *Environment) createEnvironmentClient() (id, plain string, err error) {
	now := time.Now().UTC()
	kept, plain := newSecret(env.store.ids.next("sks_"), now)
	made := client{
		id:       env.store.ids.next("skc_"),
		settings: settings{scopes: []string{"openid"}, expiry: int64(environmentLifetime / time.Second)},
		secrets:  []secret{kept},
		created:  now,
		updated:  now,
	}
	err = env.store.update(func(c *change) error {
		made.sequence = c.next()
		c.putClient(made)
		return nil
	})
	return made.id, plain, err
}

func (env *Environment) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", env.issuer.Handler())
	mux.Handle("/oauth/token", env.token(env.issuer.Handler()))
	env.restRoutes(mux)
	rpc := rpcHandler(env.rpc)
	mux.Handle("/"+scalekitv1.ClientService_ServiceDesc.ServiceName+"/", rpc)
	mux.Handle("/"+scalekitv1.OrganizationService_ServiceDesc.ServiceName+"/", rpc)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, _ := withCall(r.Context())
		r = r.WithContext(ctx)
		if path, doubled := strings.CutPrefix(r.URL.Path, "//"); doubled {
			// What an SDK makes of an environment URL that ends in a slash.
			// ServeMux would redirect it, and a POST would arrive as a GET.
			u := *r.URL
			u.Path, u.RawPath = "/"+path, ""
			r.URL = &u
		}
		if isRPC(r) {
			rpc.ServeHTTP(w, r) // also what it does not have: grpc answers in its own way
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// Handler returns the environment's endpoints, to be served at the root of its
// URL.
func (env *Environment) Handler() http.Handler { return env.handler }

// Close ends calls that go on over gRPC, and the issuer's requests that hang.
// What serves the Handler is for the caller to end first.
func (env *Environment) Close() error {
	env.issuer.Close()
	env.rpc.Stop()
	return nil
}

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
