package metrics_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/metrics"
)

// source is a source with fixed issuers.
type source struct{ issuers []bearer.IssuerStatus }

func (s *source) Status() []bearer.IssuerStatus { return s.issuers }

// healthy returns the status of an issuer with usable keys. All counters have different
// values, so that a test fails if two counters are swapped.
func healthy(issuer string) bearer.IssuerStatus {
	status := bearer.IssuerStatus{
		Issuer: issuer,
		Keys: &jwks.Status{
			Ready: true, Keys: []*jwks.Key{{}, {}}, KeySetHash: "00000000002a9999",
			Skipped: []jwks.Skipped{{}}, Withdrawn: true, OldAnswer: true, ConfirmedAt: time.UnixMilli(1_699_999_999_000), LastSuccess: time.UnixMilli(1_700_000_000_500), Age: 30 * time.Second,
			LastAttempt: time.Unix(1_700_000_010, 0), Failures: 2, MaxStale: 12 * time.Hour,
			Fetches: 20, Refreshed: 9, NotModified: 5, Failed: 6, Rejected: 2, MissFetches: 3, Denied: 4, LimitWait: 1500 * time.Millisecond,
		},
	}
	setCache(&status, 7, 4096, 100, 11, 1)
	return status
}

// setCache sets the state of the cache of verified tokens.
func setCache(s *bearer.IssuerStatus, entries, capacity int, hits, misses, evictions uint64) {
	s.Cache.Entries, s.Cache.Capacity = entries, capacity
	s.Cache.Hits, s.Cache.Misses, s.Cache.Evictions = hits, misses, evictions
}

// newCollector returns a registered Collector that watches sources.
func newCollector(t *testing.T, opts *metrics.Options, sources ...interface{ Status() []bearer.IssuerStatus }) (*metrics.Collector, *prometheus.Registry) {
	t.Helper()
	c, err := metrics.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Watch(sources...); err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(c); err != nil {
		t.Fatal(err)
	}
	return c, registry
}

func gather(t *testing.T, registry *prometheus.Registry) []*dto.MetricFamily {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// exposed returns the metrics in the text format, without comments and histograms.
func exposed(t *testing.T, registry *prometheus.Registry) string {
	t.Helper()
	var text bytes.Buffer
	for _, family := range gather(t, registry) {
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			t.Fatal(err)
		}
	}
	lines := slices.DeleteFunc(strings.SplitAfter(text.String(), "\n"), func(line string) bool {
		return strings.HasPrefix(line, "#") || strings.HasPrefix(line, "bearer_verdict_duration_seconds")
	})
	return strings.Join(lines, "")
}

