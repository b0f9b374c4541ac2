package limits_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// answer returns a transport that answers with one key after the delay.
func answer(delay time.Duration) roundTripper {
	document := []byte(`{"keys":[` + edKey(`,"kid":"a"`) + "]}")
	return func(r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(delay):
			return respond(r, http.StatusOK, nil, document), nil
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

// newCache returns a cache that the test closes at its end. The URL is keySetURL or the argument.
func newCache(t *testing.T, opts *jwks.Options, url ...string) *jwks.Cache {
	t.Helper()
	c, err := jwks.New(append(url, keySetURL)[0], opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// inTime returns the error of a refresh that takes almost n ns.
func inTime(t *testing.T, n int) error {
	t.Helper()
	c := newCache(t, options(answer(time.Duration(n)-time.Millisecond)))
	defer func() { _ = c.Close() }()
	return c.Refresh(t.Context())
}

// waited looks up a key that a fetch brings after almost n ns.
func waited(t *testing.T, n int) error {
	t.Helper()
	c := newCache(t, options(answer(time.Duration(n)-time.Millisecond)))
	defer func() { _ = c.Close() }()
	_, err := c.Key(t.Context(), "a", "EdDSA")
	return err
}

// stale looks up a key almost n ns after the last answer of the issuer.
func stale(t *testing.T, n int) error {
	t.Helper()
	var isDown atomic.Bool
	good := answer(0)
	c := newCache(t, options(func(r *http.Request) (*http.Response, error) {
		if isDown.Load() {
			return down(r)
		}
		return good(r)
	}))
	defer func() { _ = c.Close() }()
	synctest.Wait()
	isDown.Store(true)
	time.Sleep(time.Duration(n) - time.Millisecond)
	_, err := c.Lookup("a", "EdDSA")
	return err
}

// cooled looks up three unknown keys. The third time is n ns after the others.
func cooled(t *testing.T, n int) error {
	t.Helper()
	var requests atomic.Int32
	good := answer(0)
	c := newCache(t, options(func(r *http.Request) (*http.Response, error) { requests.Add(1); return good(r) }))
	defer func() { _ = c.Close() }()
	synctest.Wait()
	for kid, pause := range []time.Duration{0, 0, time.Duration(n)} {
		time.Sleep(pause)
		_, err := c.Key(t.Context(), fmt.Sprint("x", kid), "EdDSA")
		if e, ok := errors.AsType[*jwks.UnavailableError](err); !errors.Is(err, jwks.ErrUnknownKey) && (kid < 2 || !ok || !e.NotAsked) {
			t.Fatalf("got error %v, want %v, or NotAsked for the third key", err, jwks.ErrUnknownKey)
		}
	}
	if requests.Load() != 1+3 {
		return errors.New("no third fetch")
	}
	return nil
}

// watched is a body that reports whether its end was read.
type watched struct {
	io.ReadCloser
	ended *atomic.Bool
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		w.ended.Store(true)
	}
	return n, err
}

// readEarly fetches a document of n-1 bytes while other documents use all bytes of the Limits. It
// returns an error if the document was not read.
func readEarly(t *testing.T, n int) error {
	t.Helper()
	limits, ended := &jwks.Limits{MaxBytesPerSecond: 64 << 10}, &atomic.Bool{}
	fetch := func(size int, limit time.Duration) error {
		opts := options(func(r *http.Request) (*http.Response, error) {
			resp := respond(r, http.StatusOK, nil, padded(`{"keys":[`+edKey("")+"]}", size))
			resp.Body = &watched{resp.Body, ended}
			return resp, nil
		})
		opts.Limits = limits
		c, err := jwks.New(keySetURL, opts)
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		return c.Refresh(ctx)
	}
	_ = fetch(1<<20, time.Minute) // uses or reserves all bytes
	ended.Store(false)
	_ = fetch(n-1, time.Second) // two requests, which wait for the bytes, before or after the document was read
	if !ended.Load() {
		return errors.New("not read")
	}
	return nil
}

// memoryStore is a Store in memory.
type memoryStore struct{ data []byte }

func (s *memoryStore) Load(context.Context) ([]byte, error) { return s.data, nil }

func (s *memoryStore) Save(_ context.Context, data []byte) error {
	s.data = data
	return nil
}

// fromFuture restores keys that were stored n ns in the future.
func fromFuture(t *testing.T, n int) error {
	t.Helper()
	store := &memoryStore{}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Duration(n))
		opts := options(answer(0))
		opts.Store = store
		c := newCache(t, opts)
		synctest.Wait()
		_ = c.Close()
	})
	var err error
	synctest.Test(t, func(t *testing.T) { // the clock of a new bubble starts again
		opts := options(down)
		opts.Store = store
		c := newCache(t, opts)
		synctest.Wait()
		_, err = c.Lookup("a", "EdDSA")
		_ = c.Close()
	})
	return err
}

func timeEdges() []edge {
	return []edge{
		{constant: "jwks.defaultTimeout", beyond: "deadline exceeded", step: int(time.Second), try: inTime, bubble: true},
		{constant: "jwks.maxWait", beyond: "has not answered", step: int(time.Second), try: waited, bubble: true},
		{constant: "jwks.defaultMaxStale", beyond: "keys unavailable", step: int(time.Second), try: stale, bubble: true},
		{constant: "jwks.defaultCoolDown", beyond: "no third fetch", step: -int(time.Millisecond), try: cooled, bubble: true},
		{constant: "jwks.freeCost", beyond: "not read", step: 1 << 19, try: readEarly, bubble: true},
		{constant: "jwks.open.skew", beyond: "unavailable", step: int(time.Second), try: fromFuture},
	}
}

// TestHandshake connects to a server that does not answer the TLS handshake.
func TestHandshake(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	opts := options(nil)
	opts.Transport, opts.Timeout = nil, time.Minute
	newCache(t, opts, "https://"+listener.Addr().String())
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, _ = io.Copy(io.Discard, conn) // until the cache closes the connection
	if took := time.Since(start); took < 2*time.Second || took > 30*time.Second {
		t.Errorf("got the end of the connection after %v, want 3 s", took)
	}
}
