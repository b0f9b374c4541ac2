package metrics

import (
	"maps"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearer"
)

// freeAfter is the time for which an issuer that no watched source has any more keeps its place. It
// is also the time without events after which freeIdle frees the place of an issuer.
// It must be longer than a request, because the last events of the issuer can come later. It must
// also be longer than several scrapes, so that each of several scrapers reads the last values.
const freeAfter = 10 * time.Minute

// byIssuer contains a map byRoute for each issuer that has its own value of the label "issuer".
// byRoute contains the counters of an issuer by transport and route. Maps of both types are
// immutable, so Observe reads them without a lock. To add an entry, countersOf copies a map,
// changes the copy, and stores the copy. Each issuer has its own byRoute, so that the copies stay
// small.
type (
	byIssuer map[string]*atomic.Pointer[byRoute]
	byRoute  map[routeKey]*counters
	routeKey struct{ transport, route string }
)

// bounded is the set of the values of a label. The set has at most limit values.
type bounded struct {
	limit  int
	values map[string]bool
}

// admit adds the value to the set and returns the value. If the set is full and does not
// contain the value, admit returns the constant "other".
func (b *bounded) admit(value string) string {
	switch {
	case b.values[value]:
	case len(b.values) >= b.limit:
		return other
	default:
		if b.values == nil {
			b.values = map[string]bool{}
		}
		b.values[value] = true
	}
	return value
}

// countersOf returns the counters of an event. If the counters do not exist, countersOf
// creates them.
func (c *Collector) countersOf(event eventKey) *counters {
	key := routeKey{event.transport, event.route}
	if routes := c.routesOf(&event); routes != nil {
		if found := (*routes.Load())[key]; found != nil {
			return found
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	labels := c.admit(event)
	found := c.counters[labels]
	if found == nil {
		found = &counters{labels: labels, created: time.Now()}
		c.counters[labels] = found
	}
	var routes *atomic.Pointer[byRoute]
	switch labels.issuer {
	case other:
		routes = &c.overflow
	case none:
		routes = &c.withoutToken
	default:
		routes = c.placeOf(event.issuer)
	}
	// If the map is full, the counters are not added, because memory must stay bounded.
	if known := *routes.Load(); len(known) <= 2*c.routes.limit {
		next := maps.Clone(known)
		next[key] = found
		routes.Store(&next)
	}
	return found
}

// placeOf returns the counters of an issuer that has its own label value. The caller holds c.mu.
func (c *Collector) placeOf(issuer string) *atomic.Pointer[byRoute] {
	issuers := *c.lookup.Load()
	if routes := issuers[issuer]; routes != nil {
		return routes
	}
	routes := new(atomic.Pointer[byRoute])
	routes.Store(&byRoute{})
	if len(issuers) > 2*c.issuers.limit {
		return routes // many long issuers have the same label value, and memory must stay bounded
	}
	issuers = maps.Clone(issuers)
	issuers[issuer] = routes
	c.lookup.Store(&issuers)
	return routes
}

// routesOf returns the counters of the issuer of an event. It returns nil if the issuer has no
// counters yet and may get a place. An issuer with the name "other" or "none" gets no place, because
// these label values have a different meaning.
func (c *Collector) routesOf(event *eventKey) *atomic.Pointer[byRoute] {
	issuer := event.issuer
	switch {
	case event.noToken:
		return &c.withoutToken
	case issuer == "" || issuer == other || issuer == none:
		return &c.overflow
	}
	if routes := (*c.lookup.Load())[issuer]; routes != nil {
		return routes
	}
	if c.full.Load() || !c.allows(issuer) {
		return &c.overflow
	}
	return nil
}

// admit returns the label values for an event. The caller holds c.mu.
func (c *Collector) admit(event eventKey) eventKey {
	labels := eventKey{transport: c.transports.admit(label(event.transport)), issuer: other, route: other}
	// An issuer with counters keeps its place. Events of other issuers without a place use the
	// counters of routesOf, so the label must be the constant other.
	switch c.routesOf(&event) {
	case &c.overflow:
	case &c.withoutToken:
		labels.issuer = none
	default:
		labels.issuer = c.issuers.admit(label(event.issuer))
		c.full.Store(len(c.issuers.values) >= c.issuers.limit)
	}
	route := label(event.route)
	if c.routes.admit(labels.transport+" "+route) != other {
		labels.route = route
	}
	return labels
}

// idleSince is the number of events of an issuer at a scrape, and the time of the first scrape with
// this number.
type idleSince struct {
	events uint64
	since  time.Time
}

// freeIdle frees the places of the issuers that no scrape has found in a watched source, and that
// have had no event for freeAfter. It frees them only while all places are taken. Without freeIdle,
// an issuer that is added and removed between two scrapes keeps its place forever. The result
// reports whether a place became free. The caller holds c.mu.
func (c *Collector) freeIdle(current map[string]bool, now time.Time) (freed bool) {
	if !c.full.Load() {
		clear(c.idle)
		return false
	}
	unseen := map[string]uint64{} // the number of events by issuer
	for value := range c.issuers.values {
		if _, seen := c.missing[value]; !seen && !current[value] {
			unseen[value] = 0
		}
	}
	maps.DeleteFunc(c.idle, func(value string, _ idleSince) bool {
		_, ok := unseen[value]
		return !ok
	})
	if len(unseen) == 0 {
		return false
	}
	for labels, counts := range c.counters {
		if _, ok := unseen[labels.issuer]; ok {
			unseen[labels.issuer] += counts.total()
		}
	}
	for value, events := range unseen {
		last, known := c.idle[value]
		switch {
		case !known || last.events != events:
			c.idle[value] = idleSince{events, now}
		case now.Sub(last.since) >= freeAfter:
			delete(c.idle, value)
			delete(c.issuers.values, value)
			freed = true
		}
	}
	return freed
}

// freePlaces frees the places of the issuers that no watched source has had for freeAfter, and
// the places that freeIdle frees. It removes the counters of these issuers. The argument statuses contains the issuers that the sources have at the
// time now.
func (c *Collector) freePlaces(statuses []bearer.IssuerStatus, now time.Time) {
	if c.allowed != nil {
		return // each issuer in Options.Issuers has a place of its own
	}
	current := make(map[string]bool, len(statuses))
	for _, status := range statuses {
		current[label(status.Issuer)] = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for value := range c.issuers.values {
		if current[value] {
			c.missing[value] = time.Time{}
		}
	}
	freed := c.freeIdle(current, now)
	for value, since := range c.missing {
		switch {
		case current[value]:
		case since.IsZero():
			c.missing[value] = now
		case now.Sub(since) >= freeAfter:
			delete(c.missing, value)
			delete(c.issuers.values, value)
			freed = true
		}
	}
	if !freed {
		return
	}
	maps.DeleteFunc(c.counters, func(labels eventKey, _ *counters) bool {
		return labels.ofIssuer() && !c.issuers.values[labels.issuer]
	})
	issuers := maps.Clone(*c.lookup.Load())
	maps.DeleteFunc(issuers, func(issuer string, _ *atomic.Pointer[byRoute]) bool { return !c.issuers.values[label(issuer)] })
	c.lookup.Store(&issuers)
	c.full.Store(false)
}
