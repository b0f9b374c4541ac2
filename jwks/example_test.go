package jwks_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// quiet returns options without logging.
func quiet() *jwks.Options { return &jwks.Options{Logger: slog.New(slog.DiscardHandler)} }

// A cache finds the issuer's keys by the issuer's name. When a token is signed with a new
// key, the cache fetches the key.
func ExampleDiscover() {
	issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	defer issuer.Close()

	keys, err := jwks.Discover(issuer.URL(), quiet())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer keys.Close()
	ctx := context.Background()
	if err := keys.Ready(ctx); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(keys.Status().Keys), "key")

	rotated := issuer.Rotate()
	_, err = keys.Lookup(rotated.ID(), "ES256") // from memory
	fmt.Println(errors.Is(err, jwks.ErrUnknownKey))
	found, err := keys.Key(ctx, rotated.ID(), "ES256") // fetches the key set
	fmt.Println(len(found), "key,", err)
	// Output:
	// 1 key
	// true
	// 1 key, <nil>
}

// Code that uses golang-jwt needs one line to use the cache.
func ExampleNew() {
	issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	defer issuer.Close()

	keys, err := jwks.New(issuer.KeysURL(), quiet())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer keys.Close()

	token, err := jwt.Parse(issuer.Token(map[string]any{"sub": "ci"}), keys.Keyfunc(), jwt.WithValidMethods([]string{"ES256"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	subject, err := token.Claims.GetSubject()
	fmt.Println(subject, err)
	// Output: ci <nil>
}

// Parse returns the set of keys in a document. Keys that cannot be used are left out, and
// Skipped returns them.
func ExampleParse() {
	set, err := jwks.Parse([]byte(`{"keys":[
		{"kty":"OKP","crv":"Ed25519","kid":"a","use":"sig","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
		{"kty":"oct","kid":"b","k":"c2VjcmV0"}
	]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	keys, err := set.Lookup("a", "EdDSA")
	fmt.Println(len(keys), "key,", err)
	for _, skipped := range set.Skipped() {
		fmt.Println("left out:", skipped.ID, skipped.Private)
	}
	// Output:
	// 1 key, <nil>
	// left out: b true
}

// shared is storage for all replicas. In a service, Redis, a config map or a database
// takes the place of this map.
type shared struct {
	mu     sync.Mutex
	values map[string][]byte
}

// at returns the Store of one cache.
func (s *shared) at(name string) jwks.Store { return sharedAt{s, name} }

type sharedAt struct {
	*shared
	name string
}

func (s sharedAt) Load(context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if data, ok := s.values[s.name]; ok {
		return data, nil
	}
	return nil, fs.ErrNotExist
}

func (s sharedAt) Save(_ context.Context, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[s.name] = slices.Clone(data)
	return nil
}

// A custom Store keeps opaque bytes. If other parties can write to the Store, StoreKey
// keeps them from adding their own keys.
func ExampleStore() {
	issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	defer issuer.Close()
	redis := &shared{values: make(map[string][]byte)}
	opts := quiet()
	opts.Store = redis.at("keys of " + issuer.URL())
	opts.StoreKey = []byte("32 bytes or more, from a secret.") // the same in all replicas
	start := func() {
		keys, err := jwks.New(issuer.KeysURL(), opts)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer keys.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err = keys.Ready(ctx)
		fmt.Println(err == nil, keys.Status().Restored)
	}
	start()
	issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Abort: true})
	start()
	opts.StoreKey = []byte("another key, that of an attacker")
	start()
	// Output:
	// true false
	// true true
	// false false
}

// With a Store, a service that restarts while the issuer is down uses the stored keys.
func ExampleNewFileStore() {
	issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	defer issuer.Close()
	folder, err := os.MkdirTemp("", "jwks") // mode 0700: other users cannot write to it
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder) //nolint:errcheck // a temporary folder
	store, err := jwks.NewFileStore(filepath.Join(folder, "keys"))
	if err != nil {
		fmt.Println(err)
		return
	}
	opts := quiet()
	opts.Store = store
	start := func() {
		keys, err := jwks.New(issuer.KeysURL(), opts)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer keys.Close()
		err = keys.Ready(context.Background())
		fmt.Println(err, keys.Status().Restored)
	}
	start()
	issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Abort: true})
	start()
	// Output:
	// <nil> false
	// <nil> true
}
