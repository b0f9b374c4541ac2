package metrics_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/metrics"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// changing is a source whose issuers come and go.
type changing struct {
	mu      sync.Mutex
	issuers map[string]bool
}

func newChanging(issuers ...string) *changing {
	s := &changing{issuers: map[string]bool{}}
	for _, issuer := range issuers {
		s.issuers[issuer] = true
	}
	return s
}

func (s *changing) Status() []bearer.IssuerStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []bearer.IssuerStatus
	for issuer := range s.issuers {
		list = append(list, bearer.IssuerStatus{Issuer: issuer})
	}
	return list
}

func (s *changing) set(issuer string, present bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if present {
		s.issuers[issuer] = true
	} else {
		delete(s.issuers, issuer)
	}
}

// verdicts returns the number of verdicts for each value of the label "issuer".
func verdicts(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	counts := map[string]float64{}
	for _, m := range requests(t, registry) {
		for _, pair := range m.GetLabel() {
			if pair.GetName() == "issuer" {
				counts[pair.GetValue()] += m.GetCounter().GetValue()
			}
		}
	}
	return counts
}

// requests returns the series of bearer_requests_total.
func requests(t *testing.T, registry *prometheus.Registry) []*dto.Metric {
	t.Helper()
	for _, family := range gather(t, registry) {
		if family.GetName() == "bearer_requests_total" {
			return family.GetMetric()
		}
	}
	return nil
}

// TestPlacesBecomeFree checks the steps in the life of a place: an issuer takes the place, leaves
// the configuration, and the place becomes free.
func TestPlacesBecomeFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := newChanging("a", "b", "c")
		c, registry := newCollector(t, &metrics.Options{MaxIssuers: 2}, all)
		observe := func(issuers ...string) {
			for _, issuer := range issuers {
				c.Observe(t.Context(), bearer.Event{Transport: "http", Route: "GET /", Issuer: issuer})
			}
		}
		want := func(when string, counts map[string]float64) {
			t.Helper()
			if got := verdicts(t, registry); !maps.Equal(got, counts) {
				t.Errorf("%s: got %v, want %v", when, got, counts)
			}
		}
		observe("a", "b", "b", "c", "unwatched")
		want("with two places", map[string]float64{"a": 1, "b": 2, "other": 2})
		all.set("a", false)
		observe("a") // a request that was in flight
		want("after a was removed", map[string]float64{"a": 2, "b": 2, "other": 2})
		time.Sleep(10*time.Minute - time.Second)
		observe("c")
		want("shortly before the place becomes free", map[string]float64{"a": 2, "b": 2, "other": 3})
		time.Sleep(time.Second)
		want("in the last scrape with a", map[string]float64{"a": 2, "b": 2, "other": 3})
		observe("c", "c")
		want("after c has taken the place", map[string]float64{"b": 2, "c": 2, "other": 3})
		all.set("a", true)
		observe("a")
		want("after a has come back", map[string]float64{"b": 2, "c": 2, "other": 4})
		// An issuer that comes back in time keeps its place and its counters.
		all.set("b", false)
		want("after b was removed", map[string]float64{"b": 2, "c": 2, "other": 4})
		time.Sleep(9 * time.Minute)
		all.set("b", true)
		want("after b has come back", map[string]float64{"b": 2, "c": 2, "other": 4})
		time.Sleep(time.Hour)
		observe("b")
		want("an hour later", map[string]float64{"b": 3, "c": 2, "other": 4})
	})
}

