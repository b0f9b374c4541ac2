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

// memory is a Store in memory.
type memory struct {
	mu    sync.Mutex
	data  []byte
	err   error
	hang  bool
	saves int
}

func (m *memory) Load(ctx context.Context) ([]byte, error) {
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

func (m *memory) Save(_ context.Context, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saves++
	if m.err == nil {
		m.data = append([]byte(nil), data...)
	}
	return m.err
}

var storeKey = []byte(strings.Repeat("k", 32))

// restarted fills store with a first cache and closes that cache. After a wait, it returns
// a second cache with the store, which starts during an outage.
func restarted(t *testing.T, store *memory, after time.Duration, change ...func(*jwks.Options)) (*jwks.Cache, *issuer, *recorder) {
	t.Helper()
	i := newIssuer(ecKey("a"))
	first := newCache(t, i, func(o *jwks.Options) { o.Store, o.StoreKey = store, storeKey })
	want(t, "before the restart", keyVerdict(t, first, "a"), "ok")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	i.set(func(i *issuer) { i.down = true })
	time.Sleep(after)
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
		store := &memory{}
		c, i, events := restarted(t, store, 11*time.Hour)
		// This request comes before the refresher has run.
		want(t, "first request", keyVerdict(t, c, "a"), "ok")
		for range 3500 {
			want(t, "later request", keyVerdict(t, c, "a"), "ok")
			time.Sleep(time.Second)
		}
		want(t, "unknown kid", keyVerdict(t, c, "b"), "unavailable")
		if s := c.Status(); !s.Restored || s.Age < 11*time.Hour {
			t.Errorf("status: got %+v, want Restored and an Age of at least 11 h", s)
		}
		want(t, "Restored events", events.count(jwks.Restored), 1)
		time.Sleep(100 * time.Second)
		want(t, "after MaxStale, counted from the issuer's last response", keyVerdict(t, c, "a"), "unavailable")
		i.set(func(i *issuer) { i.down = false })
		want(t, "after the issuer's return", keyVerdict(t, c, "a"), "ok")
		want(t, "Restored", c.Status().Restored, false)
	})
}

// The issuer's first response replaces the keys from the Store.
func TestIssuerReplacesRestoredKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		c, i, _ := restarted(t, store, time.Minute)
		synctest.Wait()
		i.publish(ecKey("b"))
		i.set(func(i *issuer) { i.down = false })
		time.Sleep(10 * time.Second)
		want(t, "If-None-Match", i.last().Get("If-None-Match"), "")
		_, err := c.Lookup("a", "ES256")
		want(t, "key from the store", verdict(err), "unknown")
		_, err = c.Lookup("b", "ES256")
		want(t, "key from the issuer", verdict(err), "ok")
	})
}

func TestStoreRefused(t *testing.T) {
	flip := func(b []byte) []byte { b = append([]byte(nil), b...); b[len(b)/2] ^= 1; return b }
	for _, tt := range []struct {
		name    string
		after   time.Duration
		change  func(*memory)
		options func(*jwks.Options)
		failed  int // StoreFailed events
	}{
		{name: "too old", after: 12 * time.Hour, failed: 1},
		{name: "another StoreKey", options: func(o *jwks.Options) { o.StoreKey = []byte(strings.Repeat("x", 32)) }, failed: 1},
		{name: "changed", change: func(m *memory) { m.data = flip(m.data) }, failed: 1},
		{name: "truncated", change: func(m *memory) { m.data = m.data[:len(m.data)/2] }, failed: 1},
		{name: "empty", change: func(m *memory) { m.data = []byte{} }, failed: 1},
		{name: "a key set", change: func(m *memory) { m.data = []byte(`{"keys":[]}`) }, failed: 1},
		{name: "Load fails", change: func(m *memory) { m.err = errors.New("no") }, failed: 1},
		{name: "nothing stored", change: func(m *memory) { m.data = nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &memory{}
				c, i, events := restarted(t, store, tt.after, func(o *jwks.Options) {
					if tt.change != nil {
						tt.change(store)
					}
					if tt.options != nil {
						tt.options(o)
					}
				})
				want(t, "verdict", keyVerdict(t, c, "a"), "unavailable")
				want(t, "StoreFailed events", events.count(jwks.StoreFailed), tt.failed)
				i.set(func(i *issuer) { i.down = false })
				want(t, "after the issuer's return", keyVerdict(t, c, "a"), "ok")
			})
		})
	}
}

