package metrics

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
)

// issuerMetric is a metric with one value for each issuer.
type issuerMetric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	// valueOf returns the value of the metric for an issuer. The boolean is false if the
	// metric has no value.
	valueOf func(bearer.IssuerStatus) (float64, bool)
	// bySource means that the metric has the label "source", and a value for each source of an
	// issuer with several sources of keys.
	bySource bool
}

// sourceLabel is the name of the label with the source of the keys. It is "" for an issuer with one
// key cache, which is the same as no label in a query.
const sourceLabel = "source"

func perIssuer(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("bearer_"+name, help, append([]string{"issuer"}, labels...), nil)
}

// keysMetric returns a metric of an issuer's key cache. The function valueOf returns the value
// of the metric, or NaN if the metric has no value. If an issuer has no key cache, the metric
// has no value.
func keysMetric(kind prometheus.ValueType, name, help string, valueOf func(*jwks.Status) float64) issuerMetric {
	return issuerMetric{perIssuer(name, help, sourceLabel), kind, func(s bearer.IssuerStatus) (float64, bool) {
		if s.Keys == nil {
			return 0, false
		}
		n := valueOf(s.Keys)
		return n, !math.IsNaN(n)
	}, true}
}

// cacheMetric returns a metric of an issuer's cache of verified tokens. The function valueOf
// returns the value of the metric.
func cacheMetric(kind prometheus.ValueType, name, help string, valueOf func(bearer.IssuerStatus) float64) issuerMetric {
	return issuerMetric{perIssuer(name, help), kind, func(s bearer.IssuerStatus) (float64, bool) { return valueOf(s), true }, false}
}

const (
	gauge   = prometheus.GaugeValue
	counter = prometheus.CounterValue
)

//nolint:gochecknoglobals // never modified: the descriptions that Describe returns
var (
	refreshesDesc = perIssuer("keyset_refreshes_total",
		`Attempts to refresh the key set. The values of the label "result" are "refreshed", "not_modified", "failed" and "rejected". The value "rejected" means that the issuer answered, but the document is not a usable key set.`,
		sourceLabel, "result")

	issuerMetrics = []issuerMetric{
		{
			perIssuer("keyset_ready", "1 if there are usable keys of the issuer, 0 if not."), gauge,
			func(s bearer.IssuerStatus) (float64, bool) { return zeroOrOne(s.Ready()), true }, false,
		},
		keysMetric(gauge, "keyset_stale", "1 if the last good keys are too old to be used, 0 if not.",
			func(k *jwks.Status) float64 { return zeroOrOne(k.Stale) }),
		keysMetric(gauge, "keyset_withdrawn", "1 if there are no usable keys because the issuer answers but publishes no usable key any more, 0 if not.",
			func(k *jwks.Status) float64 { return zeroOrOne(k.Withdrawn) }),
		keysMetric(gauge, "keyset_old_answer", "1 if the keys come from an HTTP cache and were older than MaxStale when they arrived, 0 if not.",
			func(k *jwks.Status) float64 { return zeroOrOne(k.OldAnswer) }),
		keysMetric(gauge, "keyset_confirmed_timestamp_seconds", "Unix time from which MaxStale counts: the last successful refresh, or an earlier time if an HTTP cache answered.",
			func(k *jwks.Status) float64 { return unixSeconds(k.ConfirmedAt) }),
		keysMetric(gauge, "keyset_max_stale_seconds", "Time after bearer_keyset_confirmed_timestamp_seconds at which the keys become too old to be used (jwks.Options.MaxStale).",
			func(k *jwks.Status) float64 { return positiveSeconds(k.MaxStale) }),
		keysMetric(gauge, "keyset_restored", "1 if the keys come from the store because no refresh has succeeded since the start, 0 if not.",
			func(k *jwks.Status) float64 { return zeroOrOne(k.Restored) }),
		keysMetric(gauge, "keyset_keys", "Number of usable keys.",
			func(k *jwks.Status) float64 { return float64(len(k.Keys)) }),
		keysMetric(gauge, "keyset_skipped_keys", "Number of elements of the key set that cannot be used.",
			func(k *jwks.Status) float64 { return float64(len(k.Skipped)) }),
		keysMetric(gauge, "keyset_hash", "Hash of the keys in use, as a number. Replicas with different numbers use different keys.",
			func(k *jwks.Status) float64 { return hashNumber(k.KeySetHash) }),
		keysMetric(gauge, "keyset_age_seconds", "Time since the last successful refresh of the key set.", keysAge),
		keysMetric(gauge, "keyset_last_success_timestamp_seconds", "Unix time of the last successful refresh of the key set.",
			func(k *jwks.Status) float64 { return unixSeconds(k.LastSuccess) }),
		keysMetric(gauge, "keyset_last_attempt_timestamp_seconds", "Unix time of the last attempt to refresh the key set.",
			func(k *jwks.Status) float64 { return unixSeconds(k.LastAttempt) }),
		keysMetric(gauge, "keyset_consecutive_failures", "Number of failed attempts to refresh the key set since the last successful attempt.",
			func(k *jwks.Status) float64 { return float64(k.Failures) }),
		keysMetric(counter, "keyset_unknown_kid_refreshes_total", "Refreshes that were caused by tokens that no key in the key set verifies.",
			func(k *jwks.Status) float64 { return float64(k.MissFetches) }),
		keysMetric(counter, "keyset_unknown_kid_denied_total", "Tokens that no key in the key set verifies and that caused no refresh, because jwks.Options.CoolDown or the issuer's Retry-After did not allow a refresh.",
			func(k *jwks.Status) float64 { return float64(k.Denied) }),
		keysMetric(counter, "keyset_limit_wait_seconds_total", "Time for which refreshes of the key set waited for jwks.Limits, because other issuers used all requests or bytes, or the issuer used more bytes than its share.",
			func(k *jwks.Status) float64 { return k.LimitWait.Seconds() }),

		cacheMetric(counter, "token_cache_hits_total", "Requests whose token was in the cache of verified tokens.",
			func(s bearer.IssuerStatus) float64 { return float64(s.Cache.Hits) }),
		cacheMetric(counter, "token_cache_misses_total", "Requests whose token was not in the cache of verified tokens.",
			func(s bearer.IssuerStatus) float64 { return float64(s.Cache.Misses) }),
		cacheMetric(counter, "token_cache_evictions_total", "Tokens that were evicted from the cache of verified tokens before they expired.",
			func(s bearer.IssuerStatus) float64 { return float64(s.Cache.Evictions) }),
		cacheMetric(gauge, "token_cache_entries", "Number of tokens in the cache of verified tokens.",
			func(s bearer.IssuerStatus) float64 { return float64(s.Cache.Entries) }),
		cacheMetric(gauge, "token_cache_capacity", "Maximum number of tokens in the cache of verified tokens.",
			func(s bearer.IssuerStatus) float64 { return float64(s.Cache.Capacity) }),
	}
)

