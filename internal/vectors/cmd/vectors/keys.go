package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"math/big"
	"os"
	"path/filepath"
	"strings"
)

// keyRing maps the names of the private keys to the keys.
type keyRing map[string]crypto.Signer

// kinds maps the name of each key to a function that creates the key. Keys whose names begin
// with "attacker" are in no key set. No key is secret.
var kinds = map[string]func() (crypto.Signer, error){
	"rsa-1": rsaKey(2048), "rsa-2": rsaKey(2048), "rsa-3": rsaKey(3072), "attacker-rsa": rsaKey(2048),
	"weak-rsa": rsaKey(1024), "roca-rsa": rocaKey,
	"p256-1": ecKey(elliptic.P256()), "p256-2": ecKey(elliptic.P256()), "attacker-p256": ecKey(elliptic.P256()),
	"p256-3": ecKey(elliptic.P256()), "p256-4": ecKey(elliptic.P256()), "p256-5": ecKey(elliptic.P256()),
	"p384-1": ecKey(elliptic.P384()), "p521-1": ecKey(elliptic.P521()), "p521-zero": ecKeyWithZero(elliptic.P521()),
	"ed25519-1": edKey, "ed25519-2": edKey, "attacker-ed25519": edKey,
}

func rsaKey(bits int) func() (crypto.Signer, error) {
	return func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, bits) }
}

// rocaKey creates a key with the weakness of CVE-2017-15361: each prime is
// k*M + (65537^a mod M), where M is the product of the first 71 primes.
func rocaKey() (crypto.Signer, error) {
	m, generator := big.NewInt(1), big.NewInt(65537)
	for p, found := int64(2), 0; found < 71; p++ {
		if big.NewInt(p).ProbablyPrime(0) {
			m.Mul(m, big.NewInt(p))
			found++
		}
	}
	bound := new(big.Int).Lsh(big.NewInt(1), 1024)
	bound.Div(bound, m)
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{E: 65537}}
	for len(key.Primes) < 2 {
		k, err := rand.Int(rand.Reader, bound)
		if err != nil {
			return nil, err
		}
		a, err := rand.Int(rand.Reader, m)
		if err != nil {
			return nil, err
		}
		p := new(big.Int).Mul(k, m)
		if p.Add(p, a.Exp(generator, a, m)); p.BitLen() == 1024 && p.Bit(1022) == 1 && p.ProbablyPrime(20) {
			key.Primes = append(key.Primes, p)
		}
	}
	one := big.NewInt(1)
	p, q := key.Primes[0], key.Primes[1]
	key.N = new(big.Int).Mul(p, q)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key.D = new(big.Int).ModInverse(generator, phi)
	key.Precompute()
	return key, key.Validate()
}

func ecKey(curve elliptic.Curve) func() (crypto.Signer, error) {
	return func() (crypto.Signer, error) { return ecdsa.GenerateKey(curve, rand.Reader) }
}

// ecKeyWithZero creates a key whose x begins with a zero byte.
func ecKeyWithZero(curve elliptic.Curve) func() (crypto.Signer, error) {
	return func() (crypto.Signer, error) {
		for {
			key, err := ecdsa.GenerateKey(curve, rand.Reader)
			if err != nil {
				return nil, err
			}
			if point, err := key.PublicKey.Bytes(); err != nil || point[1] == 0 {
				return key, err
			}
		}
	}
}

func edKey() (crypto.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

func loadKeys(dir string, generate bool) (keyRing, error) {
	ring := make(keyRing)
	for name, kind := range kinds {
		file := filepath.Join(dir, "PUBLIC-TEST-KEY-"+name+".pem")
		data, err := os.ReadFile(file) //nolint:gosec // a file of the repository
		if errors.Is(err, os.ErrNotExist) && generate {
			data, err = writeKey(file, kind)
		}
		if err != nil {
			return nil, err
		}
		block, _ := pem.Decode(data)
		if block == nil {
			return nil, fmt.Errorf("%s: not PEM", file)
		}
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("%s: not a private key for signatures", file)
		}
		ring[name] = signer
	}
	return ring, nil
}

