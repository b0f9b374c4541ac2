package bearer

import (
	"maps"
	"slices"

	"github.com/bearerkit/bearer/jwks"
)

// IssuerStatus is one issuer, seen from outside: for health checks, metrics and
// people.
type IssuerStatus struct {
	// Issuer is the configured issuer, and Profile the name of its profile.
	Issuer, Profile string
	// Keys is the state of its key cache; nil where its keys are no
	// *[jwks.Cache].
	Keys *jwks.Status
	// Cache is the state of its verified-token cache.
	Cache CacheStatus
}

// Ready reports whether there are keys to verify the issuer's tokens with. Keys
// that are no *[jwks.Cache] are there always.
func (s IssuerStatus) Ready() bool { return s.Keys == nil || s.Keys.Ready }

// Status describes the verifier's issuer: one element, so that a verifier and
// [Issuers] are asked alike. It is not for every request: it copies.
func (v *JWTVerifier) Status() []IssuerStatus { return []IssuerStatus{v.status()} }

func (v *JWTVerifier) status() IssuerStatus {
	status := IssuerStatus{Issuer: v.issuer, Profile: v.profile.name, Cache: v.CacheStatus()}
	if cache, ok := v.keys.(*jwks.Cache); ok {
		keys := cache.Status()
		status.Keys = &keys
	}
	return status
}

// Status describes the issuers, in the order of their names. It is not for every
// request: it copies.
func (s *Issuers) Status() []IssuerStatus {
	all := s.table().all
	list := make([]IssuerStatus, 0, len(all))
	for _, issuer := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[issuer].status())
	}
	return list
}

// StatusReporter is what health checks and metrics ask. *[JWTVerifier] and
// *[Issuers] are StatusReporters. Implementations MUST be safe for concurrent
// use.
type StatusReporter interface {
	// Status describes the issuers as they are now.
	Status() []IssuerStatus
}

// CacheStatus is the verified-token cache of a verifier, seen from outside.
type CacheStatus struct {
	// Entries is how many tokens are in it, and Capacity how many there may be:
	// Config.CacheSize, or the default. Capacity is zero if the cache is off.
	Entries, Capacity int
	// Hits counts the tokens that were found verified. Misses counts those that were not,
	// with those that waited for a concurrent verification. Evictions counts the tokens
	// that made room for others before they expired. All count since the start.
	Hits, Misses, Evictions uint64
}

// CacheStatus describes the verified-token cache as it is now.
func (v *JWTVerifier) CacheStatus() CacheStatus { return CacheStatus(v.cache.Status()) }
