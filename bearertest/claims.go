package bearertest

import (
	"fmt"
	"time"

	"github.com/bearerkit/bearer"
)

// Claims returns claims for tests of handlers; no issuer and no token are needed:
//
//	claims := bearertest.Claims(map[string]any{"client_id": "ci", "scope": "deploy:applications"})
//	r = r.WithContext(bearer.NewContext(r.Context(), claims))
//
// The defaults are those of [Issuer.Token], with the issuer https://issuer.example and no
// audience. The argument overrides the defaults, as in [Issuer.Token]. The claims are
// parsed by the rules of RFC 9068. To get claims in a vendor's form, call
// [bearer.Profile.Claims]. To add custom claims, call [bearer.Claims.WithCustom]. Claims
// panics if a value cannot be encoded as JSON or a claim has the wrong type.
func Claims(claims map[string]any) *bearer.Claims {
	const lifetime = time.Hour
	set := encode(overlay(defaultClaims("https://issuer.example", time.Now(), lifetime), claims))
	read, err := bearer.Profile{}.Claims(set)
	if err != nil {
		panic(fmt.Sprintf("bearertest: Claims: %v", err))
	}
	return read
}
