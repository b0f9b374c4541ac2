package incident

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearer/bearertest"
)

const (
	mib = 1 << 20
	// heapLimit is a growth of the heap in bytes. When the heap has grown by heapLimit, the
	// issuer stops sending the body. This protects the machine if a subject reads bodies
	// without a limit.
	heapLimit = 512 * mib
	// bodyLimit is the longest time for which the issuer sends a body.
	bodyLimit = 10 * time.Second
)

// A body is a hostile response of the issuer. The function send writes the response body. It
// stops when more returns false. The parameter good is the valid key set of the issuer.
type body struct {
	name   string
	header http.Header
	send   func(ctx context.Context, w http.ResponseWriter, good []byte, more func() bool)
}

// writeChunks writes chunk n times. It stops when more returns false.
func writeChunks(w http.ResponseWriter, chunk []byte, n int, more func() bool) {
	for ; n > 0 && more(); n-- {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func bodies() []body {
	keys := manyKeys(50_000)
	blank := bytes.Repeat([]byte(" "), mib)
	var packed bytes.Buffer // 1 MiB in compressed form; a gzip file can contain this text many times
	zip := gzip.NewWriter(&packed)
	_, _ = zip.Write(blank) // a bytes.Buffer returns no error
	_ = zip.Close()
	member := packed.Bytes()
	return []body{
		{"1 GiB body", nil, func(_ context.Context, w http.ResponseWriter, _ []byte, more func() bool) {
			writeChunks(w, []byte(`{"keys":["`), 1, more)
			writeChunks(w, bytes.Repeat([]byte("A"), mib), 1024, more)
		}},
		{"gzip bomb", http.Header{"Content-Encoding": {"gzip"}}, func(ctx context.Context, w http.ResponseWriter, _ []byte, more func() bool) {
			for range 64 { // 1 GiB in 64 pieces; a compressed piece has about 16 KiB
				writeChunks(w, member, 16, more)
				w.(http.Flusher).Flush() //nolint:errcheck // the ResponseWriter of a server is a Flusher
				wait(ctx, time.Millisecond)
			}
		}},
		{"50,001 keys", nil, func(_ context.Context, w http.ResponseWriter, good []byte, more func() bool) {
			writeChunks(w, bytes.TrimSuffix(bytes.TrimSpace(good), []byte("]}")), 1, more)
			writeChunks(w, keys, 1, more)
		}},
		{"slow body", nil, func(ctx context.Context, w http.ResponseWriter, _ []byte, more func() bool) {
			for more() {
				writeChunks(w, blank[:1], 1, more)
				w.(http.Flusher).Flush() //nolint:errcheck // the ResponseWriter of a server is a Flusher
				wait(ctx, 100*time.Millisecond)
			}
		}},
	}
}

// manyKeys returns the end of a key set. It contains n keys with different key ids.
func manyKeys(n int) []byte {
	jwk := string(bearertest.NewKey("ES256", "many").JWK())
	head, tail, _ := strings.Cut(jwk, "many")
	var set strings.Builder
	for k := range n {
		_, _ = fmt.Fprintf(&set, ",%smany-%d%s", head, k, tail) // a strings.Builder returns no error
	}
	set.WriteString(`]}`)
	return []byte(set.String())
}

// Bodies is an incident in which the issuer sends four hostile bodies, one after the other. A
// verifier that has valid keys receives each body, because a token with an unknown key id
// causes a fetch. Bodies measures the heap, so nothing else may run in the process.
func Bodies(ctx context.Context, s Subject) (r Result, err error) {
	var story []string
	for _, b := range bodies() {
		one, err := hostileBody(ctx, s, b)
		if err != nil {
			return r, fmt.Errorf("%s: %w", b.name, err)
		}
		r.Tried++
		r.Requests += one.Requests
		r.Refused += one.Refused
		r.Unavailable += one.Unavailable
		r.Fetches += one.Fetches
		r.LostKeys = append(r.LostKeys, one.LostKeys...)
		r.Slowest = max(r.Slowest, one.Slowest)
		r.SlowestForged = max(r.SlowestForged, one.SlowestForged)
		r.PeakHeap, r.CutOff = max(r.PeakHeap, one.PeakHeap), r.CutOff || one.CutOff
		story = append(story, fmt.Sprintf("%s: %s in %v", b.name, heapText(one), Short(one.After)))
	}
	r.Story = strings.Join(story, "; ")
	return r, ctx.Err()
}

// heapText returns the growth of the heap as text for the Story.
func heapText(r Result) string {
	if r.CutOff {
		return fmt.Sprintf("more than +%d MiB (cut off)", heapLimit/mib)
	}
	return fmt.Sprintf("+%.1f MiB", float64(r.PeakHeap)/mib)
}

func hostileBody(ctx context.Context, s Subject, b body) (r Result, err error) {
	i := newIssuer()
	defer i.Close()
	v, err := openVerifier(ctx, s, i.setup(), i)
	if err != nil {
		return r, err
	}
	defer func() { err = closeVerifier(v, err) }()
	good, forged, set := i.Token(nil), i.forger().token(0), i.JWKS()
	var watch heapWatch
	sent := make(chan struct{})
	var once sync.Once
	i.Inject(bearertest.KeysEndpoint, bearertest.Fault{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		for name, values := range b.header {
			w.Header()[name] = values
		}
		b.send(req.Context(), w, set, func() bool { return req.Context().Err() == nil && !watch.over() })
		once.Do(func() { close(sent) })
	})})
	watch.begin()
	start := time.Now()
	var t, bad tally
	bad.verify(ctx, v, forged)
	select { // wait for the issuer, because the verifier can return before the body ends
	case <-sent:
	case <-ctx.Done():
	case <-time.After(bodyLimit):
	}
	t.verify(ctx, v, good)
	// After the last byte, a subject can need more time to parse the body. Wait, so that the
	// watch also measures the heap of this time.
	wait(ctx, 200*time.Millisecond)
	r = newResult(&t, i)
	r.After = time.Since(start) - 200*time.Millisecond
	r.PeakHeap, r.CutOff = watch.end()
	r.SlowestForged = bad.slowest
	if t.verify(ctx, v, good) != Accepted {
		r.LostKeys = []string{b.name}
	}
	return r, nil
}

// A heapWatch measures the growth of the heap.
type heapWatch struct {
	initial uint64
	peak    atomic.Uint64
	began   time.Time
	stop    chan struct{}
	stopped sync.WaitGroup
}

// heapSize returns the size of live objects and garbage on the heap, in bytes. It does not stop
// other goroutines.
func heapSize() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func (w *heapWatch) begin() {
	runtime.GC()
	w.initial, w.began, w.stop = heapSize(), time.Now(), make(chan struct{})
	w.stopped.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-w.stop:
				return
			case <-tick.C:
				if now := heapSize(); now > w.peak.Load() {
					w.peak.Store(now)
				}
			}
		}
	})
}

// grown returns the largest growth of the heap so far, in bytes.
func (w *heapWatch) grown() int64 { return int64(max(w.peak.Load(), w.initial) - w.initial) } //nolint:gosec // the growth is far below 2^63

// over reports whether the growth is above heapLimit, or the duration is above bodyLimit.
func (w *heapWatch) over() bool { return w.grown() > heapLimit || time.Since(w.began) > bodyLimit }

func (w *heapWatch) end() (grown int64, cutOff bool) {
	close(w.stop)
	w.stopped.Wait()
	return w.grown(), w.grown() > heapLimit
}