// Without a StoreKey, the event's error describes what is wrong with the stored data.
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
		"good":                          {stored(1, source, now, good), ""},
		"1 min in the future":           {stored(1, source, now.Add(time.Minute), good), ""},
		"more than 1 min in the future": {stored(1, source, now.Add(time.Minute+1), good), "in the future"},
		"1 ns before MaxStale":          {stored(1, source, now.Add(1-12*time.Hour), good), ""},
		"too old":                       {stored(1, source, now.Add(-12*time.Hour), good), "older than Options.MaxStale"},
		"newer format":                  {stored(2, source, now, good), "format version is 2, want 1"},
		"no source":                     {stored(1, "", now, good), "stored for another issuer"},
		"no keys":                       {stored(1, source, now, []byte(`{}`)), `no member "keys"`},
		"no document":                   {stored(1, source, now, nil), "not a JSON object"},
		"not JSON":                      {[]byte("x"), "not stored by this package"},
		"saved is not JSON":             {[]byte(`{"saved":"eA=="}`), "not stored by this package"},
		"empty object":                  {[]byte(`{}`), "not stored by this package"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var events recorder
				c := newCache(t, &issuer{down: true}, func(o *jwks.Options) { o.Store, o.Observe = &memory{data: row.data}, events.add })
				_, err := c.Lookup("a", "ES256")
				want(t, "stored keys are used", err == nil, row.want == "")
				want(t, "StoreFailed events", events.count(jwks.StoreFailed), map[bool]int{false: 1}[row.want == ""])
				for _, e := range events.events {
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
		want(t, "Refresh", verdict(c.Refresh(t.Context())), "ok")
		synctest.Wait()
		want(t, "StoreFailed events without a store", events.count(jwks.StoreFailed), 0)
	})
}

// Keys that were stored for one issuer are not used for another.
func TestStoreOfAnotherIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		_, i, _ := restarted(t, store, 0)
		o := options(i)
		o.Store, o.StoreKey = store, storeKey
		c, err := jwks.New("https://other.test/keys", o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		want(t, "verdict", keyVerdict(t, c, "a"), "unavailable")
	})
}

// The clock was set back after keys were stored. The stored keys are refused, because they
// stay usable for too long.
func TestStoreFromTheFuture(t *testing.T) {
	store := &memory{}
	synctest.Test(t, func(t *testing.T) { restarted(t, store, 0) })
	synctest.Test(t, func(t *testing.T) { // the clock of a new bubble starts in 2000
		time.Sleep(24 * time.Hour)
		restarted(t, store, 0)
	})
	data := store.data
	synctest.Test(t, func(t *testing.T) {
		var events recorder
		i := &issuer{down: true}
		c := newCache(t, i, func(o *jwks.Options) {
			o.Store, o.StoreKey, o.Observe = &memory{data: data}, storeKey, events.add
		})
		want(t, "verdict", keyVerdict(t, c, "a"), "unavailable")
		want(t, "StoreFailed events", events.count(jwks.StoreFailed), 1)
	})
}

// A Store that hangs delays the first fetch by 2 s.
func TestStoreHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		o := options(i)
		o.Store = &memory{hang: true}
		c, err := jwks.New(keySetURL, o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		time.Sleep(2 * time.Second)
		start := time.Now()
		want(t, "verdict", keyVerdict(t, c, "a"), "ok")
		want(t, "wait", time.Since(start), 0)
	})
}

// Each response of the issuer that confirms the set is stored, with its time.
func TestStoreSaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		store := &memory{}
		c := newCache(t, i, func(o *jwks.Options) { o.Store = store })
		for range 5 {
			if err := c.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		want(t, "saves", store.saves, 6)
	})
}

// stubborn is a Store that does not return when its context ends.
type stubborn struct {
	memory
	loading, saving chan struct{} // Load and Save wait until their channel is closed, if it is not nil
}

func (s *stubborn) Load(ctx context.Context) ([]byte, error) {
	if s.loading != nil {
		<-s.loading
	}
	return s.memory.Load(ctx)
}

func (s *stubborn) Save(ctx context.Context, data []byte) error {
	if s.saving != nil {
		<-s.saving
	}
	return s.memory.Save(ctx, data)
}

// A Store that ignores its context does not block lookups and refreshes, and delays Close
// by 2 s at most. Its calls do not overlap.
func TestStoreIgnoresContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		store := &stubborn{loading: make(chan struct{}), saving: make(chan struct{})}
		o := options(i)
		var events recorder
		o.Store, o.Observe = store, events.add
		c, err := jwks.New(keySetURL, o)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		want(t, "key during Load", keyVerdict(t, c, "a"), "ok")
		want(t, "StoreFailed events during Load", events.count(jwks.StoreFailed), 1)
		close(store.loading)
		synctest.Wait()
		i.publish(ecKey("b"))
		want(t, "new key during Save", keyVerdict(t, c, "b"), "ok")
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
		want(t, "saves: the first one, and the newest of the others", store.saves, 2)
	})
}

// Close waits for a Save in flight.
func TestCloseWaitsForSave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		store := &stubborn{saving: make(chan struct{})}
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
		want(t, "saves", store.saves, 1)
	})
}

// A panic in a Store counts as its error.
func TestStorePanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events recorder
		c := newCache(t, newIssuer(ecKey("a")), func(o *jwks.Options) { o.Store, o.Observe = panicking{}, events.add })
		want(t, "keys", keyVerdict(t, c, "a"), "ok")
		synctest.Wait()
		want(t, "StoreFailed events", events.count(jwks.StoreFailed), 2)
	})
}

type panicking struct{}

func (panicking) Load(context.Context) ([]byte, error) { panic("load") }
func (panicking) Save(context.Context, []byte) error   { panic("save") }
