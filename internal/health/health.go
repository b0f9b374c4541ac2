// Package health decides whether a process can verify tokens.
package health

import (
	"iter"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
)

// Issuers returns the current readiness of the issuers of source. If source is a
// *[bearer.JWTVerifier] or a *[bearer.Issuers], the sequence comes from the method Readiness.
// Otherwise it comes from the method Status. A type that embeds one of these two types can have
// its own method Status, so Issuers does not call a promoted method Readiness.
func Issuers(source bearer.StatusReporter) iter.Seq[bearer.IssuerReadiness] {
	switch source := source.(type) {
	case *bearer.JWTVerifier:
		return source.Readiness()
	case *bearer.Issuers:
		return source.Readiness()
	}
	return func(yield func(bearer.IssuerReadiness) bool) {
		for _, s := range source.Status() {
			if !yield(readiness(s)) {
				return
			}
		}
	}
}

func readiness(s bearer.IssuerStatus) bearer.IssuerReadiness {
	r := bearer.IssuerReadiness{Issuer: s.Issuer, Ready: s.Ready()}
	if k := s.Keys; k != nil {
		r.Cached = true
		r.Keys = jwks.Readiness{
			Ready: k.Ready, Stale: k.Stale, Restored: k.Restored,
			LastSuccess: k.LastSuccess, Age: k.Age, Keys: len(k.Keys),
		}
	}
	return r
}

// Ready reports whether every issuer has keys. If anyIssuer is true, Ready reports whether at
// least one issuer has keys. If there are no issuers, the result is false.
func Ready(issuers iter.Seq[bearer.IssuerReadiness], anyIssuer bool) bool {
	found := false
	for issuer := range issuers {
		if issuer.Ready == anyIssuer {
			return anyIssuer
		}
		found = true
	}
	return found && !anyIssuer
}
