// Package jws is the part of a token's verification that knows nothing of claims:
// the JOSE header and the signature (RFC 7515). It stands apart so that vectors
// whose payloads are no claims sets can be run through it.
package jws

import (
	"errors"
	"fmt"

	"github.com/bearerkit/bearer/internal/compact"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// Header is the members of a JOSE header that decide something.
type Header struct {
	// Alg is "" where it is missing or not a string: no algorithm.
	Alg string
	// Kid is "" where there is none.
	Kid string
	// Typ is as it was sent.
	Typ string
	// HasTyp says that there is a "typ", be it empty.
	HasTyp bool
	// Cty is "" where it is missing or not a string.
	Cty string
	// Members is all of them.
	Members strictjson.Object
}

// ErrType is a "typ" that is not a string.
var ErrType = errors.New(`"typ" is not a string`)

// ReadHeader reads the first part of a token. Members that are not known are
// ignored (RFC 7515, section 4), those that would bring a key along among them.
func ReadHeader(part string) (Header, error) {
	raw, err := compact.Decode(part)
	if err != nil {
		return Header{}, err
	}
	members, err := strictjson.Parse(raw)
	if err != nil {
		return Header{}, err
	}
	h := Header{Members: members}
	for _, m := range members {
		switch m.Name {
		case "alg":
			h.Alg, _ = strictjson.String(m.Value)
		case "kid":
			kid, ok := strictjson.String(m.Value)
			if !ok || kid == "" {
				return Header{}, errors.New(`"kid" is not a string, or empty`)
			}
			h.Kid = kid
		case "typ":
			typ, ok := strictjson.String(m.Value)
			if !ok {
				return Header{}, ErrType
			}
			h.Typ, h.HasTyp = typ, true
		case "cty":
			h.Cty, _ = strictjson.String(m.Value)
		case "crit", "b64", "zip", "enc":
			// No extension is understood here, so none may be critical (RFC
			// 7515, section 4.1.11; RFC 7797, sections 6 and 7). The others
			// would change what the signed bytes mean.
			return Header{}, fmt.Errorf("%q is not supported", m.Name)
		}
	}
	return h, nil
}
