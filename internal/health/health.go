// Package health holds what the health checks of the guards share.
package health

import (
	"slices"

	"github.com/bearerkit/bearer"
)

// Ready reports whether every issuer has keys. If anyIssuer is true, Ready reports whether at
// least one issuer has keys. If there are no issuers, the result is false.
func Ready(issuers []bearer.IssuerStatus, anyIssuer bool) bool {
	if anyIssuer {
		return slices.ContainsFunc(issuers, bearer.IssuerStatus.Ready)
	}
	return len(issuers) > 0 && !slices.ContainsFunc(issuers, func(s bearer.IssuerStatus) bool { return !s.Ready() })
}
