package metrics_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/metrics"
)

// events contains one event for each code path of Observe.
var events = []struct {
	name  string
	event bearer.Event
}{
	{"token in cache", bearer.Event{Transport: "http", Route: "GET /deployments/{id}", Issuer: "https://acme.scalekit.dev", CacheHit: true, Duration: 1100 * time.Nanosecond}},
	{"token not in cache", bearer.Event{Transport: "grpc", Route: "/deploy.v1.Deployments/Create", Issuer: "https://acme.scalekit.dev", Duration: 61 * time.Microsecond}},
	{"token refused", bearer.Event{Transport: "http", Route: "GET /deployments/{id}", Reason: bearer.Malformed, Err: &bearer.Error{Reason: bearer.Malformed}, Duration: time.Microsecond}},
	{"no token", bearer.Event{Transport: "http", Route: "GET /deployments/{id}", Reason: bearer.NoToken, Duration: 300 * time.Nanosecond}},
	{"reason internal", bearer.Event{Transport: "http", Route: "GET /deployments/{id}", Reason: bearer.Internal, Duration: 3 * time.Millisecond}},
	{"allowed by report-only rule", bearer.Event{Transport: "http", Route: "GET /deployments/{id}", Issuer: "https://acme.scalekit.dev", Err: &bearer.Error{Reason: bearer.MissingScope}}},
}

// TestObserveAllocations checks that Observe allocates only for the first event of a route.
func TestObserveAllocations(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector allocates")
	}
	c, _ := newCollector(t, nil)
	ctx := context.Background()
	for _, e := range events {
		if n := testing.AllocsPerRun(1000, func() { c.Observe(ctx, e.event) }); n != 0 {
			t.Errorf("%s: got %v allocations, want 0", e.name, n)
		}
	}
}

// BenchmarkObserve measures the time of Observe for one request. The last benchmark,
// histogram_alone, measures only the Prometheus histogram, for comparison on the same machine.
// The other benchmarks take about 1.5 times as long as the last benchmark.
func BenchmarkObserve(b *testing.B) {
	c, err := metrics.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	for i := range 200 { // a service with 200 routes
		c.Declare("http", fmt.Sprintf("GET /route/%d/{id}", i))
		c.Observe(context.Background(), bearer.Event{Transport: "http", Issuer: "https://acme.scalekit.dev", Route: fmt.Sprintf("GET /route/%d/{id}", i)})
	}
	for _, e := range events {
		b.Run(strings.ReplaceAll(e.name, " ", "_"), func(b *testing.B) {
			ctx := context.Background()
			b.ReportAllocs()
			for b.Loop() {
				c.Observe(ctx, e.event)
			}
		})
	}
	b.Run("histogram_alone", func(b *testing.B) {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "x", Buckets: prometheus.DefBuckets, NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160,
		})
		b.ReportAllocs()
		for b.Loop() {
			h.Observe(61e-6)
		}
	})
}

// TestBounds checks the limits on the numbers of transports, issuers and routes. A guard of a
// different module may set any values, for example paths as routes.
func TestBounds(t *testing.T) {
	c, registry := newCollector(t, &metrics.Options{MaxRoutes: 5})
	for i := range 1000 {
		c.Observe(context.Background(), bearer.Event{
			Transport: fmt.Sprint("transport", i%20), Route: fmt.Sprint("/path/", i), Issuer: fmt.Sprint("https://issuer.example/", i%200),
			Reason: bearer.Expired,
		})
	}
	c.Observe(context.Background(), bearer.Event{Route: "not \xff UTF-8 " + strings.Repeat("x", 1000)})
	text := exposed(t, registry)
	for label, most := range map[string]int{"route": 6, "transport": 9, "issuer": 102} {
		values := map[string]bool{}
		for line := range strings.Lines(text) {
			_, value, _ := strings.Cut(line, label+`="`)
			value, _, _ = strings.Cut(value, `"`)
			values[value] = true
		}
		if len(values) > most || !values["other"] {
			t.Errorf("label %s: got %d values, want at most %d values, including \"other\"", label, len(values), most)
		}
	}
	total := 0
	for line := range strings.Lines(text) {
		var n int
		if _, count, ok := strings.Cut(line, "} "); ok && strings.Contains(line, `reason="expired"`) {
			if _, err := fmt.Sscan(count, &n); err != nil {
				t.Fatal(err)
			}
			total += n
		}
	}
	if total != 1000 {
		t.Errorf("got %d verdicts in the metrics, want 1,000", total)
	}
}

// TestManyIssuers watches 150 issuers. All issuers must have series for their keys and caches.
// In the verdicts, only the first 100 issuers must have their own label value.
func TestManyIssuers(t *testing.T) {
	var many source
	for i := range 150 {
		many.issuers = append(many.issuers, healthy(fmt.Sprint("https://issuer.example/", i)))
	}
	c, registry := newCollector(t, nil, &many)
	for _, status := range many.issuers {
		c.Observe(context.Background(), bearer.Event{Transport: "http", Route: "GET /", Issuer: status.Issuer})
	}
	text := exposed(t, registry)
	for prefix, want := range map[string]int{"\nbearer_keyset_ready{": 150, "\nbearer_token_cache_entries{": 150, "\nbearer_requests_total{": 101} {
		if got := strings.Count("\n"+text, prefix); got != want {
			t.Errorf("got %d series of %q, want %d", got, prefix, want)
		}
	}
}

// TestConcurrentObserve checks that all verdicts are counted if several goroutines observe
// new routes at the same time, while the metrics are scraped.
func TestConcurrentObserve(t *testing.T) {
	c, registry := newCollector(t, nil)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 500 {
				c.Observe(context.Background(), bearer.Event{Transport: "http", Route: fmt.Sprint("GET /", (i+g)%50), Reason: bearer.Expired})
			}
		})
	}
	for range 5 {
		_ = gather(t, registry)
	}
	all.Wait()
	text := exposed(t, registry)
	if got := strings.Count(text, "} 80\n"); got != 50 {
		t.Errorf("got %d routes with 80 verdicts, want 50:\n%s", got, text)
	}
}