// TestCollector checks the names, labels and values of all metrics.
func TestCollector(t *testing.T) {
	c, registry := newCollector(t, nil, &source{[]bearer.IssuerStatus{healthy("https://a.example")}})
	c.Declare("http", "GET /x")
	for _, e := range []bearer.Event{
		{Transport: "http", Route: "GET /x", Issuer: "https://a.example", CacheHit: true},
		{Transport: "http", Route: "GET /x", Issuer: "https://a.example"},
		{Transport: "http", Route: "GET /x", Issuer: "https://a.example", Err: &bearer.Error{Reason: bearer.MissingScope}},
		{Transport: "http", Route: "GET /x", Issuer: "https://a.example", Err: errors.New("an error without a reason")},
		{Transport: "grpc", Route: "/s/m", Reason: bearer.NoToken},
		{Reason: bearer.Expired, Issuer: "https://a.example"},
		{Reason: "unknown_reason"},
	} {
		c.Observe(context.Background(), e)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, e := range []bearer.Event{
		{Transport: "http", Route: "GET /x", Issuer: "https://a.example", Reason: bearer.KeysUnavailable},
		{Transport: "http", Route: "GET /x", Issuer: "https://a.example", Reason: bearer.Malformed}, // refused, not abandoned, because the request did not wait for keys
	} {
		c.Observe(canceled, e)
	}
	want := `bearer_keyset_age_seconds{issuer="https://a.example",source=""} 30
bearer_keyset_confirmed_timestamp_seconds{issuer="https://a.example",source=""} 1.699999999e+09
bearer_keyset_consecutive_failures{issuer="https://a.example",source=""} 2
bearer_keyset_hash{issuer="https://a.example",source=""} 42
bearer_keyset_keys{issuer="https://a.example",source=""} 2
bearer_keyset_last_attempt_timestamp_seconds{issuer="https://a.example",source=""} 1.70000001e+09
bearer_keyset_last_success_timestamp_seconds{issuer="https://a.example",source=""} 1.7000000005e+09
bearer_keyset_limit_wait_seconds_total{issuer="https://a.example",source=""} 1.5
bearer_keyset_max_stale_seconds{issuer="https://a.example",source=""} 43200
bearer_keyset_old_answer{issuer="https://a.example",source=""} 1
bearer_keyset_ready{issuer="https://a.example"} 1
bearer_keyset_refreshes_total{issuer="https://a.example",result="failed",source=""} 4
bearer_keyset_refreshes_total{issuer="https://a.example",result="not_modified",source=""} 5
bearer_keyset_refreshes_total{issuer="https://a.example",result="refreshed",source=""} 9
bearer_keyset_refreshes_total{issuer="https://a.example",result="rejected",source=""} 2
bearer_keyset_restored{issuer="https://a.example",source=""} 0
bearer_keyset_skipped_keys{issuer="https://a.example",source=""} 1
bearer_keyset_stale{issuer="https://a.example",source=""} 0
bearer_keyset_unknown_kid_denied_total{issuer="https://a.example",source=""} 4
bearer_keyset_unknown_kid_refreshes_total{issuer="https://a.example",source=""} 3
bearer_keyset_withdrawn{issuer="https://a.example",source=""} 1
bearer_requests_total{issuer="https://a.example",reason="expired",result="refused",route="none",transport="none"} 1
bearer_requests_total{issuer="https://a.example",reason="internal",result="reported",route="GET /x",transport="http"} 1
bearer_requests_total{issuer="https://a.example",reason="malformed",result="refused",route="GET /x",transport="http"} 1
bearer_requests_total{issuer="https://a.example",reason="none",result="abandoned",route="GET /x",transport="http"} 1
bearer_requests_total{issuer="https://a.example",reason="none",result="allowed",route="GET /x",transport="http"} 2
bearer_requests_total{issuer="https://a.example",reason="none",result="allowed",route="none",transport="none"} 0
bearer_requests_total{issuer="https://a.example",reason="scope",result="reported",route="GET /x",transport="http"} 1
bearer_requests_total{issuer="none",reason="no_token",result="refused",route="/s/m",transport="grpc"} 1
bearer_requests_total{issuer="other",reason="internal",result="refused",route="none",transport="none"} 1
bearer_token_cache_capacity{issuer="https://a.example"} 4096
bearer_token_cache_entries{issuer="https://a.example"} 7
bearer_token_cache_evictions_total{issuer="https://a.example"} 1
bearer_token_cache_hits_total{issuer="https://a.example"} 100
bearer_token_cache_misses_total{issuer="https://a.example"} 11
`
	if got := exposed(t, registry); got != want {
		t.Errorf("got metrics\n%s\nwant\n%s", got, want)
	}
}

// TestCollectorSources checks that each source of an issuer has its own metrics of keys.
func TestCollectorSources(t *testing.T) {
	status := bearer.IssuerStatus{Issuer: "https://a.example", Sources: []jwks.Status{
		{Source: "https://one.example/keys", Ready: true, Keys: make([]*jwks.Key, 2), Refreshed: 3},
		{Source: "file:///keys"},
	}}
	_, registry := newCollector(t, nil, &source{[]bearer.IssuerStatus{status}})
	got := exposed(t, registry)
	for _, want := range []string{
		`bearer_keyset_ready{issuer="https://a.example"} 1`,
		`bearer_keyset_keys{issuer="https://a.example",source="https://one.example/keys"} 2`,
		`bearer_keyset_keys{issuer="https://a.example",source="file:///keys"} 0`,
		`bearer_keyset_refreshes_total{issuer="https://a.example",result="refreshed",source="https://one.example/keys"} 3`,
	} {
		if strings.Count(got, want+"\n") != 1 {
			t.Errorf("got metrics\n%s\nwant one line %s", got, want)
		}
	}
}

// TestVerdictTimes checks the label and the buckets of bearer_verdict_duration_seconds.
func TestVerdictTimes(t *testing.T) {
	c, registry := newCollector(t, nil)
	for _, e := range []bearer.Event{
		{CacheHit: true, Duration: 2 * time.Microsecond},
		{CacheHit: true, Duration: 3 * time.Microsecond, Reason: bearer.MissingScope},
		{Duration: 60 * time.Microsecond},
		{Duration: 70 * time.Microsecond, Reason: bearer.BadSignature},
		{Duration: 80 * time.Microsecond, Reason: bearer.Expired},
		{Duration: 200 * time.Nanosecond, Reason: bearer.NoToken},
	} {
		c.Observe(context.Background(), e)
	}
	want := map[string]uint64{"hit": 2, "miss": 3, "none": 1}
	got := map[string]uint64{}
	for _, family := range gather(t, registry) {
		if family.GetName() != "bearer_verdict_duration_seconds" {
			continue
		}
		for _, m := range family.Metric {
			h := m.Histogram
			got[m.Label[0].GetValue()] = h.GetSampleCount()
			if len(h.Bucket) == 0 || len(h.PositiveSpan) == 0 {
				t.Errorf("%v: got %d classic buckets and %d native spans, want at least 1 of each", m.Label, len(h.Bucket), len(h.PositiveSpan))
			}
			for _, bucket := range h.Bucket {
				if bucket.GetUpperBound() == 1e-5 && m.Label[0].GetValue() != "miss" && bucket.GetCumulativeCount() != h.GetSampleCount() {
					t.Errorf("%v: got %d durations up to 10 µs, want %d", m.Label, bucket.GetCumulativeCount(), h.GetSampleCount())
				}
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("got numbers of durations by cache label %v, want %v", got, want)
	}
}

// TestLint checks that the names and units of the metrics follow the conventions of
// Prometheus.
func TestLint(t *testing.T) {
	c, registry := newCollector(t, nil, &source{[]bearer.IssuerStatus{healthy("https://a.example")}})
	c.Observe(context.Background(), bearer.Event{Reason: bearer.Expired})
	problems, err := promlint.NewWithMetricFamilies(gather(t, registry)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestReasons checks that each constant of type bearer.Reason is a value of the label "reason".
// It reads the constants from the golden file of the exported API.
func TestReasons(t *testing.T) {
	golden, err := os.ReadFile("../testdata/api/bearer.txt")
	if err != nil {
		t.Fatal(err)
	}
	reasons := regexp.MustCompile(`(?m)^const \w+ Reason = "(\w+)"$`).FindAllSubmatch(golden, -1)
	if len(reasons) < 19 {
		t.Fatalf("got %d reasons in the golden file, want at least 19", len(reasons))
	}
	c, registry := newCollector(t, nil)
	for _, match := range reasons {
		c.Observe(context.Background(), bearer.Event{Reason: bearer.Reason(match[1])})
	}
	text := exposed(t, registry)
	for _, match := range reasons {
		issuer := "other"
		if reason := bearer.Reason(match[1]); reason == bearer.NoToken || reason == bearer.InvalidRequest {
			issuer = "none" // no token was read
		}
		want := `bearer_requests_total{issuer="` + issuer + `",reason="` + string(match[1]) + `",result="refused",route="none",transport="none"} 1` + "\n"
		if !strings.Contains(text, want) {
			t.Errorf("got no line %q in the metrics\n%s", want, text)
		}
	}
}

// TestSharedIssuer checks the metrics if two verifiers have the same issuer. The metrics of
// the issuer's keys must come from one verifier. The metrics of the cache must be the sums of
// both caches.
func TestSharedIssuer(t *testing.T) {
	a, b := &source{[]bearer.IssuerStatus{healthy("https://a.example")}}, &source{[]bearer.IssuerStatus{healthy("https://a.example")}}
	_, registry := newCollector(t, nil, a, b)
	text := exposed(t, registry)
	for _, want := range []string{
		`bearer_keyset_keys{issuer="https://a.example",source=""} 2`,
		`bearer_token_cache_hits_total{issuer="https://a.example"} 200`,
		`bearer_token_cache_entries{issuer="https://a.example"} 14`,
	} {
		if strings.Count(text, want+"\n") != 1 {
			t.Errorf("got %d lines %q, want 1 in\n%s", strings.Count(text, want+"\n"), want, text)
		}
	}
}

// TestNoValue checks that a metric without a value is not exported. If an issuer has not
// answered yet, the time of the last success is zero, and the age of the keys is unknown. If
// the age is computed from the zero time, the age is many years, and the alert
// BearerKeySetAging fires.
func TestNoValue(t *testing.T) {
	_, registry := newCollector(t, nil, &source{[]bearer.IssuerStatus{{Issuer: "https://new.example", Keys: &jwks.Status{}}, {Issuer: "https://fixed.example"}}})
	text := exposed(t, registry)
	for _, name := range []string{"age", "timestamp", "hash"} {
		if strings.Contains(text, "bearer_keyset_"+name) {
			t.Errorf("got a metric bearer_keyset_%s*, want no such metric in\n%s", name, text)
		}
	}
	for _, want := range []string{`bearer_keyset_ready{issuer="https://new.example"} 0`, `bearer_keyset_ready{issuer="https://fixed.example"} 1`} {
		if !strings.Contains(text, want) {
			t.Errorf("got no line %q in the metrics\n%s", want, text)
		}
	}
}
