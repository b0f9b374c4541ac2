package scalekit

import (
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/scalekit/scalekitv1"
)

// environmentLifetime is the lifetime of the tokens that the environment's own client gets.
const environmentLifetime = 24 * time.Hour

// Environment is a Scalekit environment. It is safe for concurrent use. The
// zero value is not usable: see [New].
type Environment struct {
	issuer   *bearertest.Issuer
	store    *store
	file     *stateFile // nil if the state is kept in memory
	keyTimes sync.Map   // maps the ID of a key (string) to its time of creation (time.Time)
	attempts attemptLimiter
	outcomes outcomes
	faults   faults
	log      *slog.Logger
	started  time.Time
	rpc      *grpc.Server
	guard    *pageGuard
	page     *template.Template
	handler  http.Handler
}

// New returns an environment. If the State file exists, New restores the environment from
// this file. Otherwise New creates a new environment. If cfg is invalid, the error lists
// all problems. The caller must call Close when the environment is no longer needed.
func New(cfg Config) (*Environment, Credentials, error) {
	initial, err := cfg.check()
	if err != nil {
		return nil, Credentials{}, err
	}
	env := &Environment{store: newStore(), log: cfg.Log, started: time.Now()}
	if env.log == nil {
		env.log = slog.New(slog.DiscardHandler)
	}
	env.issuer = bearertest.NewUnstartedIssuer(&bearertest.Options{
		Issuer:       cfg.URL,
		Algorithms:   []string{keyAlgorithm},
		KeyID:        env.newKeyID,
		Authenticate: env.authenticate,
		Shape:        shapeToken,
	})
	credentials, err := env.loadState(cfg, initial)
	if err != nil {
		return nil, Credentials{}, errors.Join(err, env.closeFile())
	}
	env.rpc = env.newRPC()
	env.guard, env.page = newPageGuard(cfg), parsePage()
	env.handler = env.routes()
	return env, credentials, nil
}

// loadState reads the state from the State file. If there is no such file, loadState
// creates a new state from the seed.
func (env *Environment) loadState(cfg Config, new seed) (Credentials, error) {
	if cfg.State == "" {
		return env.applySeed(new)
	}
	file, saved, err := openStateFile(cfg.State)
	if err != nil {
		return Credentials{}, fmt.Errorf("scalekit: Config.State: %w", err)
	}
	env.file = file
	if saved == nil {
		env.store.save = env.saveState
		return env.applySeed(new)
	}
	found, keys, err := decodeState(saved)
	if err == nil {
		err = env.restoreKeys(keys)
	}
	if err != nil {
		return Credentials{}, fmt.Errorf("scalekit: Config.State: %s: %w; the file is not used and not changed; move the file away to start with a new state", cfg.State, err)
	}
	found.save = env.saveState
	env.store = found
	return env.resumedCredentials(cfg.NewSecret)
}

// resumedCredentials returns the credentials of a restored environment. If newSecret is
// true, resumedCredentials adds a secret to the environment's own client and returns this
// secret.
func (env *Environment) resumedCredentials(newSecret bool) (Credentials, error) {
	credentials := Credentials{Resumed: true}
	if own, _ := env.store.clientsOf(""); len(own) > 0 {
		credentials.ClientID = own[len(own)-1].id
	}
	all := env.store.organizationsBy(func(organization) bool { return true })
	if len(all) > 0 {
		credentials.OrganizationID = all[len(all)-1].id
	}
	if !newSecret || credentials.ClientID == "" {
		return credentials, nil
	}
	_, plain, err := env.addSecret("", credentials.ClientID, &violations{})
	credentials.ClientSecret = plain
	return credentials, err
}

// saveState writes the state to the State file. The caller must hold s.mu.
func (env *Environment) saveState(s *store) error {
	keys, err := env.savedKeys()
	if err != nil {
		return err
	}
	encoded, err := s.encode(keys)
	if err == nil {
		err = env.file.replaceContent(encoded)
	}
	if err != nil {
		env.log.Error("cannot write the state; the change is undone", "error", err)
		return err
	}
	s.unsaved = false
	return nil
}

func (env *Environment) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", env.issuer.Handler())
	mux.Handle("/oauth/token", env.recordOutcomes(env.issuer.Handler()))
	env.restRoutes(mux)
	env.devRoutes(mux)
	rpc := env.withFaults(rpcHandler(env.rpc))
	mux.Handle("/"+scalekitv1.ClientService_ServiceDesc.ServiceName+"/", rpc)
	mux.Handle("/"+scalekitv1.OrganizationService_ServiceDesc.ServiceName+"/", rpc)
	env.pageRoutes(mux, env.guard)
	return env.withAccessLog(env.guard.refuseRebinding(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path, doubled := strings.CutPrefix(r.URL.Path, "//"); doubled {
			// An SDK requests a path that begins with "//" if its environment URL
			// ends in a slash. ServeMux responds to such a request with a redirect.
			// Some clients do not follow the redirect.
			u := *r.URL
			u.Path, u.RawPath = "/"+path, ""
			r.URL = &u
		}
		if isRPC(r) {
			rpc.ServeHTTP(w, r) // gRPC clients expect a gRPC status, even for an unknown service
			return
		}
		mux.ServeHTTP(w, r)
	})))
}

// Handler returns the handler of all endpoints. The server must serve the handler at the
// root of Config.URL.
func (env *Environment) Handler() http.Handler { return env.handler }

// Release ends all requests that a fault delays or keeps open, so that a server can shut
// down gracefully. Release does not affect other requests.
func (env *Environment) Release() { env.issuer.Close() }

// Close calls Release, ends the open gRPC calls, and writes unsaved changes to the State
// file. The caller must stop the server of Handler before Close.
func (env *Environment) Close() error {
	env.Release()
	env.rpc.Stop()
	return env.closeFile()
}

func (env *Environment) closeFile() error {
	if env.file == nil {
		return nil
	}
	env.store.mu.Lock()
	defer env.store.mu.Unlock()
	var err error
	if env.store.unsaved && env.store.save != nil {
		err = env.store.save(env.store)
	}
	env.store.save = func(*store) error { return errors.New("the environment is closed") }
	err = errors.Join(err, env.file.unlock())
	env.file = nil
	return err
}

// Issuer returns the issuer that signs the tokens. Tests use the issuer to rotate keys and
// to inject faults.
func (env *Environment) Issuer() *bearertest.Issuer { return env.issuer }
