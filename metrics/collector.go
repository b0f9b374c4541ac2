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

// Options is what a Collector may be told. The zero Options, and nil, are fine
// for most.
type Options struct {
	// Issuers is the only values of the label issuer, besides "other": events of
	// other issuers count as "other", and to watch one of them is an error. Nil:
	// every issuer that a verifier is configured with. Verdicts are told apart for
	// the first 100 of them that are seen, and keys and token caches for all that
	// are watched: where customers bring issuers, these are so many series more.
	Issuers []string
	// MaxRoutes bounds the routes that are told apart, of all transports together.
	// Further ones count as "other". Zero: 1000.
	MaxRoutes int
}

// Collector is a [prometheus.Collector] of verdicts, keys and token caches, and
// the [bearer.Observer] that it learns verdicts from. [New] makes one. It is safe
// for concurrent use. Registering it twice with one registry is an error there.
type Collector struct {
	issuers []string // Options.Issuers

	hit, miss, none prometheus.Histogram // of verdict times, by what the cache did

	find atomic.Pointer[byIssuer]

	mu                        sync.Mutex // guards what follows, and the changes of find
	cells                     map[cellKey]*cell
	sources                   []bearer.StatusReporter
	transports, names, routes bounded // the labels given so far
}

// New returns a Collector of nothing yet: it is to be told of verdicts, as
// Config.Observer, and what to watch, by Watch. The error reports all that is
// wrong with opts at once.
func New(opts *Options) (*Collector, error) {
	if opts == nil {
		opts = &Options{}
	}
	var errs []error
	for i, issuer := range opts.Issuers {
		switch {
		case issuer == "" || issuer == other:
			errs = append(errs, fmt.Errorf("Options.Issuers: %q: not the name of an issuer", issuer))
		case slices.Contains(opts.Issuers[:i], issuer):
			errs = append(errs, fmt.Errorf("Options.Issuers: %q: twice", issuer))
		}
	}
	if opts.MaxRoutes < 0 {
		errs = append(errs, fmt.Errorf("Options.MaxRoutes: %d: negative", opts.MaxRoutes))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	c := &Collector{
		issuers:    slices.Clone(opts.Issuers),
		cells:      map[cellKey]*cell{},
		hit:        newHistogram("hit"),
		miss:       newHistogram("miss"),
		none:       newHistogram("none"),
		transports: bounded{most: maxTransports},
		names:      bounded{most: max(maxIssuers, len(opts.Issuers))},
		routes:     bounded{most: opts.MaxRoutes},
	}
	if opts.MaxRoutes == 0 {
		c.routes.most = defaultRoutes
	}
	c.find.Store(&byIssuer{})
	return c, nil
}

// Watch adds sources, whose keys and token caches are asked for on each scrape.
// Where two sources have the same issuer, its keys are those of the first one and
// its token caches are counted together. A nil source, one that is watched
// already, and an issuer that is not among Options.Issuers are errors, and nothing
// is added then.
func (c *Collector) Watch(sources ...bearer.StatusReporter) error {
	var errs []error
	// Asked without the lock: a source is somebody else's code.
	for i, source := range sources {
		if nilcheck.IsNil(source) {
			errs = append(errs, fmt.Errorf("source %d is nil", i+1))
			continue
		}
		if contains(sources[:i], source) {
			errs = append(errs, fmt.Errorf("source %d is there twice", i+1))
		}
		for _, status := range source.Status() {
			if c.issuers != nil && !slices.Contains(c.issuers, status.Issuer) {
				errs = append(errs, fmt.Errorf("issuer %q is not among Options.Issuers", status.Issuer))
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, source := range sources {
		if !nilcheck.IsNil(source) && contains(c.sources, source) {
			errs = append(errs, fmt.Errorf("source %d is watched already", i+1))
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

// contains reports whether source is among sources. Those that cannot be compared
// are each their own.
func contains(sources []bearer.StatusReporter, source bearer.StatusReporter) bool {
	return reflect.TypeOf(source).Comparable() && slices.Contains(sources, source)
}

// send makes a metric of a value, or one that tells the registry what is wrong.
func send(ch chan<- prometheus.Metric, desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
	m, err := prometheus.NewConstMetric(desc, kind, value, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(desc, err)
	}
	ch <- m
}
