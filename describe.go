package bearer

import (
	"maps"
	"slices"
)

// AuthorizationServers returns the issuer identifier whose tokens v accepts, for
// the metadata of a protected resource (RFC 9728, section 2). It is empty where
// the configuration has a template for many.
func (v *JWTVerifier) AuthorizationServers() []string {
	if v.template != nil {
		return nil
	}
	return []string{v.issuer}
}

// Audience returns the identifiers of this resource, one of which a token must
// name.
func (v *JWTVerifier) Audience() []string { return slices.Clone(v.audience) }

// AuthorizationServers returns the issuer identifiers whose tokens s accepts at
// the moment, sorted; see [JWTVerifier.AuthorizationServers].
func (s *Issuers) AuthorizationServers() []string {
	return s.gather((*JWTVerifier).AuthorizationServers)
}

// Audience returns the identifiers of this resource, one or another of which a
// token must name, sorted.
func (s *Issuers) Audience() []string { return s.gather((*JWTVerifier).Audience) }

func (s *Issuers) gather(of func(*JWTVerifier) []string) []string {
	var all []string
	for v := range maps.Values(s.table().all) {
		all = append(all, of(v)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