// TestShortLivedIssuers adds an issuer, sends a request with its token, and removes the issuer
// before the next scrape. It repeats these steps until all places are taken. An issuer that is added
// later must get a place.
func TestShortLivedIssuers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var issuers bearer.Issuers
		defer issuers.Close()
		c, registry := newCollector(t, nil, &issuers)
		issuers.Observer = c
		guard, err := middleware.New(&issuers, nil)
		if err != nil {
			t.Fatal(err)
		}
		handler := guard.Require(scopes.All("read"))(http.NotFoundHandler())
		serve := func(name string) {
			issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: name, Algorithms: []string{"EdDSA"}})
			defer issuer.Close()
			if err := issuers.Add(testkit.Config(t, issuer)); err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
			r.Header.Set("Authorization", "Bearer "+issuer.Token(map[string]any{"scope": "read"}))
			handler.ServeHTTP(httptest.NewRecorder(), r)
		}
		for i := range 100 {
			name := fmt.Sprintf("https://short%d.example", i)
			serve(name)
			issuers.Remove(name)
			if got := verdicts(t, registry)[name]; got != 1 {
				t.Errorf("%s: got %v verdicts, want 1", name, got)
			}
			time.Sleep(15 * time.Second)
		}
		time.Sleep(10 * time.Minute)
		if got := len(verdicts(t, registry)); got != 100 {
			t.Errorf("in the last scrape with all issuers: got %d issuers, want 100", got)
		}
		const honest = "https://honest.example"
		serve(honest)
		if got := verdicts(t, registry); !maps.Equal(got, map[string]float64{honest: 1}) {
			t.Errorf("got %v, want only the verdict of %s", got, honest)
		}
	})
}

// TestIdleIssuers checks the places of issuers that no watched source has had. While a place is
// free, they keep their places. While all places are taken, an issuer keeps its place if it has a
// verdict in every 10 min.
func TestIdleIssuers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := newChanging("watched")
		c, registry := newCollector(t, &metrics.Options{MaxIssuers: 3}, all)
		observe := func(issuers ...string) {
			for _, issuer := range issuers {
				c.Observe(t.Context(), bearer.Event{Transport: "http", Route: "GET /", Issuer: issuer})
			}
		}
		want := func(when string, counts map[string]float64) {
			t.Helper()
			if got := verdicts(t, registry); !maps.Equal(got, counts) {
				t.Errorf("%s: got %v, want %v", when, got, counts)
			}
		}
		observe("busy", "idle")
		for range 3 {
			want("while a place is free", map[string]float64{"busy": 1, "idle": 1})
			time.Sleep(time.Hour)
		}
		observe("watched", "more")
		want("without a free place", map[string]float64{"busy": 1, "idle": 1, "watched": 1, "other": 1})
		time.Sleep(9 * time.Minute)
		observe("busy")
		want("after 9 min", map[string]float64{"busy": 2, "idle": 1, "watched": 1, "other": 1})
		time.Sleep(time.Minute)
		want("in the last scrape with idle", map[string]float64{"busy": 2, "idle": 1, "watched": 1, "other": 1})
		observe("more", "idle")
		want("after more has taken the place", map[string]float64{"busy": 2, "more": 1, "watched": 1, "other": 2})
	})
}

// TestPlacesThatStay checks that the issuers in Options.Issuers keep their places and counters. If a
// place is free, issuers that no watched source has had keep their places too.
func TestPlacesThatStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := newChanging("a")
		for name, opts := range map[string]*metrics.Options{"watched source without the issuer": nil, "Options.Issuers": {Issuers: []string{"a", "b"}}} {
			c, registry := newCollector(t, opts, all)
			c.Observe(t.Context(), bearer.Event{Issuer: "b"})
			for range 3 {
				if got := verdicts(t, registry)["b"]; got != 1 {
					t.Errorf("%s: got %v verdicts, want 1", name, got)
				}
				time.Sleep(time.Hour)
			}
		}
	})
}

// seriesKey returns the labels of a series as text.
func seriesKey(m *dto.Metric) string {
	var key strings.Builder
	for _, pair := range m.GetLabel() {
		fmt.Fprintf(&key, "%s=%q,", pair.GetName(), pair.GetValue())
	}
	return key.String()
}

