package proof

import (
	"errors"
	"fmt"
	"time"

	"github.com/bearerkit/bearer/internal/claim"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// maxID is the maximum length of "jti" in bytes.
const maxID = 256

// Claims holds the claims of a proof (RFC 9449, section 4.2).
type Claims struct {
	// ID is "jti". It has 1 to 256 bytes.
	ID string
	// Method is "htm".
	Method string
	// URI is "htu".
	URI string
	// IssuedAt is "iat".
	IssuedAt time.Time
	// TokenHash is "ath", or "" if the proof has none.
	TokenHash string
	// Nonce is "nonce". HasNonce reports whether the proof has this claim.
	Nonce    string
	HasNonce bool
	// ExpiresAt and NotBefore are "exp" and "nbf". They are zero if the proof does not have them.
	ExpiresAt, NotBefore time.Time
}

// readClaims reads the claims. The claims "jti", "htm", "htu" and "iat" are required. Other claims
// are ignored.
func readClaims(set *strictjson.Record) (*Claims, error) {
	c := new(Claims)
	for _, text := range []struct {
		name     string
		to       *string
		required bool
	}{
		{"jti", &c.ID, true},
		{"htm", &c.Method, true},
		{"htu", &c.URI, true},
		{"ath", &c.TokenHash, false},
		{"nonce", &c.Nonce, false},
	} {
		value := set.Lookup(text.name)
		if value == "" && !text.required {
			continue
		}
		var ok bool
		if *text.to, ok = strictjson.String(value); !ok {
			return nil, fmt.Errorf("%q of the proof is not a string", text.name)
		}
		if *text.to == "" {
			return nil, fmt.Errorf("%q of the proof is empty", text.name)
		}
		c.HasNonce = c.HasNonce || text.name == "nonce"
	}
	if len(c.ID) > maxID {
		return nil, errors.New(`"jti" of the proof is too long`)
	}
	for _, date := range []struct {
		name     string
		to       *time.Time
		required bool
	}{
		{"iat", &c.IssuedAt, true},
		{"exp", &c.ExpiresAt, false},
		{"nbf", &c.NotBefore, false},
	} {
		value := set.Lookup(date.name)
		if value == "" && !date.required {
			continue
		}
		var err error
		if *date.to, err = claim.Date(value); err != nil {
			return nil, fmt.Errorf("%q of the proof is not a number of seconds", date.name)
		}
	}
	return c, nil
}
