// Package metrics exports metrics to Prometheus. The metrics count the verdicts of guards
// and verifiers, and show the state of the issuers' keys and of the caches of verified
// tokens. Services that do not import this package do not depend on the Prometheus library.
//
// A verdict is the outcome of one request, for example allowed or refused. A [Collector] is
// a [bearer.Observer] that counts verdicts. At each scrape, the Collector also reads the
// state of the keys and of the caches from the verifiers that it watches:
//
//	collector, err := metrics.New(nil)
//	v, err := bearer.New(bearer.Config{ ..., Observer: collector })
//	err = collector.Watch(v)
//	err = prometheus.Register(collector)
//
// The file dashboard.json is a Grafana dashboard. The file rules.yml contains alert rules
// for Prometheus. The Collector exports these metrics, each with a help text:
//
//	bearer_requests_total{transport,result,reason,issuer,route}
//	bearer_verdict_duration_seconds{cache}
//	bearer_token_cache_hits_total{issuer}
//	bearer_token_cache_misses_total{issuer}
//	bearer_token_cache_evictions_total{issuer}
//	bearer_token_cache_entries{issuer}
//	bearer_token_cache_capacity{issuer}
//	bearer_keyset_ready{issuer}
//	bearer_keyset_stale{issuer,source}
//	bearer_keyset_withdrawn{issuer,source}
//	bearer_keyset_old_answer{issuer,source}
//	bearer_keyset_confirmed_timestamp_seconds{issuer,source}
//	bearer_keyset_max_stale_seconds{issuer,source}
//	bearer_keyset_restored{issuer,source}
//	bearer_keyset_keys{issuer,source}
//	bearer_keyset_skipped_keys{issuer,source}
//	bearer_keyset_hash{issuer,source}
//	bearer_keyset_age_seconds{issuer,source}
//	bearer_keyset_last_success_timestamp_seconds{issuer,source}
//	bearer_keyset_last_attempt_timestamp_seconds{issuer,source}
//	bearer_keyset_consecutive_failures{issuer,source}
//	bearer_keyset_refreshes_total{issuer,source,result}
//	bearer_keyset_unknown_kid_refreshes_total{issuer,source}
//	bearer_keyset_unknown_kid_denied_total{issuer,source}
//	bearer_keyset_limit_wait_seconds_total{issuer,source}
//
// If the keys of an issuer are neither in a [jwks.Cache] nor in a [jwks.Sources], the Collector
// exports only bearer_keyset_ready and the metrics of the cache of verified tokens for this issuer.
//
// # Labels
//
// The number of values of each label is limited. No label value contains a part of a token.
//
//   - "transport" is "http" or "grpc". Guards for other transports set other values. The value
//     is "none" if the verifier was called without a guard. The value is "other" if 8
//     other transports already have their own value.
//   - "result" of bearer_requests_total is "allowed", "refused", "reported" or "abandoned".
//     "reported" means that the request was allowed only because the rule is in report-only
//     mode. "abandoned" means that the request was canceled or timed out while it waited for
//     keys ([bearer.Event.Abandoned]). "abandoned" does not mean that the issuer is down.
//   - "result" of bearer_keyset_refreshes_total is "refreshed", "not_modified", "failed" or
//     "rejected". "rejected" means that the issuer answered, but the document is not a usable
//     key set.
//   - "source" is the source of the keys for each cache of a [jwks.Sources]; see
//     [jwks.Key.Source]. For an issuer with one key cache, the value is "".
//   - "reason" is a [bearer.Reason] if the result is "refused" or "reported". Otherwise the
//     value is "none".
//   - "issuer" is the configured issuer. The value is "none" if the request has no token, or if no
//     token could be read from it. The value is "other" if the token names no configured
//     issuer, if Options.Issuers does not allow a value for the issuer, or if
//     Options.MaxIssuers other issuers already have their own value.
//   - "route" is the declared pattern of the route, or the name of the gRPC method. The value
//     is "none" if the request has no route. The value is "other" if Options.MaxRoutes other
//     routes already have their own value.
//   - "cache" is "hit" if the token was in the cache of verified tokens, and "miss" if the
//     token was not in the cache. The value is "none" if no token was read from the request.
package metrics
