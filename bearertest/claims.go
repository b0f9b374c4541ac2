package bearertest

import (
	"fmt"
	"time"

	"github.com/bearerkit/bearer"
)

// Claims returns claims for tests of handlers. Such a test needs no issuer and no token:
//
//	claims := bearertest.Claims(map[string]any{"client_id": "ci", "scope": "deploy:applications"})
//	r = r.WithContext(bearer.NewContext(r.Context(), claims))
//
// The default claims are the same as for [Issuer.Token], with the issuer
// https://issuer.example and without an audience. The argument overrides the default
// claims in the same way as the argument of Issuer.Token. Claims parses the claims with
// the zero [bearer.Profile]. To parse claims in the form that a vendor uses, call
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
