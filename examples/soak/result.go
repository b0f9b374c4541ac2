package main

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearer"
)

// result is the outcome of a run.
type result struct {
	cfg   config
	began time.Time
	took  time.Duration
	// measured is the date, the Go version and the machine, as a sentence.
	measured string

	mu        sync.Mutex // guards the counts while clients run
	total     int
	skipped   atomic.Int64 // requests that were not sent, because too many requests were in flight
	uncertain int          // requests for which several verdicts are correct
	verdicts  map[bearer.Reason]int
	kinds     map[string]int
	wrong     int
	examples  []string // descriptions of wrong verdicts

	issuers       []string
	rotations     []rotation
	outages       []outage
	samples       []sample
	leaks         map[string]int
	searched      int
	tokenParts    int // number of different token parts in the search
	before, after footprint
}

// maxExamples limits the number of wrong verdicts in the output.
const maxExamples = 10

// count adds one request. The argument wrong describes a wrong verdict. It is empty if the
// verdict is correct.
func (r *result) count(s request, reason bearer.Reason, uncertain bool, wrong string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.verdicts == nil {
		r.verdicts, r.kinds = make(map[bearer.Reason]int), make(map[string]int)
	}
	r.total++
	r.verdicts[reason]++
	r.kinds[s.kind]++
	if uncertain {
		r.uncertain++
	}
	if wrong == "" {
		return
	}
	if r.wrong++; len(r.examples) < maxExamples {
		r.examples = append(r.examples, s.kind+": "+wrong)
	}
}

// footprint is the number of goroutines and the heap size of the process.
type footprint struct {
	goroutines int
	heap       uint64 // bytes, after a garbage collection
}

func measure() footprint {
	runtime.GC()
	runtime.GC() // twice, because the first collection leaves pools and objects with finalizers
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return footprint{runtime.NumGoroutine(), m.HeapAlloc}
}

// maxGrowth is the number of bytes by which the heap may grow. Libraries keep memory after
// their first use, and the result keeps the figures of the run.
const maxGrowth = 8 << 20

// isBack reports whether f is about as small as the earlier footprint. The number of
// goroutines must not be larger, and the heap may be at most maxGrowth bytes larger.
func (f footprint) isBack(earlier footprint) bool {
	return f.goroutines <= earlier.goroutines && f.heap <= earlier.heap+maxGrowth
}

// settle measures the process until isBack returns true for the earlier footprint, or until
// the duration limit has passed. It returns the last footprint. The wait is necessary because
// connections take some time to close.
func settle(earlier footprint, limit time.Duration) footprint {
	deadline := time.Now().Add(limit)
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		if now := measure(); now.isBack(earlier) || time.Now().After(deadline) {
			return now
		}
		<-ticker.C
	}
}

// Err returns all faults that the run found, or nil.
func (r *result) Err() error {
	var errs []error
	if r.wrong > 0 {
		errs = append(errs, fmt.Errorf("%d wrong verdicts: %s", r.wrong, strings.Join(r.examples, "; ")))
	}
	if r.after.goroutines > r.before.goroutines {
		errs = append(errs, fmt.Errorf("%d goroutines are left after the run", r.after.goroutines-r.before.goroutines))
	}
	if r.after.heap > r.before.heap+maxGrowth {
		errs = append(errs, fmt.Errorf("the heap grew by %s, want at most %s", mebibytes(r.after.heap-r.before.heap), mebibytes(maxGrowth)))
	}
	for _, where := range slices.Sorted(maps.Keys(r.leaks)) {
		errs = append(errs, fmt.Errorf("got a part of a token in %[2]s, %[1]d times", r.leaks[where], where))
	}
	if r.total == 0 || r.verdicts[""] == 0 {
		errs = append(errs, errors.New("the guards allowed no request, so the run has tested nothing"))
	}
	return errors.Join(errs...)
}

// String returns the figures of the run.
func (r *result) String() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-14s"+format+"\n", append([]any{name}, args...)...)
	}
	last := sample{}
	if len(r.samples) > 0 {
		last = r.samples[len(r.samples)-1]
	}
	line("requests", "%s in %s, %s per second, over HTTP and gRPC", thousands(r.total), duration(r.took.Seconds()), thousands(int(float64(r.total)/r.took.Seconds())))
	if n := r.skipped.Load(); n > 0 {
		line("", "%s not sent, because %s requests of a transport were in flight", thousands(int(n)), thousands(r.cfg.maxInFlight()))
	}
	line("verdicts", "%s allowed, %s refused", thousands(r.verdicts[""]), thousands(r.total-r.verdicts[""]))
	for _, reason := range slices.Sorted(maps.Keys(r.verdicts)) {
		if reason != "" {
			line("", "%9s %s", thousands(r.verdicts[reason]), reason)
		}
	}
	line("wrong", "%s (%s requests had several correct verdicts, because keys changed, an issuer failed or a token expired during the request)", thousands(r.wrong), thousands(r.uncertain))
	for _, example := range r.examples {
		line("", "%s", example)
	}
	line("issuers", "%d rotations, %d outages", len(r.rotations), len(r.outages))
	line("verdict time", "cached tokens: p50 %v, p99 %v; other tokens: p50 %v, p99 %v", last.hit.p50, last.hit.p99, last.miss.p50, last.miss.p99)
	line("token cache", "%.1f %% hits", 100*last.hitRatio)
	line("goroutines", "%d before, %d at the peak, %d after", r.before.goroutines, r.peak(func(s sample) int { return s.goroutines }), r.after.goroutines)
	line("heap", "%s before, %s at the peak, %s after", mebibytes(r.before.heap),
		mebibytes(uint64(r.peak(func(s sample) int { return int(s.heap) }))), mebibytes(r.after.heap)) //nolint:gosec // less than an exbibyte
	line("token text", "found %s times in %s of logs, responses and metrics; searched for %s parts of tokens",
		thousands(total(r.leaks)), mebibytes(uint64(r.searched)), thousands(r.tokenParts)) //nolint:gosec // not negative
	return b.String()
}

func (r *result) peak(of func(sample) int) int {
	most := 0
	for _, s := range r.samples {
		most = max(most, of(s))
	}
	return most
}

func total(counts map[string]int) int {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}

// thousands formats n with a comma between groups of three digits. The number n must not be
// negative.
func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

func mebibytes(n uint64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
