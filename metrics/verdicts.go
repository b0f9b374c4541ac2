package metrics

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bearerkit/bearer"
)

const (
	other = "other" // a value beyond the bounds
	none  = "none"  // no value
)

//nolint:gochecknoglobals // what Describe returns, made of constants
var requestsDesc = prometheus.NewDesc("bearer_requests_total",
	"Verdicts on requests: by transport, result (allowed, refused, reported, abandoned), reason, configured issuer and route.",
	[]string{"transport", "result", "reason", "issuer", "route"}, nil)

// reasons is the closed set, in the order of the package. What is in no set is a
// fault of ours.
//
//nolint:gochecknoglobals // constants in all but name
var reasons = [...]bearer.Reason{
	bearer.InvalidRequest, bearer.NoToken, bearer.Malformed, bearer.WrongIssuer, bearer.WrongAlgorithm, bearer.UnknownKey,
	bearer.BadSignature, bearer.WrongType, bearer.Expired, bearer.NotYetValid, bearer.WrongAudience, bearer.InvalidClaims,
	bearer.WrongBinding, bearer.InvalidCustom, bearer.Revoked, bearer.MissingScope, bearer.KeysUnavailable, bearer.Internal,
}

// cell is what is counted of one transport, issuer and route: all its series,
// found at once.
type cell struct {
	labels    cellKey
	allowed   atomic.Uint64
	abandoned atomic.Uint64               // ended before there was a verdict
	reported  [len(reasons)]atomic.Uint64 // let through by the mode of the rule alone
	refused   [len(reasons)]atomic.Uint64
}

// cellKey is what an event says, and what the labels of a cell are.
type cellKey struct{ transport, issuer, route string }

// byIssuer finds cells by what events say, within bounds: by issuer, and then by
// transport and route. Both maps are immutable: new ones take their places when
// something is seen for the first time, so that Observe needs no lock, and that
// makes a copy of one issuer's routes at the most.
type (
	byIssuer map[string]*atomic.Pointer[byRoute]
	byRoute  map[routeKey]*cell
	routeKey struct{ transport, route string }
)

// bounded is the values that a label has had, which are so many at most.
type bounded struct {
	most   int
	values map[string]bool
}

// admit returns value, or other where there are too many.
func (b *bounded) admit(value string) string {
	switch {
	case b.values[value]:
	case len(b.values) >= b.most:
		return other
	default:
		if b.values == nil {
			b.values = map[string]bool{}
		}
		b.values[value] = true
	}
	return value
}

const (
	// defaultRoutes is Options.MaxRoutes where that is zero.
	defaultRoutes = 1000
	// maxTransports bounds the label transport: guards have constants there.
	maxTransports = 8
	// maxIssuers bounds the label issuer where Options.Issuers does not.
	maxIssuers = 100
	// maxLabel is how many bytes a label may have.
	maxLabel = 256
)

// Observe implements [bearer.Observer]: it counts the verdict. It takes less than
// 100 ns and allocates nothing, but for the first verdict on a route. A nil
// Collector counts nothing.
func (c *Collector) Observe(ctx context.Context, e bearer.Event) {
	if c == nil || c.none == nil {
		return // a zero Collector: no reason to fail somebody's request
	}
	counts := c.cell(cellKey{e.Transport, e.Issuer, e.Route})
	switch {
	case e.Abandoned(ctx):
		counts.abandoned.Add(1)
	case e.Reason != "":
		counts.refused[index(e.Reason)].Add(1)
	case e.Err != nil:
		counts.reported[index(reasonOf(e.Err))].Add(1)
	default:
		counts.allowed.Add(1)
	}
	times := c.miss
	switch {
	case e.CacheHit:
		times = c.hit
	case e.Reason == bearer.NoToken || e.Reason == bearer.InvalidRequest:
		times = c.none
	}
	times.Observe(e.Duration.Seconds())
}

// index returns where a reason is counted.
func index(reason bearer.Reason) int {
	for i, known := range reasons {
		if known == reason {
			return i
		}
	}
	return len(reasons) - 1 // in no set: a fault of ours, like Internal, the last
}

