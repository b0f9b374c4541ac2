package scalekit

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/scalekit/scalekitv1"
)

// environmentLifetime is the lifetime of tokens of the environment's own client.
const environmentLifetime = 24 * time.Hour

// Environment is a Scalekit environment. It is safe for concurrent use. The
// zero value is not usable: see [New].
type Environment struct {
	issuer   *bearertest.Issuer
	store    *store
	file     *stateFile // nil if the state is kept in memory
	keyTimes sync.Map   // times of creation by key ID
	attempts attempts
	outcomes outcomes
	faults   faults
	log      *slog.Logger
	started  time.Time
	rpc      *grpc.Server
	handler  http.Handler
}

// New returns an environment. If the State file exists, New restores the environment
// from this file; otherwise it creates a new environment. If cfg is invalid, the error
// lists all problems. The caller must call Close.
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
		Shape:        shape,
	})
	credentials, err := env.loadState(cfg, initial)
	if err != nil {
		return nil, Credentials{}, errors.Join(err, env.closeFile())
	}
	env.rpc = env.newRPC()
	env.handler = env.routes()
	return env, credentials, nil
}

// loadState reads the state from its file, or creates a new state from the seed.
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
		env.store.save = env.save
		return env.applySeed(new)
	}
	found, keys, err := decodeState(saved)
	if err == nil {
		err = env.restoreKeys(keys)
	}
	if err != nil {
		return Credentials{}, fmt.Errorf("scalekit: Config.State: %s: %w; the file is not used and not changed; move the file away to start with a new state", cfg.State, err)
	}
	found.save = env.save
	env.store = found
	return env.resume(cfg.NewSecret)
}

// resume returns the credentials of a restored environment. If newSecret is set, resume
// also adds a secret to the environment's own client.
func (env *Environment) resume(newSecret bool) (Credentials, error) {
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

// save writes the state to its file. The caller holds the store's lock.
func (env *Environment) save(s *store) error {
	keys, err := env.savedKeys()
	if err != nil {
		return err
	}
	encoded, err := s.encode(keys)
	if err == nil {
		err = env.file.write(encoded)
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
	mux.Handle("/oauth/token", env.token(env.issuer.Handler()))
	env.restRoutes(mux)
	env.devRoutes(mux)
	rpc := env.api(rpcHandler(env.rpc))
	mux.Handle("/"+scalekitv1.ClientService_ServiceDesc.ServiceName+"/", rpc)
	mux.Handle("/"+scalekitv1.OrganizationService_ServiceDesc.ServiceName+"/", rpc)
	mux.Handle("GET /{$}", env.page())
	return env.logged(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path, doubled := strings.CutPrefix(r.URL.Path, "//"); doubled {
			// An SDK requests such a path if its environment URL ends in a slash.
			// ServeMux answers it with a redirect, which some clients do not follow.
			u := *r.URL
			u.Path, u.RawPath = "/"+path, ""
			r.URL = &u
		}
		if isRPC(r) {
			rpc.ServeHTTP(w, r) // gRPC clients expect a gRPC status, even for an unknown service
			return
		}
		mux.ServeHTTP(w, r)
	}))
}

// Handler returns the handler of all endpoints. It must be served at the root of
// Config.URL.
func (env *Environment) Handler() http.Handler { return env.handler }

// Release ends requests that a fault delays or hangs, so that a server can shut down
// gracefully. Other requests are served as before.
func (env *Environment) Release() { env.issuer.Close() }

// Close calls Release, ends open gRPC calls and writes unsaved state to the State
// file. The caller must first stop the server that serves Handler.
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
	err = errors.Join(err, env.file.close())
	env.file = nil
	return err
}

// Issuer returns the issuer that signs the tokens. Tests use it to rotate keys and
// to inject faults.
func (env *Environment) Issuer() *bearertest.Issuer { return env.issuer }