// TestNoVerdictIsLost changes the issuers of a service at random for a week. It reads the
// counters as Prometheus does: a counter that was absent, or that became smaller, starts at zero.
// The sum of all increases must be the number of verdicts. The number of series must stay bounded.
func TestNoVerdictIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const places, week = 10, 7 * 24 * time.Hour
		random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test needs the same numbers each time
		all := newChanging()
		c, registry := newCollector(t, &metrics.Options{MaxIssuers: places}, all)
		observed, counted := 0, 0.0
		previous, own := map[string]float64{}, map[string]bool{}
		for start, step := time.Now(), 0; time.Since(start) < week; step++ {
			all.set(fmt.Sprint("https://", random.IntN(1+step), ".example"), random.IntN(3) == 0)
			if random.IntN(3) == 0 { // an issuer that was added and removed since the last scrape
				c.Observe(t.Context(), bearer.Event{Transport: "http", Route: "GET /", Issuer: fmt.Sprint("https://short", step, ".example")})
				observed++
			}
			for range random.IntN(5) {
				for _, status := range all.Status()[:min(15, len(all.Status()))] {
					c.Observe(t.Context(), bearer.Event{Transport: "http", Route: "GET /", Issuer: status.Issuer})
					observed++
				}
			}
			current, values := map[string]float64{}, map[string]bool{}
			for _, m := range requests(t, registry) {
				key, value := seriesKey(m), m.GetCounter().GetValue()
				if old, ok := previous[key]; ok && value < old {
					t.Fatalf("%s went from %v to %v between two scrapes", key, old, value)
				}
				counted += value - previous[key]
				current[key] = value
				issuer := strings.Split(key, `"`)[1]
				values[issuer], own[issuer] = true, true
			}
			if len(values) > places+1 {
				t.Fatalf("got %d issuers, want at most %d and \"other\"", len(values), places)
			}
			previous = current
			time.Sleep(time.Minute * time.Duration(1+random.IntN(10)))
			if len(all.issuers) > 12 {
				for issuer := range all.issuers {
					all.set(issuer, false)
					break
				}
			}
		}
		if counted != float64(observed) {
			t.Errorf("got increases of %v, want %d", counted, observed)
		}
		if len(own) < 10*places {
			t.Errorf("got places for %d issuers in a week, want at least %d", len(own), 10*places)
		}
	})
}

// TestMadeUpIssuersTakeNoPlace sends tokens whose issuers are not configured. An issuer that is
// added later must still get a place.
func TestMadeUpIssuersTakeNoPlace(t *testing.T) {
	var issuers bearer.Issuers
	defer issuers.Close()
	c, registry := newCollector(t, &metrics.Options{MaxIssuers: 2}, &issuers)
	issuers.Observer = c
	guard, err := middleware.New(&issuers, nil)
	if err != nil {
		t.Fatal(err)
	}
	handler := guard.Require(scopes.All("read"))(http.NotFoundHandler())
	send := func(token string) {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+token)
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	add := func(name string) *bearertest.Issuer {
		issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: name, Algorithms: []string{"ES256"}})
		t.Cleanup(issuer.Close)
		if err := issuers.Add(testkit.Config(t, issuer)); err != nil {
			t.Fatal(err)
		}
		return issuer
	}
	first := add("https://first.example")
	for i := range 1000 {
		send(first.Token(map[string]any{"iss": fmt.Sprintf("https://%d.example", i)}))
	}
	second := add("https://second.example")
	send(first.Token(map[string]any{"scope": "read"}))
	send(second.Token(map[string]any{"scope": "read"}))
	want := map[string]float64{first.URL(): 1, second.URL(): 1, "other": 1000}
	if got := verdicts(t, registry); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestObserveBeyondThePlaces checks that Observe does not allocate for issuers without a place.
func TestObserveBeyondThePlaces(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector allocates")
	}
	c, _ := newCollector(t, &metrics.Options{MaxIssuers: 10})
	events := make([]bearer.Event, 2000)
	for i := range events {
		events[i] = bearer.Event{Transport: "http", Route: "GET /", Issuer: fmt.Sprint("https://issuer.example/", i)}
		c.Observe(context.Background(), events[i])
	}
	if n := testing.AllocsPerRun(10, func() {
		for _, e := range events {
			c.Observe(context.Background(), e)
		}
	}); n != 0 {
		t.Errorf("got %v allocations for 2,000 events, want 0", n)
	}
}

// BenchmarkCollect measures a scrape of a service with different numbers of issuers.
func BenchmarkCollect(b *testing.B) {
	for _, n := range []int{20, 2000} {
		many := newChanging()
		for i := range n {
			many.set(fmt.Sprintf("https://%04d.example", i), true)
		}
		c, err := metrics.New(nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Watch(many); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint("issuers=", n), func(b *testing.B) {
			ch := make(chan prometheus.Metric, 100)
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range ch {
				}
			}()
			for b.Loop() {
				c.Collect(ch)
			}
			close(ch)
			<-done
		})
	}
}
