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
	// Issuers lists the issuers that have their own value of the label "issuer". Verdicts
	// on tokens of an issuer that is not in the list have the value "other". Watch returns
	// an error for a source with an issuer that is not in the list.
	//
	// If Issuers is nil, all configured issuers are allowed. In this case, the first 100
	// issuers have their own values, and verdicts on tokens of further issuers have the value
	// "other". The metrics of keys and caches have no such limit, so each watched issuer adds
	// series. Set Issuers if customers can add issuers.
	Issuers []string
	// MaxRoutes is the maximum number of routes that have their own value of the label
	// "route". The limit applies to all transports together. Further routes have the value
	// "other". Zero means 1,000. If MaxRoutes is negative, New returns an error.
	MaxRoutes int
}

// Collector is a [prometheus.Collector] that exports metrics of verdicts, of keys and of
// caches of verified tokens. It is also a [bearer.Observer] that counts verdicts. Call [New]
// to create a Collector; do not register the zero Collector. A Collector is safe for
// concurrent use. If a Collector is registered twice, the registry returns an error.
type Collector struct {
	allowed []string // Options.Issuers

	hit, miss, none prometheus.Histogram // durations of decisions, by value of the label "cache"

	lookup atomic.Pointer[byIssuer]

	mu                          sync.Mutex // guards the fields below, and changes of lookup
	counters                    map[eventKey]*counters
	sources                     []bearer.StatusReporter
	transports, issuers, routes bounded // the label values used so far
}

// New returns a Collector. To count verdicts, set the Collector as Config.Observer. To
// export the state of keys and caches, call Watch with the verifiers. The error lists all
// invalid fields of opts.
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

// Watch adds sources, usually verifiers. Each scrape reads the state of the keys and caches
// of all sources. If two sources have the same issuer, the metrics of the issuer's keys come
// from the first source, and the metrics of the cache are the sums of both caches.
//
// Watch returns an error if a source is nil or already watched, or if Options.Issuers is set
// and does not list an issuer of a source. If Watch returns an error, it adds no source.
func (c *Collector) Watch(sources ...bearer.StatusReporter) error {
	var errs []error
	// This loop does not hold c.mu, because a Status method of a different module can
	// call this Collector.
	for i, source := range sources {
		if nilcheck.IsNil(source) {
			errs = append(errs, fmt.Errorf("source %d is nil", i+1))
			continue
		}
		if containsSource(sources[:i], source) {
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
		if !nilcheck.IsNil(source) && containsSource(c.sources, source) {
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

// containsSource reports whether sources contains source. If the type of source is not
// comparable, the result is false.
func containsSource(sources []bearer.StatusReporter, source bearer.StatusReporter) bool {
	return reflect.TypeOf(source).Comparable() && slices.Contains(sources, source)
}

// sendMetric sends a metric to ch. If the labels do not match desc, sendMetric sends a metric
// that contains the error, and the registry reports the error.
func sendMetric(ch chan<- prometheus.Metric, desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
	m, err := prometheus.NewConstMetric(desc, kind, value, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(desc, err)
	}
	ch <- m
}
