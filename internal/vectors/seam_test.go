// Package vectors holds the module against the vectors and the libraries of
// others: Wycheproof, the examples of the RFCs, go-jose and golang-jwt. It is a
// module of its own, so that nobody who uses bearer pays for them.
package vectors_test

import (
	"errors"

	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/jwks"
)

// verify is a verifier without claims: it checks a compact JWS against a key set
// by the very steps of bearer.JWTVerifier, and returns the payload, which may be
// anything.
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

// verifyJSON is verify against a document, which may be one bare key.
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
