package jwks_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// memoryStore is a Store that keeps its data in memory.
type memoryStore struct {
	mu    sync.Mutex
	data  []byte
	err   error
	hang  bool
	saves int
}

func (m *memoryStore) Load(ctx context.Context) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if m.err == nil && m.data == nil {
		return nil, fs.ErrNotExist
	}
	return m.data, m.err
}

func (m *memoryStore) Save(_ context.Context, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saves++
	if m.err == nil {
		m.data = append([]byte(nil), data...)
	}
	return m.err
}

var storeKey = []byte(strings.Repeat("k", 32))

// newRestartedCache simulates the restart of a service during an outage. It creates a first
// cache, which saves its key set in store, and closes the first cache. Then the issuer goes
// down. After the pause, newRestartedCache creates a second cache with the same store, and
// returns the second cache.
func newRestartedCache(t *testing.T, store *memoryStore, pause time.Duration, change ...func(*jwks.Options)) (*jwks.Cache, *issuer, *recorder) {
	t.Helper()
	i := newIssuer(ecKey("a"))
	first := newCache(t, i, func(o *jwks.Options) { o.Store, o.StoreKey = store, storeKey })
	want(t, "lookup before the restart", keyOutcome(t, first, "a"), "ok")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	i.update(func(i *issuer) { i.down = true })
	time.Sleep(pause)
	var events recorder
	o := options(i)
	o.Store, o.StoreKey, o.Observe = store, storeKey, events.add
	for _, c := range change {
		c(o)
	}
	c, err := jwks.New(keySetURL, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, i, &events
}

func TestRestartDuringOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memoryStore{}
		c, i, events := newRestartedCache(t, store, 11*time.Hour)
		// The refresher has not run before this lookup.
		want(t, "first lookup", keyOutcome(t, c, "a"), "ok")
		for range 3500 {
			want(t, "later lookup", keyOutcome(t, c, "a"), "ok")
			time.Sleep(time.Second)
		}
		want(t, "lookup of an unknown kid", keyOutcome(t, c, "b"), "unavailable")
		if s := c.Status(); !s.Restored || s.Age < 11*time.Hour {
			t.Errorf("status: got %+v, want Restored true and an Age of at least 11 h", s)
		}
		want(t, "Restored events", events.count(jwks.Restored), 1)
		time.Sleep(100 * time.Second)
		want(t, "lookup more than MaxStale after the issuer's last response", keyOutcome(t, c, "a"), "unavailable")
		i.update(func(i *issuer) { i.down = false })
		want(t, "lookup after the issuer's return", keyOutcome(t, c, "a"), "ok")
		want(t, "Restored", c.Status().Restored, false)
	})
}

// The issuer's first response replaces the keys from the Store.
func TestIssuerReplacesRestoredKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memoryStore{}
		c, i, _ := newRestartedCache(t, store, time.Minute)
		synctest.Wait()
		i.publish(ecKey("b"))
		i.update(func(i *issuer) { i.down = false })
		time.Sleep(10 * time.Second)
		want(t, "If-None-Match", i.lastHeader().Get("If-None-Match"), "")
		_, err := c.Lookup("a", "ES256")
		want(t, "lookup of the key from the store", outcome(err), "unknown")
		_, err = c.Lookup("b", "ES256")
		want(t, "lookup of the key from the issuer", outcome(err), "ok")
	})
}

func TestStoreRefused(t *testing.T) {
	flip := func(b []byte) []byte { b = append([]byte(nil), b...); b[len(b)/2] ^= 1; return b }
	for _, tt := range []struct {
		name    string
		pause   time.Duration
		change  func(*memoryStore)
		options func(*jwks.Options)
		failed  int // the number of StoreFailed events
	}{
		{name: "data too old", pause: 12 * time.Hour, failed: 1},
		{name: "different StoreKey", options: func(o *jwks.Options) { o.StoreKey = []byte(strings.Repeat("x", 32)) }, failed: 1},
		{name: "data changed", change: func(m *memoryStore) { m.data = flip(m.data) }, failed: 1},
		{name: "data truncated", change: func(m *memoryStore) { m.data = m.data[:len(m.data)/2] }, failed: 1},
		{name: "data empty", change: func(m *memoryStore) { m.data = []byte{} }, failed: 1},
		{name: "data is a key set", change: func(m *memoryStore) { m.data = []byte(`{"keys":[]}`) }, failed: 1},
		{name: "Load returns an error", change: func(m *memoryStore) { m.err = errors.New("no") }, failed: 1},
		{name: "no data stored", change: func(m *memoryStore) { m.data = nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &memoryStore{}
				c, i, events := newRestartedCache(t, store, tt.pause, func(o *jwks.Options) {
					if tt.change != nil {
						tt.change(store)
					}
					if tt.options != nil {
						tt.options(o)
					}
				})
				want(t, "outcome of the lookup", keyOutcome(t, c, "a"), "unavailable")
				want(t, "StoreFailed events", events.count(jwks.StoreFailed), tt.failed)
				i.update(func(i *issuer) { i.down = false })
				want(t, "lookup after the issuer's return", keyOutcome(t, c, "a"), "ok")
			})
		})
	}
}

