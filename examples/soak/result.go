package main

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bearerkit/bearer"
)

// result is what a run came to.
type result struct {
	cfg   config
	began time.Time
	took  time.Duration

	mu        sync.Mutex // guards the counts while clients run
	total     int
	uncertain int // whose verdict could be one of several
	verdicts  map[bearer.Reason]int
	kinds     map[string]int
	wrong     int
	examples  []string // of what was wrong

	issuers       []string
	rotations     int
	outages       []outage
	samples       []sample
	leaks         map[string]int
	searched      int
	remembered    int // parts of tokens
	before, after footprint
}

// maxExamples is how much of what was wrong is shown.
const maxExamples = 10

// count counts one request.
func (r *result) count(s shot, reason bearer.Reason, uncertain bool, wrong string) {
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

// footprint is what the process holds.
type footprint struct {
	goroutines int
	heap       uint64 // bytes, after a collection
}

func measure() footprint {
	runtime.GC()
	runtime.GC() // the first one leaves what has a finalizer, and the pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return footprint{runtime.NumGoroutine(), m.HeapAlloc}
}

// maxGrowth is what the process may hold more than before: what the libraries keep
// once they were used, and the figures themselves.
const maxGrowth = 8 << 20

func (f footprint) back(to footprint) bool {
	return f.goroutines <= to.goroutines && f.heap <= to.heap+maxGrowth
}

// settle waits until the process is back to where it was, for limit at most:
// connections take a moment to end.
func settle(to footprint, limit time.Duration) footprint {
	deadline := time.Now().Add(limit)
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		if now := measure(); now.back(to) || time.Now().After(deadline) {
			return now
		}
		<-ticker.C
	}
}

// Err returns all that is not as it must be.
func (r *result) Err() error {
	var errs []error
	if r.wrong > 0 {
		errs = append(errs, fmt.Errorf("%d wrong verdicts: %s", r.wrong, strings.Join(r.examples, "; ")))
	}
	if r.after.goroutines > r.before.goroutines {
		errs = append(errs, fmt.Errorf("%d goroutines are left of the run", r.after.goroutines-r.before.goroutines))
	}
	if r.after.heap > r.before.heap+maxGrowth {
		errs = append(errs, fmt.Errorf("the heap grew by %s, and may by %s", mebibytes(r.after.heap-r.before.heap), mebibytes(maxGrowth)))
	}
	for _, where := range slices.Sorted(maps.Keys(r.leaks)) {
		errs = append(errs, fmt.Errorf("%d times a part of a token in %s", r.leaks[where], where))
	}
	if r.total == 0 || r.verdicts[""] == 0 {
		errs = append(errs, errors.New("no request was let through, so that nothing was tried"))
	}
	return errors.Join(errs...)
}

// String returns the figures.
func (r *result) String() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-14s"+format+"\n", append([]any{name}, args...)...)
	}
	last := sample{}
	if len(r.samples) > 0 {
		last = r.samples[len(r.samples)-1]
	}
	line("requests", "%d in %v, %.0f per second, over HTTP and gRPC", r.total, r.took.Round(time.Second/10), float64(r.total)/r.took.Seconds())
	line("verdicts", "%d let through, %d refused", r.verdicts[""], r.total-r.verdicts[""])
	for _, reason := range slices.Sorted(maps.Keys(r.verdicts)) {
		if reason != "" {
			line("", "%7d %s", r.verdicts[reason], reason)
		}
	}
	line("wrong", "%d (of %d the verdict could be one of several, while keys changed)", r.wrong, r.uncertain)
	for _, example := range r.examples {
		line("", "%s", example)
	}
	line("issuers", "%d rotations, %d outages", r.rotations, len(r.outages))
	line("verdict time", "%v half and %v 99 of 100 of known tokens, %v and %v of others", last.hit.half, last.hit.most, last.miss.half, last.miss.most)
	line("token cache", "%.1f of 100 found", 100*last.hitRatio)
	line("goroutines", "%d before, %d at most, %d after", r.before.goroutines, r.most(func(s sample) int { return s.goroutines }), r.after.goroutines)
	line("heap", "%s before, %s at most, %s after", mebibytes(r.before.heap),
		mebibytes(uint64(r.most(func(s sample) int { return int(s.heap) }))), mebibytes(r.after.heap)) //nolint:gosec // less than an exbibyte
	line("token text", "%d times in %s of logs, answers and metrics, of %d parts of tokens", total(r.leaks), mebibytes(uint64(r.searched)), r.remembered) //nolint:gosec // not negative
	return b.String()
}

func (r *result) most(of func(sample) int) int {
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

func mebibytes(n uint64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
