package jwks_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// An unusable response never replaces a good key set. Refresh and Status report the error.
func TestUnusableResponses(t *testing.T) {
	for name, doc := range oddDocuments() {
		t.Run(name, func(t *testing.T) { keepsTheSet(t, func(i *issuer) { i.doc = []byte(doc) }) })
	}
	for _, status := range []int{201, 204, 206, 304, 400, 401, 403, 404, 410, 418, 429, 500, 502, 503} {
		t.Run(fmt.Sprint("status ", status), func(t *testing.T) {
			keepsTheSet(t, func(i *issuer) { i.status, i.doc = status, document(ecKey("b")) })
		})
	}
	for _, coding := range []string{"br", "gzip, gzip", "gzip"} { // the body is not compressed
		t.Run("Content-Encoding "+coding, func(t *testing.T) {
			keepsTheSet(t, func(i *issuer) { i.header = http.Header{"Content-Encoding": {coding}} })
		})
	}
	t.Run("truncated body", func(t *testing.T) {
		keepsTheSet(t, func(i *issuer) {
			i.answer = func(req *http.Request) *http.Response {
				r := response(req, 200, nil, nil)
				r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(document(ecKey("b"))[:10]), failingReader{}))
				return r
			}
		})
	})
}

// failingReader is an io.Reader that always returns an error.
type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// keepsTheSet checks that a changed response of the issuer does not replace the key set in use.
func keepsTheSet(t *testing.T, change func(*issuer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("good"))
		c := newCache(t, i)
		good, _ := c.Lookup("good", "ES256")
		i.update(change)
		if err := c.Refresh(t.Context()); err == nil {
			t.Error("Refresh: got no error, want an error")
		}
		keys, err := c.Lookup("good", "ES256")
		if err != nil || keys[0] != good[0] {
			t.Errorf("good key after the response: got keys %v and error %v, want the same pointer and no error", keys, err)
		}
		want(t, "Status has a LastError", c.Status().LastError != nil, true)
		// If the first response of the issuer is unusable, keys are unavailable.
		fresh := newCache(t, i)
		want(t, "outcome of a lookup if the first response is unusable", keyOutcome(t, fresh, "good"), "unavailable")
	})
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestGzip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.doc, i.header = gzipped(document(ecKey("a"))), http.Header{"Content-Encoding": {"gzip"}}
		want(t, "lookup of a key from a gzip response", keyOutcome(t, newCache(t, i), "a"), "ok")
	})
}

// A key set may have 1,000 keys.
func TestManyKeys(t *testing.T) {
	keys := make([]jwk, 1000)
	for n := range keys {
		keys[n] = ecKey(fmt.Sprint("key-", n))
	}
	set := parse(t, keys...)
	want(t, "keys", len(set.Keys()), 1000)
}

// A real server sends hostile responses. The good key set stays in use, and the heap stays
// small.
func TestHostileBodies(t *testing.T) {
	good := document(ecKey("good"))
	// A gzip file may consist of several members (RFC 1952, section 2.2). The file in bomb
	// consists of 1,025 members. The file has about 1 MiB, and more than 1 GiB after
	// decompression.
	bomb := append(gzipped([]byte(`{"keys":["`)), bytes.Repeat(gzipped(bytes.Repeat([]byte("A"), 1<<20)), 1024)...)
	var mode atomic.Pointer[string]
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		write := func(b []byte) bool { _, err := w.Write(b); return err == nil }
		switch *mode.Load() {
		case "good":
			write(good)
		case "1 GiB body":
			chunk := bytes.Repeat([]byte(" "), 1<<20)
			for n := 0; n < 1024 && write(chunk); n++ {
			}
		case "Content-Length of 1 GiB":
			w.Header().Set("Content-Length", fmt.Sprint(1<<30))
			write(good)
		case "gzip bomb":
			w.Header().Set("Content-Encoding", "gzip")
			write(bomb)
		case "50,001 keys":
			write([]byte(`{"keys":[{}` + strings.Repeat(`,{}`, 50_000) + `]}`))
		case "slow body":
			for write([]byte(" ")) {
				w.(http.Flusher).Flush() //nolint:errcheck // in httptest, w is an http.Flusher
				select {
				case <-r.Context().Done():
					return
				case <-time.After(10 * time.Millisecond):
				}
			}
		case "large header":
			w.Header().Set("ETag", strings.Repeat("x", 1<<20))
			write(good)
		}
	}))
	defer srv.Close()
	set := func(m string) { mode.Store(&m) }
	set("good")
	o := options(nil)
	o.Transport, o.Timeout = nil, 500*time.Millisecond
	c, err := jwks.New(srv.URL, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	debug.SetGCPercent(10)
	defer debug.SetGCPercent(100)
	for _, m := range []string{"1 GiB body", "Content-Length of 1 GiB", "gzip bomb", "50,001 keys", "slow body", "large header"} {
		runtime.GC()
		before, stop := heap(), make(chan struct{})
		peak := make(chan uint64)
		go func() {
			largest := uint64(0)
			for {
				select {
				case <-stop:
					peak <- largest
					return
				case <-time.After(time.Millisecond):
					largest = max(largest, heap())
				}
			}
		}()
		set(m)
		start := time.Now()
		if err := c.Refresh(t.Context()); err == nil {
			t.Errorf("Refresh with %s: got no error, want an error", m)
		}
		took := time.Since(start)
		close(stop)
		grown := int64(<-peak) - int64(before) //nolint:gosec // both values are far below 2^63
		t.Logf("%s: Refresh took %v, and the heap grew by %d KiB", m, took.Round(time.Millisecond), grown>>10)
		if grown > 32<<20 {
			t.Errorf("%s: heap growth: got %d MiB, want at most 32 MiB", m, grown>>20)
		}
		if took > 5*time.Second {
			t.Errorf("%s: duration of Refresh: got %v, want at most 5 s", m, took)
		}
		_, err := c.Lookup("good", "ES256")
		want(t, m+": lookup of the good key", outcome(err), "ok")
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
