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

// quietOptions returns Options that discard all log records.
func quietOptions() *jwks.Options { return &jwks.Options{Logger: slog.New(slog.DiscardHandler)} }

// Discover finds the URL of the key set in the issuer's metadata. After a key rotation, Key
// fetches the new key.
func ExampleDiscover() {
	issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	defer issuer.Close()

	keys, err := jwks.Discover(issuer.URL(), quietOptions())
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

// Code that uses golang-jwt passes keys.Keyfunc() to the parser.
func ExampleNew() {
	issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	defer issuer.Close()

	keys, err := jwks.New(issuer.KeysURL(), quietOptions())
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

// Parse returns the usable keys of a document. Skipped returns the elements that Parse left
// out.
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

// sharedStorage simulates storage that all replicas of a service share, for example Redis, a
// config map or a database.
type sharedStorage struct {
	mu     sync.Mutex
	values map[string][]byte
}

// storeFor returns the Store of one cache.
func (s *sharedStorage) storeFor(name string) jwks.Store { return sharedStore{s, name} }

type sharedStore struct {
	*sharedStorage
	name string
}

func (s sharedStore) Load(context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if data, ok := s.values[s.name]; ok {
		return data, nil
	}
	return nil, fs.ErrNotExist
}

func (s sharedStore) Save(_ context.Context, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[s.name] = slices.Clone(data)
	return nil
}

// A custom Store keeps bytes and does not interpret the bytes. If parties that you do not trust
// can write to the Store, set StoreKey. A party that does not have the StoreKey cannot add
// keys.
func ExampleStore() {
	issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	defer issuer.Close()
	redis := &sharedStorage{values: make(map[string][]byte)}
	opts := quietOptions()
	opts.Store = redis.storeFor("keys of " + issuer.URL())
	opts.StoreKey = []byte("32 bytes or more, from a secret.") // all replicas use the same key
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
	opts.StoreKey = []byte("the key of an attacker, 32 bytes")
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
	defer os.RemoveAll(folder) //nolint:errcheck // the folder is temporary
	store, err := jwks.NewFileStore(filepath.Join(folder, "keys"))
	if err != nil {
		fmt.Println(err)
		return
	}
	opts := quietOptions()
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
