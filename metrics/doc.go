// Package metrics exports the verdicts of guards and verifiers, and the state of the
// issuers' keys and of the token caches, to Prometheus. Services that do not import this
// package do not depend on the Prometheus library.
//
// A verdict is the outcome of one request: allowed or refused. A [Collector] is a
// [bearer.Observer] that counts verdicts. At each scrape it also reads the state of keys and
// token caches from the verifiers that it watches:
//
//	collector, err := metrics.New(nil)
//	v, err := bearer.New(bearer.Config{ ..., Observer: collector })
//	err = collector.Watch(v)
//	err = prometheus.Register(collector)
//
// The file dashboard.json is a Grafana dashboard, and rules.yml contains alert rules for
// Prometheus. Both use these metrics. The Collector sends a help text with each of them:
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
// An issuer whose keys are not in a [jwks.Cache] has only bearer_keyset_ready and the metrics
// of the token cache.
//
// # Labels
//
// The number of values of each label is bounded. No value contains any part of a token.
//
//   - transport is "http", "grpc" or the value that a guard for another transport sets. It
//     is "none" if the verifier was called without a guard, and "other" for transports beyond
//     the first 8.
//   - result of bearer_requests_total is "allowed", "refused", "reported" or "abandoned".
//     "reported" means that the request was allowed only because its rule is in report-only
//     mode. "abandoned" means that the request was canceled or timed out while it waited for
//     keys ([bearer.Event.Abandoned]). It does not mean that the issuer is down.
//   - result of bearer_keyset_refreshes_total is "refreshed", "not_modified", "failed", or
//     "rejected" if the issuer answered with a document that is not a usable key set.
//   - reason is a [bearer.Reason] for the results "refused" and "reported", and otherwise
//     "none".
//   - issuer is the configured issuer. It is "other" if the token names no configured issuer,
//     and for issuers beyond the limit of Options.Issuers.
//   - route is the declared pattern of the route, or the name of the gRPC method. It is
//     "none" if the request has no route, and "other" for routes beyond Options.MaxRoutes.
//   - cache is "hit" if the token was in the cache of verified tokens, "miss" if it was not,
//     and "none" if no token was read from the request.
package metrics
