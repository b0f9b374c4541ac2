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

// restarted fills a store by a cache that then closes, waits, and returns a cache
// that starts during an outage.
func restarted(t *testing.T, store *memory, after time.Duration, change ...func(*jwks.Options)) (*jwks.Cache, *issuer, *recorder) {
	t.Helper()
	i := newIssuer(ecKey("a"))
	first := newCache(t, i, func(o *jwks.Options) { o.Store, o.StoreKey = store, storeKey })
	want(t, "before the restart", ask(t, first, "a"), "ok")
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
		// The very first request, before the refresher has done anything.
		want(t, "first request", ask(t, c, "a"), "ok")
		for range 3500 {
			want(t, "a request", ask(t, c, "a"), "ok")
			time.Sleep(time.Second)
		}
		want(t, "unknown kid", ask(t, c, "b"), "unavailable")
		if s := c.Status(); !s.Restored || s.Age < 11*time.Hour {
			t.Errorf("status: %+v", s)
		}
		want(t, "told", events.count(jwks.Restored), 1)
		time.Sleep(100 * time.Second)
		want(t, "after MaxStale, counted from the issuer's answer", ask(t, c, "a"), "unavailable")
		i.set(func(i *issuer) { i.down = false })
		want(t, "issuer returns", ask(t, c, "a"), "ok")
		want(t, "Restored", c.Status().Restored, false)
	})
}

// What a store held is gone with the issuer's first answer.
func TestStoreYieldsToIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		c, i, _ := restarted(t, store, time.Minute)
		synctest.Wait()
		i.publish(ecKey("b"))
		i.set(func(i *issuer) { i.down = false })
		time.Sleep(10 * time.Second)
		want(t, "asked unconditionally", i.last().Get("If-None-Match"), "")
		_, err := c.Lookup("a", "ES256")
		want(t, "the store's key", verdict(err), "unknown")
		_, err = c.Lookup("b", "ES256")
		want(t, "the issuer's key", verdict(err), "ok")
	})
}

func TestStoreRefused(t *testing.T) {
	flip := func(b []byte) []byte { b = append([]byte(nil), b...); b[len(b)/2] ^= 1; return b }
	for _, tt := range []struct {
		name    string
		after   time.Duration
		change  func(*memory)
		options func(*jwks.Options)
		failed  int // events
	}{
		{name: "too old", after: 12 * time.Hour, failed: 1},
		{name: "another key", options: func(o *jwks.Options) { o.StoreKey = []byte(strings.Repeat("x", 32)) }, failed: 1},
		{name: "changed", change: func(m *memory) { m.data = flip(m.data) }, failed: 1},
		{name: "cut", change: func(m *memory) { m.data = m.data[:len(m.data)/2] }, failed: 1},
		{name: "empty", change: func(m *memory) { m.data = []byte{} }, failed: 1},
		{name: "something else", change: func(m *memory) { m.data = []byte(`{"keys":[]}`) }, failed: 1},
		{name: "unreadable", change: func(m *memory) { m.err = errors.New("no") }, failed: 1},
		{name: "nothing there", change: func(m *memory) { m.data = nil }},
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
				want(t, "verdict", ask(t, c, "a"), "unavailable")
				want(t, "told", events.count(jwks.StoreFailed), tt.failed)
				i.set(func(i *issuer) { i.down = false })
				want(t, "issuer returns", ask(t, c, "a"), "ok")
			})
		})
	}
}

