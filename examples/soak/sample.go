package main

import (
	"bytes"
	"context"
	"io"
	"math"
	"net/http"
	"runtime"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// sample is one scrape of the metrics. It also contains the number of goroutines and the heap
// size of the process. Counters count from the start of the run.
type sample struct {
	at               time.Time
	results, reasons map[string]float64
	hit, miss        times
	hitBuckets       []bucket
	missBuckets      []bucket
	hitRatio         float64
	hits, misses     float64
	ages             map[string]float64 // by issuer
	goroutines       int
	heap             uint64
}

// times holds two quantiles of a duration.
type times struct{ p50, p99 time.Duration }

// bucket is a cumulative bucket of a histogram.
type bucket struct{ bound, count float64 }

// sampleInterval returns the time between two samples.
func (c config) sampleInterval() time.Duration {
	return min(time.Second, c.duration/20+time.Millisecond)
}

// takeSamples takes samples until ctx ends.
func (s *soak) takeSamples(ctx context.Context) {
	ticker := time.NewTicker(s.cfg.sampleInterval())
	defer ticker.Stop()
	for {
		s.result.samples = append(s.result.samples, s.scrape())
		s.probeReady(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// probeReady sends a readiness probe, as a load balancer does.
func (s *soak) probeReady(ctx context.Context) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.httpURL+"/readyz", http.NoBody)
	if err != nil {
		return
	}
	resp, err := s.httpClient.Do(req)
	if err != nil {
		return // the run has ended
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	s.leaks.search("the readiness response", body)
}

// scrape reads the metrics, as Prometheus does.
func (s *soak) scrape() sample {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	now := sample{
		at: time.Now(), results: map[string]float64{}, reasons: map[string]float64{}, ages: map[string]float64{},
		goroutines: runtime.NumGoroutine(), heap: m.HeapAlloc,
	}
	families, err := s.registry.Gather()
	if err != nil {
		s.result.count(request{kind: "scrape"}, "", false, err.Error())
		return now
	}
	var text bytes.Buffer
	for _, family := range families {
		_, _ = expfmt.MetricFamilyToText(&text, family) // a write to a buffer does not fail
		for _, metric := range family.Metric {
			now.add(family.GetName(), metric)
		}
	}
	s.leaks.search("the metrics", text.Bytes())
	now.hit, now.miss = quantiles(now.hitBuckets), quantiles(now.missBuckets)
	if all := now.hits + now.misses; all > 0 {
		now.hitRatio = now.hits / all
	}
	return now
}

// add stores the values that the plot needs.
func (s *sample) add(name string, m *dto.Metric) {
	labels := map[string]string{}
	for _, pair := range m.Label {
		labels[pair.GetName()] = pair.GetValue()
	}
	switch name {
	case "bearer_requests_total":
		s.results[labels["result"]] += m.Counter.GetValue()
		if labels["result"] == "refused" {
			s.reasons[labels["reason"]] += m.Counter.GetValue()
		}
	case "bearer_verdict_duration_seconds":
		var buckets []bucket
		for _, b := range m.Histogram.Bucket {
			buckets = append(buckets, bucket{b.GetUpperBound(), float64(b.GetCumulativeCount())})
		}
		switch labels["cache"] {
		case "hit":
			s.hitBuckets = buckets
		case "miss":
			s.missBuckets = buckets
		}
	case "bearer_token_cache_hits_total":
		s.hits += m.Counter.GetValue()
	case "bearer_token_cache_misses_total":
		s.misses += m.Counter.GetValue()
	case "bearer_keyset_age_seconds":
		s.ages[labels["issuer"]] = m.Gauge.GetValue()
	}
}

// bucketsSince returns the buckets of the events that happened between two samples. The
// argument "now" holds the buckets of the later sample.
func bucketsSince(now, earlier []bucket) []bucket {
	delta := append([]bucket(nil), now...)
	for i := range earlier {
		if i < len(delta) {
			delta[i].count -= earlier[i].count
		}
	}
	return delta
}

// quantiles estimates p50 and p99 with the method of Prometheus's function
// histogram_quantile.
func quantiles(buckets []bucket) times {
	return times{quantile(0.5, buckets), quantile(0.99, buckets)}
}

func quantile(q float64, buckets []bucket) time.Duration {
	if len(buckets) == 0 {
		return 0
	}
	all := buckets[len(buckets)-1].count
	rank, below, from := q*all, 0.0, 0.0
	for _, b := range buckets {
		if b.count >= rank && b.count > below {
			seconds := from + (b.bound-from)*(rank-below)/(b.count-below)
			return time.Duration(math.Round(seconds*1e8)) * 10
		}
		below, from = b.count, b.bound
	}
	return 0
}