// keysAge returns the age of the keys in seconds, or NaN if no refresh has succeeded.
func keysAge(k *jwks.Status) float64 {
	if k.LastSuccess.IsZero() {
		return math.NaN()
	}
	return k.Age.Seconds()
}

// positiveSeconds returns d in seconds, or NaN if d is not positive. The Status of a different module
// may have no MaxStale.
func positiveSeconds(d time.Duration) float64 {
	if d <= 0 {
		return math.NaN()
	}
	return d.Seconds()
}

// unixSeconds returns t as Unix time, or NaN if t is zero.
func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return math.NaN()
	}
	return float64(t.UnixMilli()) / 1e3
}

func zeroOrOne(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// hashNumber returns the first 48 bits of a hexadecimal hash as a number, or NaN if there is
// no hash. A float64 represents a number of 48 bits exactly.
func hashNumber(digits string) float64 {
	n, err := strconv.ParseUint(digits[:min(len(digits), 12)], 16, 64)
	if err != nil {
		return math.NaN()
	}
	return float64(n)
}

func collectIssuers(ch chan<- prometheus.Metric, statuses []bearer.IssuerStatus) {
	for _, status := range statuses {
		issuer := label(status.Issuer)
		for _, m := range issuerMetrics {
			if !m.bySource {
				if value, ok := m.valueOf(status); ok {
					sendMetric(ch, m.desc, m.kind, value, issuer)
				}
			}
		}
		if status.Keys != nil {
			collectKeys(ch, issuer, "", status.Keys)
		}
		for i := range status.Sources {
			collectKeys(ch, issuer, label(status.Sources[i].Source), &status.Sources[i])
		}
	}
}

// collectKeys sends the metrics of one key cache.
func collectKeys(ch chan<- prometheus.Metric, issuer, source string, keys *jwks.Status) {
	for _, m := range issuerMetrics {
		if m.bySource {
			if value, ok := m.valueOf(bearer.IssuerStatus{Keys: keys}); ok {
				sendMetric(ch, m.desc, m.kind, value, issuer, source)
			}
		}
	}
	for _, refreshes := range []struct {
		result string
		n      uint64
	}{
		{"refreshed", keys.Refreshed},
		{"not_modified", keys.NotModified},
		{"failed", keys.Failed - keys.Rejected},
		{"rejected", keys.Rejected},
	} {
		sendMetric(ch, refreshesDesc, prometheus.CounterValue, float64(refreshes.n), issuer, source, refreshes.result)
	}
}

// statuses returns one status for each issuer of the sources.
func (c *Collector) statuses() []bearer.IssuerStatus {
	c.mu.Lock()
	sources := slices.Clone(c.sources)
	c.mu.Unlock()
	var all []bearer.IssuerStatus
	places := map[string]int{} // the index in all, by label value
	for _, source := range sources {
		for _, status := range source.Status() {
			if !c.allows(status.Issuer) {
				continue // the issuer was added to the source after Watch
			}
			value := label(status.Issuer)
			i, found := places[value]
			if !found {
				places[value] = len(all)
				all = append(all, status)
				continue
			}
			// Each source has its own cache of the issuer's tokens, so the result contains the sums.
			cache := &all[i].Cache
			cache.Entries += status.Cache.Entries
			cache.Capacity += status.Cache.Capacity
			cache.Hits += status.Cache.Hits
			cache.Misses += status.Cache.Misses
			cache.Evictions += status.Cache.Evictions
		}
	}
	return all
}
