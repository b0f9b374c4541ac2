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
	// heapLimit is the growth of the heap at which the issuer stops sending a body. It
	// protects the machine from a subject that reads bodies without a limit.
	heapLimit = 512 * mib
	// bodyLimit is the longest time that a body may take.
	bodyLimit = 10 * time.Second
)

// body is a hostile response of the issuer. send stops when more returns false. good is the
// issuer's valid key set.
type body struct {
	name   string
	header http.Header
	send   func(ctx context.Context, w http.ResponseWriter, good []byte, more func() bool)
}

// write sends chunk n times, while more returns true.
func write(w http.ResponseWriter, chunk []byte, n int, more func() bool) {
	for ; n > 0 && more(); n-- {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func bodies() []body {
	keys := manyKeys(50_000)
	blank := bytes.Repeat([]byte(" "), mib)
	var packed bytes.Buffer // one member of a gzip file; the issuer sends it many times
	zip := gzip.NewWriter(&packed)
	_, _ = zip.Write(blank) // writes to a Buffer do not fail
	_ = zip.Close()
	member := packed.Bytes()
	return []body{
		{"1 GiB body", nil, func(_ context.Context, w http.ResponseWriter, _ []byte, more func() bool) {
			write(w, []byte(`{"keys":["`), 1, more)
			write(w, bytes.Repeat([]byte("A"), mib), 1024, more)
		}},
		{"gzip bomb", http.Header{"Content-Encoding": {"gzip"}}, func(ctx context.Context, w http.ResponseWriter, _ []byte, more func() bool) {
			for range 64 { // 1 GiB in 64 pieces, each of about 16 KiB when compressed
				write(w, member, 16, more)
				w.(http.Flusher).Flush() //nolint:errcheck // a server's ResponseWriter is one
				pause(ctx, time.Millisecond)
			}
		}},
		{"50,001 keys", nil, func(_ context.Context, w http.ResponseWriter, good []byte, more func() bool) {
			write(w, bytes.TrimSuffix(bytes.TrimSpace(good), []byte("]}")), 1, more)
			write(w, keys, 1, more)
		}},
		{"drip", nil, func(ctx context.Context, w http.ResponseWriter, _ []byte, more func() bool) {
			for more() {
				write(w, blank[:1], 1, more)
				w.(http.Flusher).Flush() //nolint:errcheck // a server's ResponseWriter is one
				pause(ctx, 100*time.Millisecond)
			}
		}},
	}
}

// manyKeys returns the end of a key set: n more keys, each with its own id.
func manyKeys(n int) []byte {
	jwk := string(bearertest.NewKey("ES256", "many").JWK())
	before, after, _ := strings.Cut(jwk, "many")
	var set strings.Builder
	for k := range n {
		_, _ = fmt.Fprintf(&set, ",%smany-%d%s", before, k, after) // writes to a Builder do not fail
	}
	set.WriteString(`]}`)
	return []byte(set.String())
}

// Bodies is an incident: the issuer sends four hostile bodies, one after the other. A verifier
// that has valid keys receives each body, because a token with an unknown key id causes a
// fetch. Bodies measures the heap: nothing else may run in the process.
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
		story = append(story, fmt.Sprintf("%s +%s in %v", b.name, heapText(one), Short(one.After)))
	}
	r.Story = strings.Join(story, ", ")
	return r, ctx.Err()
}

// heapText returns the growth of the heap, for the Story.
func heapText(r Result) string {
	if r.CutOff {
		return fmt.Sprintf("> %d MiB (cut off)", heapLimit/mib)
	}
	return fmt.Sprintf("%.1f MiB", float64(r.PeakHeap)/mib)
}

func hostileBody(ctx context.Context, s Subject, b body) (r Result, err error) {
	i := newIssuer()
	defer i.Close()
	v, err := open(ctx, s, i.setup(), i)
	if err != nil {
		return r, err
	}
	defer func() { err = closing(v, err) }()
	good, forged, set := i.Token(nil), i.forger().token(0), i.JWKS()
	var watch watch
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
	select { // the verifier may close the connection before the body ends
	case <-sent:
	case <-ctx.Done():
	case <-time.After(bodyLimit):
	}
	t.verify(ctx, v, good)
	// Parsing may still be in progress.
	pause(ctx, 200*time.Millisecond)
	r = result(&t, i)
	r.After = time.Since(start) - 200*time.Millisecond
	r.PeakHeap, r.CutOff = watch.end()
	r.SlowestForged = bad.slowest
	if t.verify(ctx, v, good) != Accepted {
		r.LostKeys = []string{b.name}
	}
	return r, nil
}

// watch measures the growth of the heap.
type watch struct {
	before  uint64
	peak    atomic.Uint64
	began   time.Time
	stop    chan struct{}
	stopped sync.WaitGroup
}

// heapSize returns the size of the heap in bytes: live objects and garbage. It does not
// stop the world.
func heapSize() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func (w *watch) begin() {
	runtime.GC()
	w.before, w.began, w.stop = heapSize(), time.Now(), make(chan struct{})
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
func (w *watch) grown() int64 { return int64(max(w.peak.Load(), w.before) - w.before) } //nolint:gosec // far below 2^63

// over reports whether a limit was reached.
func (w *watch) over() bool { return w.grown() > heapLimit || time.Since(w.began) > bodyLimit }

func (w *watch) end() (grown int64, cutOff bool) {
	close(w.stop)
	w.stopped.Wait()
	return w.grown(), w.grown() > heapLimit
}
