package metrics

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/nilcheck"
)

// Options configures a Collector. The zero Options and nil suit most services.
type Options struct {
	// Issuers lists the values of the label issuer, besides "other". Events of other
	// issuers count as "other", and Watch refuses a source with another issuer.
	//
	// Nil allows every issuer that a verifier is configured with. Verdicts then have
	// labels for the first 100 issuers; verdicts of further issuers count as "other".
	// The number of series for keys and token caches grows with each watched issuer: set
	// Issuers if customers can add issuers.
	Issuers []string
	// MaxRoutes limits the number of routes with their own label value, for all transports
	// together. Further routes count as "other". Zero means 1,000. New refuses a negative
	// number.
	MaxRoutes int
}

// Collector is a [prometheus.Collector] of verdicts, keys and token caches. It is also the
// [bearer.Observer] that counts the verdicts. [New] returns one; the zero Collector must
// not be registered. A Collector is safe for concurrent use. A registry refuses to register
// a Collector twice.
type Collector struct {
	allowed []string // Options.Issuers

	hit, miss, none prometheus.Histogram // durations of verdicts, by cache result

	lookup atomic.Pointer[byIssuer]

	mu                          sync.Mutex // guards the fields below, and changes of lookup
	counters                    map[eventKey]*counters
	sources                     []bearer.StatusReporter
	transports, issuers, routes bounded // the label values used so far
}

// New returns a Collector. To count verdicts, set the Collector as Config.Observer. To
// export the state of keys and token caches, call Watch with the verifiers. The error
// lists everything that is wrong with opts.
func New(opts *Options) (*Collector, error) {
	if opts == nil {
		opts = &Options{}
	}
	var errs []error
	for i, issuer := range opts.Issuers {
		switch {
		case issuer == "" || issuer == other:
			errs = append(errs, fmt.Errorf("Options.Issuers: %q: want the identifier of an issuer", issuer))
		case slices.Contains(opts.Issuers[:i], issuer):
			errs = append(errs, fmt.Errorf("Options.Issuers: %q: listed twice", issuer))
		}
	}
	if opts.MaxRoutes < 0 {
		errs = append(errs, fmt.Errorf("Options.MaxRoutes: %d: must not be negative", opts.MaxRoutes))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	c := &Collector{
		allowed:    slices.Clone(opts.Issuers),
		counters:   map[eventKey]*counters{},
		hit:        newHistogram("hit"),
		miss:       newHistogram("miss"),
		none:       newHistogram("none"),
		transports: bounded{limit: maxTransports},
		issuers:    bounded{limit: max(maxIssuers, len(opts.Issuers))},
		routes:     bounded{limit: opts.MaxRoutes},
	}
	if opts.MaxRoutes == 0 {
		c.routes.limit = defaultRoutes
	}
	c.lookup.Store(&byIssuer{})
	return c, nil
}

// Watch adds sources, usually verifiers. Each scrape reads the state of their keys and
// token caches. If two sources have the same issuer, the metrics of the issuer's keys come
// from the first source, and the numbers of both token caches are added. A nil source, a
// source that is already watched, and an issuer that is not in Options.Issuers are errors.
// On an error, no source is added.
func (c *Collector) Watch(sources ...bearer.StatusReporter) error {
	var errs []error
	// c.mu is not held here, because Status may be code from outside this module.
	for i, source := range sources {
		if nilcheck.IsNil(source) {
			errs = append(errs, fmt.Errorf("source %d is nil", i+1))
			continue
		}
		if contains(sources[:i], source) {
			errs = append(errs, fmt.Errorf("source %d is passed twice", i+1))
		}
		for _, status := range source.Status() {
			if c.allowed != nil && !slices.Contains(c.allowed, status.Issuer) {
				errs = append(errs, fmt.Errorf("issuer %q is not in Options.Issuers", status.Issuer))
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, source := range sources {
		if !nilcheck.IsNil(source) && contains(c.sources, source) {
			errs = append(errs, fmt.Errorf("source %d is already watched", i+1))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	c.sources = append(c.sources, sources...)
	return nil
}

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- requestsDesc
	for _, h := range []prometheus.Histogram{c.hit, c.miss, c.none} {
		h.Describe(ch)
	}
	for _, m := range issuerMetrics {
		ch <- m.desc
	}
	ch <- refreshesDesc
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	c.collectVerdicts(ch)
	for _, h := range []prometheus.Histogram{c.hit, c.miss, c.none} {
		h.Collect(ch)
	}
	c.collectIssuers(ch)
}

// contains reports whether source is in sources. It returns false if the type of source
// is not comparable.
func contains(sources []bearer.StatusReporter, source bearer.StatusReporter) bool {
	return reflect.TypeOf(source).Comparable() && slices.Contains(sources, source)
}

// send sends a metric with this value to ch. If the metric is invalid, it sends the error
// instead, which the registry then reports.
func send(ch chan<- prometheus.Metric, desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
	m, err := prometheus.NewConstMetric(desc, kind, value, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(desc, err)
	}
	ch <- m
}
