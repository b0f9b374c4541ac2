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
	other = "other" // replaces issuers that are not configured, and values beyond a limit
	none  = "none"  // replaces an empty value, and the issuer of a request without a token
)

//nolint:gochecknoglobals // never modified: the description that Describe returns
var requestsDesc = prometheus.NewDesc("bearer_requests_total",
	`Verdicts on requests. The values of the label "result" are "allowed", "refused", "reported" and "abandoned".`,
	[]string{"transport", "result", "reason", "issuer", "route"}, nil)

// reasons contains all values of bearer.Reason, in the order of package bearer.
// reasonIndex requires that Internal is the last element.
//
//nolint:gochecknoglobals // never modified; Go has no constant arrays
var reasons = [...]bearer.Reason{
	bearer.InvalidRequest, bearer.NoToken, bearer.Malformed, bearer.WrongIssuer, bearer.WrongAlgorithm, bearer.UnknownKey,
	bearer.BadSignature, bearer.WrongType, bearer.Expired, bearer.NotYetValid, bearer.WrongAudience, bearer.InvalidClaims,
	bearer.WrongBinding, bearer.InvalidProof, bearer.ProofNonce, bearer.InvalidCustom, bearer.Revoked, bearer.MissingScope,
	bearer.KeysUnavailable, bearer.KeyNotAsked, bearer.Unavailable, bearer.Internal,
}

// counters contains the counters of all series with the same transport, issuer and route.
type counters struct {
	labels    eventKey
	created   time.Time // for Prometheus, so that a scraper sees that the counters start at zero
	allowed   atomic.Uint64
	abandoned atomic.Uint64               // the request ended while it waited for keys
	reported  [len(reasons)]atomic.Uint64 // allowed only because of report-only mode
	refused   [len(reasons)]atomic.Uint64
}

// total returns the number of events.
func (c *counters) total() uint64 {
	sum := c.allowed.Load() + c.abandoned.Load()
	for i := range reasons {
		sum += c.reported[i].Load() + c.refused[i].Load()
	}
	return sum
}

// eventKey contains the fields of an event that determine the counters of the event. The
// method admit returns an eventKey that contains the label values instead.
type eventKey struct {
	transport, issuer, route string
	noToken                  bool // see hasNoToken; in an eventKey with label values, false
}

// ofIssuer reports whether the label values are those of an issuer with its own value.
func (k *eventKey) ofIssuer() bool { return k.issuer != other && k.issuer != none }

// hasNoToken reports whether the request had no token that names an issuer, because no token was
// read.
func hasNoToken(e *bearer.Event) bool {
	switch {
	case e.Issuer != "":
		return false
	case e.Reason == "":
		return e.Err == nil && e.Claims == nil // an optional rule allowed the request
	}
	return e.Reason == bearer.NoToken || e.Reason == bearer.InvalidRequest
}

const (
	// defaultRoutes replaces an Options.MaxRoutes of zero.
	defaultRoutes = 1000
	// maxTransports limits the values of the label "transport". The guards of this module
	// set "http" and "grpc". Guards of other modules may set any value.
	maxTransports = 8
	// defaultIssuers replaces an Options.MaxIssuers of zero.
	defaultIssuers = 100
	// maxLabel is the maximum length of a label value in bytes.
	maxLabel = 256
	// maxBuckets is the maximum number of native buckets of a histogram. A histogram with more
	// buckets loses resolution.
	maxBuckets = 160
)