func writeKey(file string, kind func() (crypto.Signer, error)) ([]byte, error) {
	key, err := kind()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := "This key is public on purpose. It signs the test vectors and nothing else.\n\n" +
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return []byte(text), os.WriteFile(file, []byte(text), 0o600)
}

// must returns value if err is nil. Otherwise it panics with err. The function generate
// recovers the panic and returns the error.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err) //nolint:forbidigo // the function generate recovers the panic
	}
	return value
}

func as[T any](value any) T {
	t, ok := value.(T)
	if !ok {
		panic(fmt.Sprintf("got a value of type %T, want %T", value, t)) //nolint:forbidigo // the function generate recovers the panic
	}
	return t
}

var b64 = base64.RawURLEncoding

func hashOf(alg string) (crypto.Hash, func() hash.Hash) {
	switch alg[len(alg)-3:] {
	case "384":
		return crypto.SHA384, sha512.New384
	case "512":
		return crypto.SHA512, sha512.New
	}
	return crypto.SHA256, sha256.New
}

// signBytes returns a signature of input. It uses no randomness, so the same input always
// has the same signature.
func signBytes(key crypto.Signer, alg, input string) []byte {
	id, newHash := hashOf(alg)
	h := newHash()
	h.Write([]byte(input))
	digest := h.Sum(nil)
	switch {
	case strings.HasPrefix(alg, "RS"):
		return must(rsa.SignPKCS1v15(nil, as[*rsa.PrivateKey](key), id, digest))
	case strings.HasPrefix(alg, "PS"):
		return signPSS(as[*rsa.PrivateKey](key), newHash, digest, len(digest))
	case strings.HasPrefix(alg, "ES"):
		r, s := signECDSA(as[*ecdsa.PrivateKey](key), id, digest)
		return fixedLength(as[*ecdsa.PrivateKey](key), r, s)
	}
	return ed25519.Sign(as[ed25519.PrivateKey](key), []byte(input))
}

// fixedLength returns R and S in the form of RFC 7518, section 3.4.
func fixedLength(key *ecdsa.PrivateKey, r, s *big.Int) []byte {
	size := (key.Params().BitSize + 7) / 8
	return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
}

// rawRSA signs a block with the RSA private-key operation and adds no padding. The rows need
// this function for blocks with wrong padding, because no library signs such blocks.
func rawRSA(key *rsa.PrivateKey, block []byte) []byte {
	m := new(big.Int).SetBytes(block)
	return m.Exp(m, key.D, key.N).FillBytes(make([]byte, key.Size()))
}

// signPSS signs with RSASSA-PSS (RFC 8017, section 9.1.1). The salt consists of zeros, and
// may have any length.
func signPSS(key *rsa.PrivateKey, newHash func() hash.Hash, digest []byte, saltLength int) []byte {
	emBits := key.N.BitLen() - 1
	emLen := (emBits + 7) / 8
	salt := make([]byte, saltLength)
	h := newHash()
	h.Write(make([]byte, 8))
	h.Write(digest)
	h.Write(salt)
	sum := h.Sum(nil)
	db := make([]byte, emLen-len(sum)-1)
	db[len(db)-saltLength-1] = 1
	copy(db[len(db)-saltLength:], salt)
	for counter, i := uint32(0), 0; i < len(db); counter++ {
		h.Reset()
		h.Write(sum)
		h.Write([]byte{byte(counter >> 24), byte(counter >> 16), byte(counter >> 8), byte(counter)})
		for _, m := range h.Sum(nil) {
			if i < len(db) {
				db[i] ^= m
				i++
			}
		}
	}
	db[0] &= 0xff >> (8*emLen - emBits)
	return rawRSA(key, append(append(db, sum...), 0xbc))
}

// signECDSA signs without randomness (RFC 6979).
func signECDSA(key *ecdsa.PrivateKey, id crypto.Hash, digest []byte) (r, s *big.Int) {
	var signature struct{ R, S *big.Int }
	_ = must(asn1.Unmarshal(must(key.Sign(nil, digest, id)), &signature))
	return signature.R, signature.S
}
