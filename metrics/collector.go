package metrics

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

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
	// If Issuers is nil, all configured issuers are allowed, up to MaxIssuers. The metrics of keys
	// and caches have no such limit, so each watched issuer adds series. Set Issuers if customers
	// can add issuers and the number of series must stay fixed.
	Issuers []string
	// MaxIssuers is the maximum number of issuers that have their own value of the label
	// "issuer" in the metrics of verdicts. Verdicts on tokens of further issuers have the value
	// "other", so no verdict is lost. A token with an issuer that is not configured never takes
	// a place. Zero means 100, or the length of Issuers if Issuers is longer. New returns an
	// error if MaxIssuers is negative, or if it is not zero and smaller than the length of
	// Issuers.
	//
	// The place of an issuer becomes free 10 min after a scrape first found that no watched
	// source has the issuer any more, for example after [bearer.Issuers.Remove]. The series of
	// the issuer then end. If the issuer comes back within these 10 min, its counters continue.
	// If it comes back later, its counters start at zero, as after a restart of the process. The
	// functions rate and increase of Prometheus expect this.
	//
	// An issuer that no scrape has found in a watched source keeps its place until all places are
	// taken. Its place then becomes free as soon as the issuer has had no verdicts for 10 min. So an
	// issuer that is added and removed between two scrapes also loses its place. Issuers in the
	// field Issuers keep their places.
	MaxIssuers int
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
	allowed map[string]bool // Options.Issuers; nil if all issuers are allowed

	hit, miss, none prometheus.Histogram // durations of decisions, by value of the label "cache"

	lookup   atomic.Pointer[byIssuer]
	overflow atomic.Pointer[byRoute] // the counters whose label "issuer" is the constant other
	full     atomic.Bool             // all places of the label "issuer" are taken
	// withoutToken contains the counters whose label "issuer" is the constant none.
	withoutToken atomic.Pointer[byRoute]

	mu                          sync.Mutex // guards the fields below, and changes of the four fields above
	counters                    map[eventKey]*counters
	sources                     []statusReporter
	transports, issuers, routes bounded // the label values in use
	// missing contains each value of the label "issuer" that a watched source has had. The time
	// is zero while a source has the issuer. Otherwise it is the time of the first scrape that
	// did not find the issuer.
	missing map[string]time.Time
	// idle contains the values of the label "issuer" that no scrape has found in a watched source.
	// It is empty while a place is free.
	idle map[string]idleSince
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
		case issuer == "" || issuer == other || issuer == none:
			errs = append(errs, fmt.Errorf("Options.Issuers: %q: want the identifier of an issuer", issuer))
		case slices.Contains(opts.Issuers[:i], issuer):
			errs = append(errs, fmt.Errorf("Options.Issuers: %q: listed twice", issuer))
		}
	}
	if n := opts.MaxIssuers; n < 0 {
		errs = append(errs, fmt.Errorf("Options.MaxIssuers: %d: must not be negative", n))
	} else if n > 0 && n < len(opts.Issuers) {
		errs = append(errs, fmt.Errorf("Options.MaxIssuers: %d: Options.Issuers lists %d issuers; increase MaxIssuers or leave it zero", n, len(opts.Issuers)))
	}
	if opts.MaxRoutes < 0 {
		errs = append(errs, fmt.Errorf("Options.MaxRoutes: %d: must not be negative", opts.MaxRoutes))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	c := &Collector{
		counters:   map[eventKey]*counters{},
		hit:        newHistogram("hit"),
		miss:       newHistogram("miss"),
		none:       newHistogram("none"),
		transports: bounded{limit: maxTransports},
		issuers:    bounded{limit: opts.MaxIssuers},
		routes:     bounded{limit: opts.MaxRoutes},
		missing:    map[string]time.Time{},
		idle:       map[string]idleSince{},
	}
	if opts.Issuers != nil {
		c.allowed = make(map[string]bool, len(opts.Issuers))
		for _, issuer := range opts.Issuers {
			c.allowed[issuer] = true
		}
	}
	if opts.MaxIssuers == 0 {
		c.issuers.limit = max(defaultIssuers, len(opts.Issuers))
	}
	if opts.MaxRoutes == 0 {
		c.routes.limit = defaultRoutes
	}
	c.lookup.Store(&byIssuer{})
	c.overflow.Store(&byRoute{})
	c.withoutToken.Store(&byRoute{})
	return c, nil
}

// Watch adds sources, usually a *[bearer.JWTVerifier] or a *[bearer.Issuers]. A source of a different
// type must be safe for concurrent use. Each scrape reads the state of the keys and caches
// of all sources. If two sources have the same issuer, the metrics of the issuer's keys come
// from the first source, and the metrics of the cache are the sums of both caches.
//
// Watch returns an error if a source is nil or already watched, or if Options.Issuers is set
// and does not list an issuer of a source. If Watch returns an error, it adds no source.
func (c *Collector) Watch(sources ...interface{ Status() []bearer.IssuerStatus }) error {
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
			if !c.allows(status.Issuer) {
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
	statuses := c.statuses()
	c.collectVerdicts(ch)
	for _, h := range []prometheus.Histogram{c.hit, c.miss, c.none} {
		h.Collect(ch)
	}
	collectIssuers(ch, statuses)
	// This call comes last, so that each scrape exports the counters before they are removed.
	c.freePlaces(statuses, time.Now())
}

// allows reports whether Options.Issuers allows a value of the label "issuer" for the issuer.
func (c *Collector) allows(issuer string) bool { return c.allowed == nil || c.allowed[issuer] }

// statusReporter is a verifier of package bearer, or a source of your own.
type statusReporter = interface{ Status() []bearer.IssuerStatus }

// containsSource reports whether sources contains source. If the type of source is not
// comparable, the result is false.
func containsSource(sources []statusReporter, source statusReporter) bool {
	return reflect.TypeOf(source).Comparable() && slices.Contains(sources, source)
}

// sendMetric sends a metric to ch. If the labels do not match desc, sendMetric sends a metric
// that contains the error, and the registry reports the error.
func sendMetric(ch chan<- prometheus.Metric, desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
	m, err := prometheus.NewConstMetric(desc, kind, value, labels...)
	send(ch, desc, m, err)
}

// send sends m to ch. If err is not nil, send sends a metric that contains err instead.
func send(ch chan<- prometheus.Metric, desc *prometheus.Desc, m prometheus.Metric, err error) {
	if err != nil {
		m = prometheus.NewInvalidMetric(desc, err)
	}
	ch <- m
}
