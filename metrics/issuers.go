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

// issuerMetric is one number of each issuer.
type issuerMetric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	// value returns the number, and whether there is one.
	value func(bearer.IssuerStatus) (float64, bool)
}

func perIssuer(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("bearer_"+name, help, append([]string{"issuer"}, labels...), nil)
}

// ofKeys is a metric of issuers whose keys come from a cache.
func ofKeys(kind prometheus.ValueType, name, help string, value func(*jwks.Status) float64) issuerMetric {
	return issuerMetric{perIssuer(name, help), kind, func(s bearer.IssuerStatus) (float64, bool) {
		if s.Keys == nil {
			return 0, false
		}
		n := value(s.Keys)
		return n, !math.IsNaN(n)
	}}
}

// ofCache is a metric of the cache of verified tokens.
func ofCache(kind prometheus.ValueType, name, help string, value func(bearer.CacheStatus) float64) issuerMetric {
	return issuerMetric{perIssuer(name, help), kind, func(s bearer.IssuerStatus) (float64, bool) { return value(s.Cache), true }}
}

const (
	gauge   = prometheus.GaugeValue
	counter = prometheus.CounterValue
)

//nolint:gochecknoglobals // what Describe returns, made of constants
var (
	refreshesDesc = perIssuer("keyset_refreshes_total",
		"Attempts to refresh the key set, by result: refreshed, not_modified, failed, or rejected, where the issuer answered with no usable key set.",
		"result")

	issuerMetrics = []issuerMetric{
		{
			perIssuer("keyset_ready", "Whether there are keys to verify tokens with."), gauge,
			func(s bearer.IssuerStatus) (float64, bool) { return truth(s.Ready()), true },
		},
		ofKeys(gauge, "keyset_stale", "Whether there are no keys since the last good ones are too old.",
			func(k *jwks.Status) float64 { return truth(k.Stale) }),
		ofKeys(gauge, "keyset_restored", "Whether the keys are from the store: the issuer has not answered since the start.",
			func(k *jwks.Status) float64 { return truth(k.Restored) }),
		ofKeys(gauge, "keyset_keys", "Usable keys.",
			func(k *jwks.Status) float64 { return float64(len(k.Keys)) }),
		ofKeys(gauge, "keyset_skipped_keys", "Elements of the key set that cannot be used.",
			func(k *jwks.Status) float64 { return float64(len(k.Skipped)) }),
		ofKeys(gauge, "keyset_hash", "A number that stands for the keys in use: replicas that show different ones use different keys.",
			func(k *jwks.Status) float64 { return hash(k.KeySetHash) }),
		ofKeys(gauge, "keyset_age_seconds", "Time since the issuer was last asked for its keys with success.", age),
		ofKeys(gauge, "keyset_last_success_timestamp_seconds", "When the issuer was last asked for its keys with success.",
			func(k *jwks.Status) float64 { return seconds(k.LastSuccess) }),
		ofKeys(gauge, "keyset_last_attempt_timestamp_seconds", "When the issuer was last asked for its keys.",
			func(k *jwks.Status) float64 { return seconds(k.LastAttempt) }),
		ofKeys(gauge, "keyset_consecutive_failures", "Attempts to refresh the key set that failed since the last success.",
			func(k *jwks.Status) float64 { return float64(k.Failures) }),
		ofKeys(counter, "keyset_unknown_kid_refreshes_total", "Refreshes that a token caused whose key is not in the set.",
			func(k *jwks.Status) float64 { return float64(k.MissFetches) }),
		ofKeys(counter, "keyset_unknown_kid_denied_total", "Tokens whose key is not in the set and that caused no refresh, because of the cool-down.",
			func(k *jwks.Status) float64 { return float64(k.Denied) }),

		ofCache(counter, "token_cache_hits_total", "Tokens that were found verified.",
			func(s bearer.CacheStatus) float64 { return float64(s.Hits) }),
		ofCache(counter, "token_cache_misses_total", "Tokens that were not found verified.",
			func(s bearer.CacheStatus) float64 { return float64(s.Misses) }),
		ofCache(counter, "token_cache_evictions_total", "Verified tokens that made room for others before they expired.",
			func(s bearer.CacheStatus) float64 { return float64(s.Evictions) }),
		ofCache(gauge, "token_cache_entries", "Verified tokens that are remembered.",
			func(s bearer.CacheStatus) float64 { return float64(s.Entries) }),
		ofCache(gauge, "token_cache_capacity", "Verified tokens that can be remembered.",
			func(s bearer.CacheStatus) float64 { return float64(s.Capacity) }),
	}
)

// age has no value before the first success.
func age(k *jwks.Status) float64 {
	if k.LastSuccess.IsZero() {
		return math.NaN()
	}
	return k.Age.Seconds()
}

// seconds has no value before there was such a time.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return math.NaN()
	}
	return float64(t.UnixMilli()) / 1e3
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// hash makes a number of the first 48 bits of a hash in hexadecimal digits, which
// a float64 holds exactly. It has no value where there is no hash.
func hash(digits string) float64 {
	n, err := strconv.ParseUint(digits[:min(len(digits), 12)], 16, 64)
	if err != nil {
		return math.NaN()
	}
	return float64(n)
}

func (c *Collector) collectIssuers(ch chan<- prometheus.Metric) {
	for _, status := range c.statuses() {
		issuer := label(status.Issuer)
		for _, m := range issuerMetrics {
			if value, ok := m.value(status); ok {
				send(ch, m.desc, m.kind, value, issuer)
			}
		}
		if keys := status.Keys; keys != nil {
			for _, refreshes := range []struct {
				result string
				n      uint64
			}{
				{"refreshed", keys.Refreshed},
				{"not_modified", keys.NotModified},
				{"failed", keys.Failed - keys.Rejected},
				{"rejected", keys.Rejected},
			} {
				send(ch, refreshesDesc, prometheus.CounterValue, float64(refreshes.n), issuer, refreshes.result)
			}
		}
	}
}

// statuses asks every source, and returns each issuer once.
func (c *Collector) statuses() []bearer.IssuerStatus {
	c.mu.Lock()
	sources := slices.Clone(c.sources)
	c.mu.Unlock()
	var all []bearer.IssuerStatus
	for _, source := range sources {
		for _, status := range source.Status() {
			if c.issuers != nil && !slices.Contains(c.issuers, status.Issuer) {
				continue // added since it was watched
			}
			i := slices.IndexFunc(all, func(s bearer.IssuerStatus) bool { return label(s.Issuer) == label(status.Issuer) })
			if i < 0 {
				all = append(all, status)
				continue
			}
			// A token cache of its own, of the same issuer's tokens.
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
