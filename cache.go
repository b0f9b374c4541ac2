package bearer

// CacheStatus is the verified-token cache of a verifier, seen from outside.
type CacheStatus struct {
	// Entries is how many tokens are in it, and Capacity how many there may be:
	// Config.CacheSize, or the default. Capacity is zero where the cache is off.
	Entries, Capacity int
	// Hits counts the tokens that were found verified, Misses those that were
	// not, Evictions the tokens that made room for others before they expired;
	// all since the start.
	Hits, Misses, Evictions uint64
}

// CacheStatus describes the verified-token cache as it is now.
func (v *JWTVerifier) CacheStatus() CacheStatus { return CacheStatus{} }