// A cache without a StoreKey refuses some stored data. The error of the StoreFailed event
// describes the problem of the data.
func TestStoreWithoutKey(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // the start time of a synctest bubble
	stored := func(version int, source string, answered time.Time, document []byte) []byte {
		inner, err := json.Marshal(map[string]any{"version": version, "source": source, "answered": answered, "document": document})
		if err != nil {
			t.Fatal(err)
		}
		outer, err := json.Marshal(map[string]any{"saved": inner})
		if err != nil {
			t.Fatal(err)
		}
		return outer
	}
	source, good := "keys at "+keySetURL, document(ecKey("a"))
	for name, row := range map[string]struct {
		data []byte
		want string // part of the error, or "" if the data is used
	}{
		"valid data":                         {stored(1, source, now, good), ""},
		"time 1 min in the future":           {stored(1, source, now.Add(time.Minute), good), ""},
		"time more than 1 min in the future": {stored(1, source, now.Add(time.Minute+1), good), "in the future"},
		"age 1 ns less than MaxStale":        {stored(1, source, now.Add(1-12*time.Hour), good), ""},
		"age equal to MaxStale":              {stored(1, source, now.Add(-12*time.Hour), good), "older than Options.MaxStale"},
		"newer format version":               {stored(2, source, now, good), "format version is 2, want 1"},
		"no source":                          {stored(1, "", now, good), "stored for a different issuer"},
		"document without keys":              {stored(1, source, now, []byte(`{}`)), `no member "keys"`},
		"no document":                        {stored(1, source, now, nil), "not a JSON object"},
		"data is not JSON":                   {[]byte("x"), "not stored by this package"},
		"record in the data is not JSON":     {[]byte(`{"saved":"eA=="}`), "not stored by this package"},
		"empty object":                       {[]byte(`{}`), "not stored by this package"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var events recorder
				c := newCache(t, &issuer{down: true}, func(o *jwks.Options) { o.Store, o.Observe = &memoryStore{data: row.data}, events.add })
				_, err := c.Lookup("a", "ES256")
				want(t, "stored keys are used", err == nil, row.want == "")
				want(t, "StoreFailed events", events.count(jwks.StoreFailed), map[bool]int{false: 1}[row.want == ""])
				for _, e := range events.all() {
					if e.Kind == jwks.StoreFailed {
						wantText(t, e.Err, row.want)
					}
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		var events recorder
		c := newCache(t, newIssuer(ecKey("a")), func(o *jwks.Options) { o.Observe = events.add })
		want(t, "Refresh", outcome(c.Refresh(t.Context())), "ok")
		want(t, "StoreFailed events without a store", events.count(jwks.StoreFailed), 0)
	})
}

// A cache does not use keys that were stored for a different issuer.
func TestStoreOfAnotherIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memoryStore{}
		_, i, _ := newRestartedCache(t, store, 0)
		o := options(i)
		o.Store, o.StoreKey = store, storeKey
		c, err := jwks.New("https://other.test/keys", o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		want(t, "outcome of the lookup", keyOutcome(t, c, "a"), "unavailable")
	})
}

