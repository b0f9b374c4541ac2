package bearer

import (
	"crypto"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes of the algorithms below
	_ "crypto/sha512"
	"fmt"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// defaultAlgorithms are what Config.Algorithms means when it is nil: one of each
// family (RFC 9864 gave EdDSA on Ed25519 its own name). The 384 and 512 forms
// are by choice.
var defaultAlgorithms = []string{"RS256", "PS256", "ES256", "EdDSA", "Ed25519"}

// signingMethod returns golang-jwt's implementation of an algorithm of RFC 7518,
// section 3.1, RFC 8037 or RFC 9864, or nil. The values are our own: golang-jwt's
// are variables that any importer can change, and its PS* accept any length of
// salt, where RFC 7518, section 3.5 fixes it to that of the hash.
func signingMethod(alg string) jwt.SigningMethod {
	switch alg {
	case "RS256":
		return &jwt.SigningMethodRSA{Name: alg, Hash: crypto.SHA256}
	case "RS384":
		return &jwt.SigningMethodRSA{Name: alg, Hash: crypto.SHA384}
	case "RS512":
		return &jwt.SigningMethodRSA{Name: alg, Hash: crypto.SHA512}
	case "PS256":
		return pss(alg, crypto.SHA256)
	case "PS384":
		return pss(alg, crypto.SHA384)
	case "PS512":
		return pss(alg, crypto.SHA512)
	case "ES256":
		return &jwt.SigningMethodECDSA{Name: alg, Hash: crypto.SHA256, KeySize: 32, CurveBits: 256}
	case "ES384":
		return &jwt.SigningMethodECDSA{Name: alg, Hash: crypto.SHA384, KeySize: 48, CurveBits: 384}
	case "ES512":
		return &jwt.SigningMethodECDSA{Name: alg, Hash: crypto.SHA512, KeySize: 66, CurveBits: 521}
	case "EdDSA", "Ed25519":
		return &jwt.SigningMethodEd25519{}
	}
	return nil
}

func pss(alg string, hash crypto.Hash) jwt.SigningMethod {
	return &jwt.SigningMethodRSAPSS{
		SigningMethodRSA: &jwt.SigningMethodRSA{Name: alg, Hash: hash},
		Options:          &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash},
	}
}

// algorithms resolves Config.Algorithms.
func algorithms(names []string) (map[string]jwt.SigningMethod, []error) {
	if names == nil {
		names = defaultAlgorithms
	}
	var errs []error
	if len(names) == 0 {
		errs = append(errs, fmt.Errorf("Config.Algorithms: empty, so that no token could verify; nil means %s",
			strings.Join(defaultAlgorithms, ", ")))
	}
	methods := make(map[string]jwt.SigningMethod, len(names))
	for _, name := range names {
		method := signingMethod(name)
		switch {
		case strings.EqualFold(name, "none"):
			errs = append(errs, fmt.Errorf("Config.Algorithms: %q: an unsigned token proves nothing (RFC 8725, section 3.2)", name))
		case slices.Contains([]string{"HS256", "HS384", "HS512"}, strings.ToUpper(name)):
			errs = append(errs, fmt.Errorf("Config.Algorithms: %q: with a shared secret, whoever can verify tokens can make them", name))
		case method == nil:
			errs = append(errs, fmt.Errorf("Config.Algorithms: %q: not an algorithm of this package", name))
		default:
			methods[name] = method
		}
	}
	return methods, errs
}
