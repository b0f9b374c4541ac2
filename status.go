package bearer

import (
	"slices"

	"github.com/bearerkit/bearer/jwks"
)

// IssuerStatus is a snapshot of an issuer, for health checks, metrics and status pages.
type IssuerStatus struct {
	// Issuer is the configured issuer, and Profile is the name of its profile.
	Issuer, Profile string
	// Keys is the state of the issuer's key cache. It is nil if the issuer's keys are not in a
	// *[jwks.Cache].
	Keys *jwks.Status
	// Sources are the states of the caches if the issuer's keys are in a *[jwks.Sources].
	Sources []jwks.Status
	// Cache is the state of the cache of verified tokens.
	Cache struct {
		// Entries is the number of cached tokens. Capacity is the maximum of Entries, which
		// Config.CacheSize sets. Capacity is zero if the cache is off.
		Entries, Capacity int
		// Hits counts the requests whose token was in the cache. Misses counts the requests whose
		// token was not in the cache. A request that waited until a concurrent request had
		// verified the same token is a miss. Hits and Misses do not count requests without a
		// well-formed token of the issuer. Evictions counts the unexpired tokens that the cache
		// removed to make room for other tokens. The counts start at zero when the verifier is
		// created.
		Hits, Misses, Evictions uint64
	}
}

// Ready reports whether the issuer's keys are loaded, or need not be loaded because of
// [jwks.Options.OnDemand]. If there are Sources, the keys of one source
// are enough. If the keys are neither in a *[jwks.Cache] nor in a *[jwks.Sources], Ready returns
// true.
func (s IssuerStatus) Ready() bool {
	if s.Keys == nil && s.Sources != nil {
		return slices.ContainsFunc(s.Sources, func(source jwks.Status) bool { return source.Ready || source.Idle })
	}
	return s.Keys == nil || s.Keys.Ready || s.Keys.Idle
}

// Status returns the state of the issuer and of its keys. The result has one element. The time that Status takes does
// not depend on the number of keys.
func (v *JWTVerifier) Status() []IssuerStatus { return []IssuerStatus{v.status()} }

func (v *JWTVerifier) status() IssuerStatus {
	status := IssuerStatus{Issuer: v.issuer, Profile: v.profile.name, Cache: v.cache.Status()}
	switch keys := v.keys.(type) {
	case *jwks.Cache:
		state := keys.Status()
		status.Keys = &state
	case *jwks.Sources:
		status.Sources = keys.Status()
	}
	return status
}

// Status returns the state of each issuer and of its keys, sorted by issuer. The time that Status takes
// does not depend on the number of keys. It grows linearly with the number of issuers, so a
// handler that answers requests without a token should not call Status for every request if
// there are many issuers.
func (s *Issuers) Status() []IssuerStatus {
	sorted := s.table().sorted
	list := make([]IssuerStatus, len(sorted))
	for i, v := range sorted {
		list[i] = v.status()
	}
	return list
}