// The clock was set back after keys were stored. The cache refuses the stored keys, because keys
// with a time in the future stay in use for longer than MaxStale.
func TestStoreFromTheFuture(t *testing.T) {
	store := &memoryStore{}
	synctest.Test(t, func(t *testing.T) { newRestartedCache(t, store, 0) })
	synctest.Test(t, func(t *testing.T) { // the clock of a new bubble starts in 2000
		time.Sleep(24 * time.Hour)
		newRestartedCache(t, store, 0)
	})
	data := store.data
	synctest.Test(t, func(t *testing.T) {
		var events recorder
		i := &issuer{down: true}
		c := newCache(t, i, func(o *jwks.Options) {
			o.Store, o.StoreKey, o.Observe = &memoryStore{data: data}, storeKey, events.add
		})
		want(t, "outcome of the lookup", keyOutcome(t, c, "a"), "unavailable")
		want(t, "StoreFailed events", events.count(jwks.StoreFailed), 1)
	})
}

// A Store that hangs delays the first fetch by 2 s.
func TestStoreHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		o := options(i)
		o.Store = &memoryStore{hang: true}
		c, err := jwks.New(keySetURL, o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		time.Sleep(2 * time.Second)
		start := time.Now()
		want(t, "outcome of the lookup", keyOutcome(t, c, "a"), "ok")
		want(t, "wait of the lookup", time.Since(start), 0)
	})
}

// After each response of the issuer that confirms the key set, the cache saves the key set with
// the new time.
func TestStoreSaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		store := &memoryStore{}
		c := newCache(t, i, func(o *jwks.Options) { o.Store = store })
		for range 5 {
			if err := c.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		want(t, "number of calls of Save", store.saves, 6)
	})
}

// stubbornStore is a Store whose calls do not return when their context ends.
type stubbornStore struct {
	memoryStore
	loading chan struct{} // Load waits until this channel is closed; nil if Load must not wait
	saving  chan struct{} // Save waits until this channel is closed; nil if Save must not wait
}

func (s *stubbornStore) Load(ctx context.Context) ([]byte, error) {
	if s.loading != nil {
		<-s.loading
	}
	return s.memoryStore.Load(ctx)
}

func (s *stubbornStore) Save(ctx context.Context, data []byte) error {
	if s.saving != nil {
		<-s.saving
	}
	return s.memoryStore.Save(ctx, data)
}

// A Store that ignores its context does not block lookups and refreshes, and delays Close by at
// most 2 s. The cache calls the Store again only after the previous call has returned. So
// while the first Save hangs, the cache calls Save for no other key set.
func TestStoreIgnoresContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		store := &stubbornStore{loading: make(chan struct{}), saving: make(chan struct{})}
		o := options(i)
		var events recorder
		o.Store, o.Observe = store, events.add
		c, err := jwks.New(keySetURL, o)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		want(t, "lookup of the key during Load", keyOutcome(t, c, "a"), "ok")
		want(t, "StoreFailed events during Load", events.count(jwks.StoreFailed), 1)
		close(store.loading)
		synctest.Wait()
		i.publish(ecKey("b"))
		want(t, "lookup of a new key during Save", keyOutcome(t, c, "b"), "ok")
		time.Sleep(10 * time.Minute)
		if n := events.count(jwks.StoreFailed); n < 2 {
			t.Errorf("StoreFailed events during Save: got %d, want at least 2", n)
		}
		start := time.Now()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		want(t, "duration of Close", time.Since(start), 2*time.Second)
		close(store.saving)
		synctest.Wait()
		// One Save is for the first key set. The other Save is for the newest key set.
		want(t, "number of calls of Save", store.saves, 2)
	})
}

// Close waits for a Save in flight.
func TestCloseWaitsForSave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		store := &stubbornStore{saving: make(chan struct{})}
		c := newCache(t, i, func(o *jwks.Options) { o.Store = store })
		go func() {
			time.Sleep(time.Second)
			close(store.saving)
		}()
		start := time.Now()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		want(t, "duration of Close", time.Since(start), time.Second)
		want(t, "number of calls of Save", store.saves, 1)
	})
}

// The cache handles a panic in a Store as an error of the Store.
func TestStorePanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events recorder
		c := newCache(t, newIssuer(ecKey("a")), func(o *jwks.Options) { o.Store, o.Observe = panickingStore{}, events.add })
		want(t, "outcome of the lookup", keyOutcome(t, c, "a"), "ok")
		want(t, "StoreFailed events", events.count(jwks.StoreFailed), 2)
	})
}

type panickingStore struct{}

func (panickingStore) Load(context.Context) ([]byte, error) { panic("load") }
func (panickingStore) Save(context.Context, []byte) error   { panic("save") }
