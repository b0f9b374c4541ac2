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
	// heapLimit is where a body is cut off: what takes more heap than that has been
	// seen to take it all.
	heapLimit = 512 * mib
	// bodyLimit is how long a body may take.
	bodyLimit = 10 * time.Second
)

// body is an answer of the issuer that is meant to do harm. It is sent for as long
// as more says so; good is the key set that the issuer would send otherwise.
type body struct {
	name   string
	header http.Header
	send   func(ctx context.Context, w http.ResponseWriter, good []byte, more func() bool)
}

// write sends chunk n times.
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
	var packed bytes.Buffer // members of a gzip file follow each other
	zip := gzip.NewWriter(&packed)
	_, _ = zip.Write(blank) // a Buffer takes everything
	_ = zip.Close()
	member := packed.Bytes()
	return []body{
		{"1 GiB body", nil, func(_ context.Context, w http.ResponseWriter, _ []byte, more func() bool) {
			write(w, []byte(`{"keys":["`), 1, more)
			write(w, bytes.Repeat([]byte("A"), mib), 1024, more)
		}},
		{"gzip bomb", http.Header{"Content-Encoding": {"gzip"}}, func(ctx context.Context, w http.ResponseWriter, _ []byte, more func() bool) {
			for range 64 { // 1 GiB in 64 pieces, each of 16 KiB as it is sent
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

// manyKeys returns what makes a key set one of n keys more, each with an id of its
// own.
func manyKeys(n int) []byte {
	jwk := string(bearertest.NewKey("ES256", "many").JWK())
	before, after, _ := strings.Cut(jwk, "many")
	var set strings.Builder
	for k := range n {
		_, _ = fmt.Fprintf(&set, ",%smany-%d%s", before, k, after) // a Builder takes everything
	}
	set.WriteString(`]}`)
	return []byte(set.String())
}

// Bodies is four answers that are meant to do harm, one after the other, each to a
// verifier that has good keys and is made to fetch by a token with an unknown key
// id. It measures the heap, so that nothing else may go on in the process.
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
		r.Lost = append(r.Lost, one.Lost...)
		r.Slowest = max(r.Slowest, one.Slowest)
		r.SlowestForged = max(r.SlowestForged, one.SlowestForged)
		r.PeakHeap, r.CutOff = max(r.PeakHeap, one.PeakHeap), r.CutOff || one.CutOff
		story = append(story, fmt.Sprintf("%s +%s in %v", b.name, heapText(one), Short(one.After)))
	}
	r.Story = strings.Join(story, ", ")
	return r, ctx.Err()
}

// heapText says what a body took.
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
	select { // who waits for the answer may have given up before it ended
	case <-sent:
	case <-ctx.Done():
	case <-time.After(bodyLimit):
	}
	t.verify(ctx, v, good)
	// What was read is still to be understood.
	pause(ctx, 200*time.Millisecond)
	r = result(&t, i)
	r.After = time.Since(start) - 200*time.Millisecond
	r.PeakHeap, r.CutOff = watch.end()
	r.SlowestForged = bad.slowest
	if t.verify(ctx, v, good) != Accepted {
		r.Lost = []string{b.name}
	}
	return r, nil
}

// watch sees how large the heap becomes.
type watch struct {
	before  uint64
	peak    atomic.Uint64
	began   time.Time
	stop    chan struct{}
	stopped sync.WaitGroup
}

// heapSize returns the bytes of live objects and of those not yet collected. It
// does not stop the world.
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

// grown returns by how much the heap has grown at most.
func (w *watch) grown() int64 { return int64(max(w.peak.Load(), w.before) - w.before) } //nolint:gosec // far below 2^63

// over reports whether enough was seen.
func (w *watch) over() bool { return w.grown() > heapLimit || time.Since(w.began) > bodyLimit }

func (w *watch) end() (grown int64, cutOff bool) {
	close(w.stop)
	w.stopped.Wait()
	return w.grown(), w.grown() > heapLimit
}
