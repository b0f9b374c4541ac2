// Package vectors tests bearer with the vectors of Wycheproof and the examples of the RFCs.
// It also compares the verdicts of bearer with the verdicts of go-jose and golang-jwt. The
// package is a separate module, so that users of bearer do not depend on these libraries.
package vectors_test

import (
	"errors"

	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/jwks"
)

// verify verifies a compact JWS with a key set and returns the payload. It performs the
// same steps as bearer.JWTVerifier, except that it reads no claims.
func verify(token string, set *jwks.Set) ([]byte, error) {
	parts, ok := jws.Split(token)
	if !ok {
		return nil, errors.New("malformed")
	}
	decoded, err := jws.Decode(nil, []byte(parts.Header))
	if err != nil {
		return nil, err
	}
	header, err := jws.ReadHeader(decoded)
	if err != nil {
		return nil, err
	}
	payload, err := jws.Decode(nil, []byte(parts.Payload))
	if err != nil {
		return nil, err
	}
	method := jws.MethodOf(header.Alg)
	if method == nil {
		return nil, errors.New("algorithm")
	}
	signature, err := jws.Decode(nil, []byte(parts.Signature))
	if err != nil {
		return nil, err
	}
	keys, err := set.Lookup(header.Kid, header.Alg)
	if err != nil {
		return nil, err
	}
	if jws.Signer(method, []byte(parts.Signed), signature, keys) == nil {
		return nil, errors.New("signature")
	}
	return payload, nil
}

// verifyJSON does what verify does. document is a key set or a single key in JSON.
func verifyJSON(token string, document []byte) ([]byte, error) {
	set, err := jwks.Parse(document)
	if err != nil {
		bare, bareErr := jwks.Parse([]byte(`{"keys":[` + string(document) + `]}`))
		if bareErr != nil {
			return nil, errors.Join(err, bareErr)
		}
		set = bare
	}
	return verify(token, set)
}