// reasonOf returns what a rule in the mode of scopes.ReportOnly would have said.
func reasonOf(err error) bearer.Reason {
	// Not by errors.As: it allocates.
	if refusal, ok := err.(*bearer.Error); ok && refusal != nil { //nolint:errorlint // guards wrap nothing; see above
		return refusal.Reason
	}
	return bearer.Internal
}

// Declare resolves the labels of routes before they are used, so that their
// counters are there, at zero, from the first scrape on: the patterns of a table
// or the names of methods, as guards name them in events. It is optional, and to
// be called after Watch.
func (c *Collector) Declare(transport string, routes ...string) {
	issuers := c.issuers
	if issuers == nil {
		for _, status := range c.statuses() {
			issuers = append(issuers, status.Issuer)
		}
	}
	for _, route := range routes {
		for _, issuer := range issuers {
			c.cell(cellKey{transport, issuer, route})
		}
	}
}

// cell finds what counts the events that say so, and makes it the first time.
func (c *Collector) cell(said cellKey) *cell {
	key := routeKey{said.transport, said.route}
	if routes := (*c.find.Load())[said.issuer]; routes != nil {
		if found := (*routes.Load())[key]; found != nil {
			return found
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	labels := c.admit(said)
	found := c.cells[labels]
	if found == nil {
		found = &cell{labels: labels}
		c.cells[labels] = found
	}
	issuers := *c.find.Load()
	routes := issuers[said.issuer]
	if routes == nil {
		if len(issuers) > 2*c.names.most {
			return found // what is beyond all bounds is not remembered either
		}
		routes = new(atomic.Pointer[byRoute])
		routes.Store(&byRoute{})
		issuers = maps.Clone(issuers)
		issuers[said.issuer] = routes
		c.find.Store(&issuers)
	}
	if known := *routes.Load(); len(known) <= 2*c.routes.most {
		next := maps.Clone(known)
		next[key] = found
		routes.Store(&next)
	}
	return found
}

// admit returns the labels of an event. The caller holds c.mu.
func (c *Collector) admit(said cellKey) cellKey {
	labels := cellKey{c.transports.admit(label(said.transport)), other, other}
	if said.issuer != "" && (c.issuers == nil || slices.Contains(c.issuers, said.issuer)) {
		labels.issuer = c.names.admit(label(said.issuer))
	}
	route := label(said.route)
	if c.routes.admit(labels.transport+" "+route) != other {
		labels.route = route
	}
	return labels
}

// label makes a value that a metric can have.
func label(s string) string {
	if s == "" {
		return none
	}
	return strings.ToValidUTF8(s[:min(len(s), maxLabel)], "\uFFFD")
}

func (c *Collector) collectVerdicts(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	cells := slices.Collect(maps.Values(c.cells))
	c.mu.Unlock()
	for _, cell := range cells {
		count := func(result, reason string, n uint64) {
			l := cell.labels
			send(ch, requestsDesc, prometheus.CounterValue, float64(n), l.transport, result, reason, l.issuer, l.route)
		}
		if n := cell.allowed.Load(); n > 0 || cell.labels.issuer != other {
			count("allowed", none, n)
		}
		if n := cell.abandoned.Load(); n > 0 {
			count("abandoned", none, n)
		}
		for i, reason := range reasons {
			if n := cell.refused[i].Load(); n > 0 {
				count("refused", string(reason), n)
			}
			if n := cell.reported[i].Load(); n > 0 {
				count("reported", string(reason), n)
			}
		}
	}
}

// newHistogram is of both kinds: scrapers that know native histograms get one, and
// others the classic buckets.
func newHistogram(cache string) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:        "bearer_verdict_duration_seconds",
		Help:        "Time that verdicts took, by what the cache of verified tokens did (hit, miss, none: no token was looked at).",
		ConstLabels: prometheus.Labels{"cache": cache},
		// From a token that is known, about a microsecond, to one that waits for
		// its issuer's keys, for 2 seconds at most.
		Buckets: []float64{
			1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 5e-3, 2.5e-2, 0.1, 0.5, 1, 2.5,
		},
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  160,
		NativeHistogramMinResetDuration: time.Hour,
	})
}
