// Package metrics shows what verifiers and guards decide, and how healthy the
// keys of their issuers are, to Prometheus. It is the only package that knows
// Prometheus; whoever does not import it does not pay for that.
//
// A [Collector] is an Observer of verdicts, and asks verifiers for their keys and
// token caches when it is scraped:
//
//	collector, err := metrics.New(nil)
//	v, err := bearer.New(bearer.Config{ ..., Observer: collector })
//	err = collector.Watch(v)
//	err = prometheus.Register(collector)
//
// The file dashboard.json is a dashboard for Grafana and rules.yml are alerts for
// Prometheus, both made of these metrics:
//
//	bearer_requests_total{transport,result,reason,issuer,route}
//	bearer_verdict_duration_seconds{cache}
//	bearer_token_cache_hits_total{issuer}
//	bearer_token_cache_misses_total{issuer}
//	bearer_token_cache_evictions_total{issuer}
//	bearer_token_cache_entries{issuer}
//	bearer_token_cache_capacity{issuer}
//	bearer_keyset_ready{issuer}
//	bearer_keyset_stale{issuer}
//	bearer_keyset_restored{issuer}
//	bearer_keyset_keys{issuer}
//	bearer_keyset_skipped_keys{issuer}
//	bearer_keyset_hash{issuer}
//	bearer_keyset_age_seconds{issuer}
//	bearer_keyset_last_success_timestamp_seconds{issuer}
//	bearer_keyset_last_attempt_timestamp_seconds{issuer}
//	bearer_keyset_consecutive_failures{issuer}
//	bearer_keyset_refreshes_total{issuer,result}
//	bearer_keyset_unknown_kid_refreshes_total{issuer}
//	bearer_keyset_unknown_kid_denied_total{issuer}
//
// # Labels
//
// Their values are bounded, whatever clients send. The label transport is "http",
// "grpc" or "none", where a verifier was called without a guard. The label result
// is "allowed", "refused", "reported" where only the mode of the rule let the
// request through, or "abandoned" where the caller did not wait for the keys, which
// is no outage ([bearer.Event.Abandoned]). The label reason is one of [bearer.Reason], or "none". The
// label issuer is the configured issuer, or "other" where the token names none of
// them. The label route is the pattern of the route or the name of the method as
// it was declared, "none" without one, and "other" beyond Options.MaxRoutes. The
// label cache says whether the token was verified before: "hit" or "miss", or
// "none" where no token was looked at. Nothing of a token is in any of them.
package metrics
