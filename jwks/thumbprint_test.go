package jwks_test

import (
	"testing"
	"testing/synctest"
)

// The RSA key is the example of RFC 7638, section 3.1. The Ed25519 key is the example of
// RFC 8037, appendix A.3. The thumbprint of the EC key comes from a different implementation,
// which is jose for Node.js.
func TestThumbprint(t *testing.T) {
	for _, tt := range []struct {
		key  jwk
		want string
	}{
		{jwk{
			"kty": "RSA", "alg": "RS256", "kid": "2011-04-29", "e": "AQAB",
			"n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W" +
				"-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08q" +
				"NLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
		}, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		{
			jwk{"kty": "EC", "crv": "P-256", "kid": "a", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
			"oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
		},
		{jwk{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
	} {
		want(t, "Thumbprint", parse(t, tt.key).Keys()[0].Thumbprint(), tt.want)
	}
}

// Replicas that use the same keys have the same KeySetHash. Replicas that use different keys
// have different values of KeySetHash.
func TestKeySetHash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hash := func(keys ...jwk) string {
			t.Helper()
			s := newCache(t, newIssuer(keys...)).Status()
			if len(s.KeySetHash) != 16 {
				t.Errorf("KeySetHash: got %q, want 16 hexadecimal digits", s.KeySetHash)
			}
			return s.KeySetHash
		}
		a, b := ecKey("a"), ecKey("b")
		seen := map[string]string{}
		for name, keys := range map[string][]jwk{
			"a and b": {a, b}, "a": {a}, "b": {b}, "a, and b with new material": {a, ecKey("b")},
			"a, and b with a different kid": {a, b.with("kid", "c")}, "a, and b with a different issuer": {a, b.with("issuer", "x")},
			"a and b with exchanged kids": {a.with("kid", "b"), b.with("kid", "a")},
		} {
			h := hash(keys...)
			if seen[h] != "" {
				t.Errorf("KeySetHash of %q: got the value of %q, want a different value", name, seen[h])
			}
			seen[h] = name
		}
		want(t, "earlier set with the KeySetHash of the set of b, an unusable key and a", seen[hash(b.with("x5t", "AAAA"), jwk{"kty": "oct"}, a.with("alg", "ES256"))], "a and b")
		down := newIssuer()
		down.down = true
		want(t, "KeySetHash without keys", newCache(t, down).Status().KeySetHash, "")
	})
}