// Observe implements [bearer.Observer]: it counts the verdict. Observe takes less than 100 ns
// and allocates nothing. There is one exception: the first verdict for a combination of
// transport, issuer and route takes longer and allocates. A nil Collector and the
// zero Collector count nothing.
func (c *Collector) Observe(ctx context.Context, e bearer.Event) {
	if c == nil || c.none == nil {
		return // a zero Collector must not panic
	}
	counts := c.countersOf(eventKey{e.Transport, e.Issuer, e.Route, hasNoToken(&e)})
	switch {
	case e.Abandoned(ctx):
		counts.abandoned.Add(1)
	case e.Reason != "":
		counts.refused[reasonIndex(e.Reason)].Add(1)
	case e.Err != nil:
		counts.reported[reasonIndex(reasonOf(e.Err))].Add(1)
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

// reasonIndex returns the index of a reason in reasons. A reason that is not in reasons
// counts as Internal, which is the last element.
func reasonIndex(reason bearer.Reason) int {
	for i, known := range reasons {
		if known == reason {
			return i
		}
	}
	return len(reasons) - 1
}

// reasonOf returns the reason in the error of a rule in report-only mode.
func reasonOf(err error) bearer.Reason {
	// This function does not call errors.As, because errors.As allocates.
	if refusal, ok := err.(*bearer.Error); ok && refusal != nil { //nolint:errorlint // guards do not wrap this error; see above
		return refusal.Reason
	}
	return bearer.Internal
}

// Declare creates the counters of routes before the first request. The Collector then
// exports these counters from the first scrape on, with the value zero. Declare is optional.
// The routes are the values of [bearer.Event.Route]: patterns for HTTP, and full names of
// methods for gRPC.
//
// Declare creates a counter for each route and each issuer in Options.Issuers. If
// Options.Issuers is nil, Declare uses the issuers of all watched sources. Therefore, call Declare
// after Watch.
func (c *Collector) Declare(transport string, routes ...string) {
	issuers := slices.Collect(maps.Keys(c.allowed))
	if c.allowed == nil {
		for _, status := range c.statuses() {
			issuers = append(issuers, status.Issuer)
		}
	}
	for _, route := range routes {
		for _, issuer := range issuers {
			c.countersOf(eventKey{transport: transport, issuer: issuer, route: route})
		}
	}
}

// label returns a valid label value for s. It cuts s at maxLabel bytes and replaces invalid
// UTF-8. If s is empty, the result is the constant none.
func label(s string) string {
	if s == "" {
		return none
	}
	return strings.ToValidUTF8(s[:min(len(s), maxLabel)], "\uFFFD")
}

func (c *Collector) collectVerdicts(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	all := slices.Collect(maps.Values(c.counters))
	c.mu.Unlock()
	for _, counts := range all {
		emit := func(result, reason string, n uint64) {
			l := counts.labels
			m, err := prometheus.NewConstMetricWithCreatedTimestamp(requestsDesc, prometheus.CounterValue, float64(n), counts.created,
				l.transport, result, reason, l.issuer, l.route)
			send(ch, requestsDesc, m, err)
		}
		if n := counts.allowed.Load(); n > 0 || counts.labels.ofIssuer() {
			emit("allowed", none, n)
		}
		if n := counts.abandoned.Load(); n > 0 {
			emit("abandoned", none, n)
		}
		for i, reason := range reasons {
			if n := counts.refused[i].Load(); n > 0 {
				emit("refused", string(reason), n)
			}
			if n := counts.reported[i].Load(); n > 0 {
				emit("reported", string(reason), n)
			}
		}
	}
}

// newHistogram returns a histogram of the durations of decisions. The histogram has native
// buckets and classic buckets. The configuration of Prometheus determines which buckets
// Prometheus stores.
func newHistogram(cache string) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:        "bearer_verdict_duration_seconds",
		Help:        `Time to decide whether a request is allowed. The value of the label "cache" is "hit" if the token was in the cache of verified tokens, "miss" if the token was not in the cache, and "none" if no token was read.`,
		ConstLabels: prometheus.Labels{"cache": cache},
		// The decision takes about 1 µs if the token is in the cache, and at most about 2 s
		// if the request waits for the issuer's keys.
		Buckets: []float64{
			1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 5e-3, 2.5e-2, 0.1, 0.5, 1, 2.5,
		},
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  maxBuckets,
		NativeHistogramMinResetDuration: time.Hour,
	})
}
