package metrics_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/metrics"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

const (
	// quietBatches is the number of batches before the busy routes change.
	quietBatches = 6
	healthyName  = "https://healthy.example"
	sourcesName  = "https://sources.example" // has two sources of keys: one is stale
	missingName  = "https://missing.example" // has never had keys
)

// replica is a service with a real guard, verifier and Collector. It sends a batch of requests to
// itself before it answers a scrape. So each scrape sees the same increases, however slow the
// machine is.
type replica struct {
	number    int
	issuer    *bearertest.Issuer
	verifier  *bearer.JWTVerifier
	collector *metrics.Collector
	registry  *prometheus.Registry
	handler   http.Handler
	cached    string // a token that is in the cache after the first batch

	mu      sync.Mutex // guards the fields below
	batches int
}

// newReplica returns a replica and the address of its metrics. All replicas have the same issuer.
func newReplica(t *testing.T, number int, issuer *bearertest.Issuer) (r *replica, address string) {
	t.Helper()
	r = &replica{number: number, issuer: issuer}
	r.collector, r.registry = newCollector(t, nil, r)
	v, err := bearer.New(bearer.Config{
		Issuer: issuer.URL(), Audience: []string{"deployment-api"}, Observer: r.collector, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	r.verifier = v
	if err := r.collector.Watch(v); err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	guard.Handle(mux, "GET /deployments", scopes.All("deploy:read"), ok)
	guard.Handle(mux, "POST /deployments", scopes.All("deploy:write"), ok)
	guard.Handle(mux, "GET /reports", scopes.ReportOnly(scopes.All("reports:read")), ok)
	r.handler = mux
	r.cached = r.token(nil)

	server := httptest.NewServer(http.HandlerFunc(r.serveMetrics))
	t.Cleanup(server.Close)
	return r, strings.TrimPrefix(server.URL, "http://")
}

// token returns a token with the scope deploy:read.
func (r *replica) token(claims map[string]any) string {
	all := map[string]any{"aud": "deployment-api", "scope": "deploy:read"}
	for name, value := range claims {
		all[name] = value
	}
	return r.issuer.Token(all)
}

// serveMetrics sends a batch of requests and answers a scrape.
func (r *replica) serveMetrics(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sendBatch(req.Context())
	r.batches++
	families, err := r.registry.Gather()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	for _, family := range families {
		_, _ = expfmt.MetricFamilyToText(w, family) // an error means that the scrape has ended
	}
}

// sendBatch sends the requests of one batch. The numbers are in the table of TestPanels.
func (r *replica) sendBatch(ctx context.Context) {
	if r.number == 1 && r.batches == quietBatches {
		r.issuer.Rotate()
	}
	if r.batches == quietBatches {
		_ = r.verifier.Refresh(ctx) // an error shows in the metrics
	}
	send := func(n int, method, path, token string) {
		for range n {
			req := httptest.NewRequestWithContext(ctx, method, path, http.NoBody)
			if token != "" {
				req.Header.Set("Authorization", "Bearer "+token)
			}
			r.handler.ServeHTTP(httptest.NewRecorder(), req)
		}
	}
	send(5, "GET", "/deployments", r.cached)
	send(1, "GET", "/deployments", r.token(nil))
	send(1, "GET", "/deployments", r.token(map[string]any{"exp": time.Now().Add(-time.Hour)}))
	send(1, "GET", "/deployments", r.token(map[string]any{"iss": "https://stranger.example"}))
	send(3, "GET", "/deployments", "")
	send(1, "POST", "/deployments", r.cached)
	send(2, "GET", "/reports", r.cached)

	observe := func(ctx context.Context, n int, e bearer.Event) {
		for range n {
			r.collector.Observe(ctx, e)
		}
	}
	observe(ctx, 4, bearer.Event{Transport: "grpc", Route: "/deploy.v1.Deployments/Create", Issuer: healthyName, CacheHit: true, Duration: 20 * time.Microsecond})
	observe(ctx, 1, bearer.Event{Transport: "http", Route: "GET /deployments", Issuer: r.issuer.URL(), Reason: bearer.Internal, Duration: 20 * time.Millisecond})
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	observe(canceled, 1, bearer.Event{Transport: "http", Route: "GET /deployments", Issuer: healthyName, Reason: bearer.KeysUnavailable, Duration: 20 * time.Millisecond})
	routes, n := []string{"GET /a", "GET /b", "GET /c", "GET /d", "GET /e", "GET /f"}, 1
	if r.batches >= quietBatches {
		routes, n = []string{"GET /u", "GET /v", "GET /w", "GET /x", "GET /y", "GET /z"}, 6
	}
	for _, route := range routes {
		observe(ctx, n, bearer.Event{Transport: "http", Route: route, Issuer: healthyName, CacheHit: true, Duration: 20 * time.Microsecond})
	}
}

// Status returns the issuers that are not real. The replicas have different keys of healthyName.
func (r *replica) Status() []bearer.IssuerStatus {
	n, now := uint64(r.batches), time.Now() //nolint:gosec // the number of batches is small and not negative
	age := []time.Duration{0, 30 * time.Second, 400 * time.Second}[r.number]
	keys := func(source string) jwks.Status {
		return jwks.Status{
			Source: source, Ready: true, Keys: make([]*jwks.Key, 2), KeySetHash: fmt.Sprintf("%012x0000", r.number),
			LastSuccess: now.Add(-age), ConfirmedAt: now.Add(-age), MaxStale: 13 * time.Hour, Age: age, LastAttempt: now.Add(-age / 2), Failures: r.number - 1,
			Skipped:   make([]jwks.Skipped, r.number),
			Refreshed: 3 * n, NotModified: 2 * n, Failed: 2 * n, Rejected: n, MissFetches: n, Denied: 4 * n,
		}
	}
	healthy, fresh, stale := keys(""), keys("file:///keys"), keys("https://sources.example/keys")
	fresh.KeySetHash, stale.KeySetHash = "0000000000030000", "0000000000040000"
	stale.Ready, stale.Stale = false, true
	first := bearer.IssuerStatus{Issuer: healthyName, Keys: &healthy}
	setCache(&first, 7, 100, 9*n, n, n)
	return []bearer.IssuerStatus{
		first,
		{Issuer: sourcesName, Sources: []jwks.Status{fresh, stale}},
		{Issuer: missingName, Keys: &jwks.Status{LastAttempt: now.Add(-10 * time.Second), MaxStale: 14 * time.Hour, Failures: 5}},
	}
}

// served returns the number of batches.
func (r *replica) served() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.batches
}