// TestStoreWithoutKey wants the log to say what is wrong with what is stored, where
// no StoreKey tells that it is somebody else's.
func TestStoreWithoutKey(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where a bubble begins
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
		want string // "": it is used
	}{
		"good":            {stored(1, source, now, good), ""},
		"of a minute":     {stored(1, source, now.Add(time.Minute), good), ""},
		"of a later time": {stored(1, source, now.Add(time.Minute+1), good), "from the future"},
		"of an hour less": {stored(1, source, now.Add(1-12*time.Hour), good), ""},
		"too old":         {stored(1, source, now.Add(-12*time.Hour), good), "older than Options.MaxStale"},
		"newer":           {stored(2, source, now, good), "of version 2, want 1"},
		"of nobody":       {stored(1, "", now, good), "of another issuer"},
		"no keys":         {stored(1, source, now, []byte(`{}`)), `no member "keys"`},
		"no document":     {stored(1, source, now, nil), "not a JSON object"},
		"no JSON":         {[]byte("x"), "not what was stored"},
		"no JSON inside":  {[]byte(`{"saved":"eA=="}`), "not what was stored"},
		"nothing inside":  {[]byte(`{}`), "not what was stored"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var events recorder
				c := newCache(t, &issuer{down: true}, func(o *jwks.Options) { o.Store, o.Observe = &memory{data: row.data}, events.add })
				_, err := c.Lookup("a", "ES256")
				want(t, "used", err == nil, row.want == "")
				want(t, "told", events.count(jwks.StoreFailed), map[bool]int{false: 1}[row.want == ""])
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
		want(t, "refresh", verdict(c.Refresh(t.Context())), "ok")
		synctest.Wait()
		want(t, "told without a store", events.count(jwks.StoreFailed), 0)
	})
}

// A store of one issuer does not serve another, whatever the file is called.
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
		want(t, "verdict", ask(t, c, "a"), "unavailable")
	})
}

// A clock that was set back must not make keys live longer.
func TestStoreFromTheFuture(t *testing.T) {
	store := &memory{}
	synctest.Test(t, func(t *testing.T) { restarted(t, store, 0) })
	synctest.Test(t, func(t *testing.T) { // a bubble begins in 2000 again
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
		want(t, "verdict", ask(t, c, "a"), "unavailable")
		want(t, "told", events.count(jwks.StoreFailed), 1)
	})
}

// A store that hangs costs two seconds at the start and is in nobody's way then.
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
		want(t, "verdict", ask(t, c, "a"), "ok")
		want(t, "waited", time.Since(start), 0)
	})
}

// Every confirmation is stored, so that the age in the store is right.
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

// stubborn is a Store that does not return when it should.
type stubborn struct {
	memory
	loading, saving chan struct{} // closed: go on; nil: do not wait
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

// A Store that breaks its promise to return is in nobody's way: not in that of
// keys, nor of refreshes, nor of Close. Its calls do not overlap even then.
func TestStoreIsStubborn(t *testing.T) {
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
		want(t, "while it loads", ask(t, c, "a"), "ok")
		want(t, "told that it does not load", events.count(jwks.StoreFailed), 1)
		close(store.loading)
		synctest.Wait()
		i.publish(ecKey("b"))
		want(t, "rotation while it saves", ask(t, c, "b"), "ok")
		time.Sleep(10 * time.Minute)
		if n := events.count(jwks.StoreFailed); n < 2 {
			t.Errorf("told that it does not save: got %d events, want 2 at least", n)
		}
		start := time.Now()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		want(t, "Close waited", time.Since(start), 2*time.Second)
		close(store.saving)
		synctest.Wait()
		want(t, "saves: the first, and the last of those that came meanwhile", store.saves, 2)
	})
}

// What has begun to be saved is saved, although the cache is closed.
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
		want(t, "Close waited", time.Since(start), time.Second)
		want(t, "saves", store.saves, 1)
	})
}

// A Store that panics is one that failed.
func TestStorePanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events recorder
		c := newCache(t, newIssuer(ecKey("a")), func(o *jwks.Options) { o.Store, o.Observe = panicking{}, events.add })
		want(t, "keys", ask(t, c, "a"), "ok")
		synctest.Wait()
		want(t, "told", events.count(jwks.StoreFailed), 2)
	})
}

type panicking struct{}

func (panicking) Load(context.Context) ([]byte, error) { panic("load") }
func (panicking) Save(context.Context, []byte) error   { panic("save") }
