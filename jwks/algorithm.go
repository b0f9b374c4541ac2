package jwks

import "strings"

// algorithm is a signature algorithm, and an index into [slots]. The names "EdDSA" and
// "Ed25519" stand for the same algorithm, because EdDSA with an Ed25519 key is Ed25519
// (RFC 9864, section 2.2).
type algorithm int8

const (
	noAlgorithm algorithm = iota - 1
	rs256
	rs384
	rs512
	ps256
	ps384
	ps512
	es256
	es384
	es512
	ed25519Sign
	algorithmCount
)

// algorithmOf returns the algorithm with the given JWS name (RFC 7518, section 3.1;
// RFC 8037; RFC 9864). Names are case-sensitive. For other names, algorithmOf returns
// noAlgorithm. Symmetric algorithms are not supported, because anyone can sign with a
// symmetric key that is published.
func algorithmOf(name string) algorithm {
	switch name {
	case "RS256":
		return rs256
	case "RS384":
		return rs384
	case "RS512":
		return rs512
	case "PS256":
		return ps256
	case "PS384":
		return ps384
	case "PS512":
		return ps512
	case "ES256":
		return es256
	case "ES384":
		return es384
	case "ES512":
		return es512
	case "EdDSA", "Ed25519":
		return ed25519Sign
	}
	return noAlgorithm
}

// algorithmNames has the name of each algorithm.
var algorithmNames = [algorithmCount]string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
}

// algorithms is a set of algorithms. Each bit stands for one algorithm.
type algorithms uint16

const (
	anyRSA  algorithms = 1<<rs256 | 1<<rs384 | 1<<rs512 | 1<<ps256 | 1<<ps384 | 1<<ps512
	anyP256 algorithms = 1 << es256
	anyP384 algorithms = 1 << es384
	anyP521 algorithms = 1 << es512
	anyOKP  algorithms = 1 << ed25519Sign
)

func (a algorithms) has(alg algorithm) bool {
	return alg != noAlgorithm && a&(1<<alg) != 0
}

// names returns the names of the algorithms, in a fixed order.
func (a algorithms) names() []string {
	var names []string
	for alg, name := range algorithmNames {
		if a.has(algorithm(alg)) {
			names = append(names, name)
		}
	}
	return names
}

func (a algorithms) String() string { return strings.Join(a.names(), " ") }
