package bearer

import (
	"fmt"
	"time"

	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/jwks"
)

// The functions below return the texts of the checks "key" and "signature".

func (e *explainer) wantKey() string {
	h := e.t.header
	return fmt.Sprintf("a key of the issuer for %s%s", quote.Escape(h.Alg), label(" with the kid ", quote.Escape(h.Kid)))
}

// gotKeys lists the key IDs of the issuer's keys. For a key cache, it adds the age of the
// key set.
func (e *explainer) gotKeys() string {
	var ids []string
	age := ""
	switch keys := e.v.keys.(type) {
	case *jwks.Set:
		for _, key := range keys.Keys() {
			ids = append(ids, key.ID())
		}
	case *jwks.Cache:
		status := keys.Status()
		for _, key := range status.Keys {
			ids = append(ids, key.ID())
		}
		if !status.LastSuccess.IsZero() {
			age = ", fetched " + status.Age.Round(time.Second).String() + " ago"
		}
	case *jwks.Sources:
		for _, status := range keys.Status() {
			for _, key := range status.Keys {
				ids = append(ids, key.ID())
			}
		}
	default:
		return ""
	}
	if len(ids) == 0 {
		return "there are no keys"
	}
	return "the issuer's keys are " + listText(ids) + age
}

func (e *explainer) adviseKey(reason Reason) string {
	if reason == KeysUnavailable {
		return "This service is at fault. The client is not at fault. This service has no keys of the issuer. To find the cause, read the log of package jwks."
	}
	if reason == KeyNotAsked {
		return "The issuer may have published the key a moment ago, or the token is forged. This service asks the issuer at the end of the time in Retry-After. To ask now, call Refresh."
	}
	if e.t.header.Kid == "" {
		return "The token has no kid, so one to four keys of the issuer must fit the alg of the token. Configure the issuer to set kid."
	}
	return "The issuer's key set has no key with the kid and the alg of the token. There are three possible causes: the issuer rotated its keys and the key set in this service is old; the issuer signs with a key before it publishes the key; the token is from a different environment."
}

func (e *explainer) wantSignature() string {
	if e.v.profile.keysNameIssuer {
		return "valid under a key of the issuer; if the key names an issuer, it is the issuer of the token"
	}
	return "valid under the issuer's key"
}

func (e *explainer) gotSignature() string {
	if e.genuine {
		return "valid"
	}
	return ""
}

func (e *explainer) adviseSignature(reason Reason) string {
	if reason == WrongIssuer {
		return "The token is signed with a key that is for tokens of a different tenant or cloud. Check that KeysURL or MetadataURL in Config.KeyOptions belongs to the same cloud and tenant as Config.Issuer. If the key set is right, the token does not come from the issuer that it names: refuse it, and report it to the issuer."
	}
	if e.svid {
		return "The issuer has a key for JWT-SVIDs, which verifies no other tokens. If the token is a JWT-SVID, set Config.Profile to SPIFFE and Config.Issuer to the trust domain, for example spiffe://example.org. Otherwise the token was changed after it was signed, or the issuer signs other tokens with this key: the issuer must then publish the key with the use sig."
	}
	return "The token was changed after it was signed, or it was signed with a different key that has the same kid. If all tokens fail this check, compare the keys that this service uses with the keys that the issuer publishes: the keys may come from a different environment, such as a test environment."
}
