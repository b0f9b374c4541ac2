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

// environmentLifetime is how long the tokens of the environment's own client
// live.
const environmentLifetime = 24 * time.Hour

// Environment is a Scalekit environment. It is safe for concurrent use. The
// zero value is not usable: see [New].
type Environment struct {
	issuer   *bearertest.Issuer
	store    *store
	file     *stateFile // nil: the state is in memory
	keyTimes sync.Map   // by key ID, when it was made
	attempts attempts
	outcomes outcomes
	faults   faults
	log      *slog.Logger
	started  time.Time
	rpc      *grpc.Server
	handler  http.Handler
}

// New makes an environment, or finds the one of Config.State again. It returns
// an error that names everything that is wrong with the Config. Close ends it.
func New(cfg Config) (*Environment, Credentials, error) {
	begin, err := cfg.check()
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
	credentials, err := env.begin(cfg, begin)
	if err != nil {
		return nil, Credentials{}, errors.Join(err, env.closeFile())
	}
	env.rpc = env.newRPC()
	env.handler = env.routes()
	return env, credentials, nil
}

// begin makes the state or takes it from its file.
func (env *Environment) begin(cfg Config, new seed) (Credentials, error) {
	if cfg.State == "" {
		return env.plant(new)
	}
	file, saved, err := openStateFile(cfg.State)
	if err != nil {
		return Credentials{}, fmt.Errorf("scalekit: Config.State: %w", err)
	}
	env.file = file
	if saved == nil {
		env.store.save = env.save
		return env.plant(new)
	}
	found, keys, err := decodeState(saved)
	if err == nil {
		err = env.restoreKeys(keys)
	}
	if err != nil {
		return Credentials{}, fmt.Errorf("scalekit: Config.State: %s: %w; nothing of it is used, move it away to begin anew", cfg.State, err)
	}
	found.save = env.save
	env.store = found
	return env.resume(cfg.NewSecret)
}

// resume returns what an administrator of an environment that was there before
// goes on with.
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
		env.log.Error("the state cannot be written, so nothing was changed", "error", err)
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
	}))
}

// Handler returns the environment's endpoints, to be served at the root of its
// URL.
func (env *Environment) Handler() http.Handler { return env.handler }

// Release ends requests that hang or wait by a fault, so that a server can wait
// for its last answers. Everything else is answered as before.
func (env *Environment) Release() { env.issuer.Close() }

// Close does what Release does, ends calls that go on over gRPC, and writes what
// is not yet in the state's file. What serves the Handler is for the caller to
// end first.
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

// Issuer returns what signs the tokens: to rotate its keys, or to make its
// endpoints misbehave.
func (env *Environment) Issuer() *bearertest.Issuer { return env.issuer }
