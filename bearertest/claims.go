package bearertest

import (
	"fmt"
	"time"

	"github.com/bearerkit/bearer"
)

// Claims returns claims for the test of a handler, without an issuer and without a token:
//
//	claims := bearertest.Claims(map[string]any{"client_id": "ci", "scope": "deploy:applications"})
//	r = r.WithContext(bearer.NewContext(r.Context(), claims))
//
// They have the defaults of [Issuer.Token], with the issuer https://issuer.example and no
// audience, and are read by the rules of RFC 9068. The claims given are laid over the
// defaults in the same way. For the claims of a vendor see [bearer.Profile.Claims]; for
// custom claims see [bearer.Claims.WithCustom]. It panics if the claims have no JSON form
// or a claim has the wrong type.
func Claims(claims map[string]any) *bearer.Claims {
	const lifetime = time.Hour
	set := encode(overlay(defaultClaims("https://issuer.example", time.Now(), lifetime), claims))
	read, err := bearer.Profile{}.Claims(set)
	if err != nil {
		panic(fmt.Sprintf("bearertest: no claims can be made of this: %v", err))
	}
	return read
}
