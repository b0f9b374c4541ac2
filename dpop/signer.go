package dpop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // crypto.SHA384 and crypto.SHA512
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearer/internal/dpopclient"
	"github.com/bearerkit/bearer/internal/nilcheck"
	"github.com/bearerkit/bearer/internal/proof"
	"github.com/bearerkit/bearer/internal/quote"
)

// Signer makes the proofs of a client (RFC 9449, section 4). A client requests its tokens and sends
// its tokens with proofs of the same Signer, because the issuer binds the tokens to the key.
//
// A Signer is immutable. It is safe for concurrent use if its key is. The keys of the standard
// library are. Printed forms of a Signer contain the thumbprint, and never the key. The zero Signer
// makes no proofs; use [NewSigner] or [GenerateSigner].
type Signer struct {
	// signKey is the method Sign of the key. It is a function, because package fmt prints the bytes of
	// an Ed25519 key if the Signer is in an unexported field, and does not print what a function holds.
	signKey    func(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error)
	algorithm  string
	header     string // base64url
	thumbprint string
	size       int // the bytes of a coordinate of an ECDSA key
}

// hashes lists the hash of each algorithm. Ed25519 signs the message itself.
var hashes = map[string]crypto.Hash{
	"ES256": crypto.SHA256, "ES384": crypto.SHA384, "ES512": crypto.SHA512,
	"PS256": crypto.SHA256, "PS384": crypto.SHA384, "PS512": crypto.SHA512,
	"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512,
}

// GenerateSigner returns a Signer with a new key for ES256, which all servers with DPoP should
// support. The key exists only in the memory of this process. So after a restart, the client has to
// request a new token.
func GenerateSigner() (*Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("dpop: %w", err)
	}
	return NewSigner(key, "")
}

// NewSigner returns a Signer with the given key, which may be in a key management service or in
// hardware. The public key must be one of these types:
//
//   - *ecdsa.PublicKey with the curve P-256, P-384 or P-521. The algorithm is ES256, ES384 or ES512.
//   - ed25519.PublicKey. The algorithm is EdDSA, or Ed25519 if algorithm has this value (RFC 9864).
//   - *rsa.PublicKey with 2,048 to 4,096 bits. The algorithm is PS256 if algorithm is empty. Otherwise,
//     it is RS256, RS384, RS512, PS384 or PS512.
//
// The algorithm is the "alg" of the proofs. If it is empty, the first algorithm of the list is used.
// The server must support the algorithm: see dpop_signing_alg_values_supported in its metadata. The
// key should have no other use. NewSigner does not sign, so it does not notice a key whose signatures
// are wrong.
func NewSigner(key crypto.Signer, algorithm string) (*Signer, error) {
	if nilcheck.IsNil(key) {
		return nil, errors.New("dpop: key: nil")
	}
	public, err := proof.NewPublic(key.Public())
	if err != nil {
		return nil, fmt.Errorf("dpop: key: %w", err)
	}
	if algorithm == "" {
		algorithm = public.Algorithms[0]
	}
	if !slices.Contains(public.Algorithms, algorithm) {
		return nil, fmt.Errorf("dpop: algorithm: %q does not fit a key of type %T; use one of %s", algorithm, key.Public(), quote.List(public.Algorithms))
	}
	s := &Signer{signKey: key.Sign, algorithm: algorithm, thumbprint: public.Thumbprint}
	s.header = base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"dpop+jwt","alg":"` + algorithm + `","jwk":` + public.JWK + `}`))
	if ec, ok := key.Public().(*ecdsa.PublicKey); ok {
		s.size = (ec.Params().BitSize + 7) / 8
	}
	return s, nil
}

// Algorithm returns the "alg" of the proofs, for example ES256.
func (s *Signer) Algorithm() string { return s.algorithm }

// Thumbprint returns the thumbprint of the public key (RFC 7638, with SHA-256), in base64url. It is
// the "jkt" of the tokens that are bound to this key (RFC 9449, section 6.1), and the value of the
// parameter dpop_jkt of an authorization request (section 10).
func (s *Signer) Thumbprint() string { return s.thumbprint }

// claims are the claims of a proof (RFC 9449, section 4.2).
type claims struct {
	ID        string `json:"jti"`
	Method    string `json:"htm"`
	URI       string `json:"htu"`
	IssuedAt  int64  `json:"iat"`
	TokenHash string `json:"ath,omitempty"`
	Nonce     string `json:"nonce,omitempty"`
}

// Proof returns a proof for one request with this method and URI. It is the value of the field DPoP.
// A server accepts a proof once and for about a minute, so each attempt needs a proof of its own.
//
// The proof contains the URI without its query and fragment, as the client sends it. The URI must be
// absolute, with the scheme https or http. For the request that opens a WebSocket, use https for wss.
// The proof contains a hash of token. The token is empty only for a request without a token, such as
// a request to the token endpoint. The nonce is the last nonce of this server, or empty if the
// server has sent none.
//
// An error contains neither the token nor the nonce. If the key fails, the error wraps the error of
// the key.
func (s *Signer) Proof(method, uri, token, nonce string) (string, error) {
	switch {
	case s == nil || s.signKey == nil:
		return "", errors.New("dpop: the Signer has no key; use NewSigner or GenerateSigner")
	case !dpopclient.IsMethod(method):
		return "", fmt.Errorf("dpop: %q is not a method", quote.Cut(method))
	case token != "" && !dpopclient.IsToken(token):
		return "", errors.New("dpop: the token has a character that no token has; a scheme such as Bearer is not part of the token")
	case nonce != "" && !dpopclient.IsNonce(nonce):
		return "", errors.New("dpop: the nonce is too long, or has a character that no nonce has")
	}
	if _, err := proof.Target(uri, false); err != nil {
		return "", fmt.Errorf("dpop: the URI of the request: %w", err)
	}
	c := claims{ID: rand.Text(), Method: method, URI: withoutQuery(uri), IssuedAt: time.Now().Unix(), Nonce: nonce}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		c.TokenHash = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("dpop: %w", err)
	}
	signed := s.header + "." + base64.RawURLEncoding.EncodeToString(payload)
	signature, err := s.sign(signed)
	if err != nil {
		return "", fmt.Errorf("dpop: sign the proof: %w", err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// withoutQuery returns a URI without its query and fragment. An empty path is "/", because HTTP
// sends this path. Nothing else is changed, because some servers compare the text.
func withoutQuery(uri string) string {
	if end := strings.IndexAny(uri, "?#"); end >= 0 {
		uri = uri[:end]
	}
	if _, rest, _ := strings.Cut(uri, "://"); !strings.Contains(rest, "/") {
		uri += "/"
	}
	return uri
}

func (s *Signer) sign(signed string) ([]byte, error) {
	message, options := []byte(signed), crypto.SignerOpts(crypto.Hash(0))
	if hash, ok := hashes[s.algorithm]; ok {
		h := hash.New()
		h.Write(message)
		message, options = h.Sum(nil), hash
		if strings.HasPrefix(s.algorithm, "PS") {
			options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash} // RFC 7518, section 3.5
		}
	}
	signature, err := s.signKey(rand.Reader, message, options)
	if err != nil || s.size == 0 {
		return signature, err
	}
	return fixedSize(signature, s.size)
}

// fixedSize returns an ECDSA signature in the form of RFC 7518, section 3.4: R and S with size bytes
// each. A crypto.Signer returns an ASN.1 structure.
func fixedSize(signature []byte, size int) ([]byte, error) {
	var parts struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(signature, &parts)
	if err != nil || len(rest) > 0 {
		return nil, errors.New("the key has returned an ECDSA signature that is not ASN.1 (RFC 3279, section 2.2.3)")
	}
	for _, part := range []*big.Int{parts.R, parts.S} {
		if part.Sign() <= 0 || part.BitLen() > 8*size {
			return nil, errors.New("the key has returned an ECDSA signature for a different curve")
		}
	}
	out := make([]byte, 2*size)
	parts.R.FillBytes(out[:size])
	parts.S.FillBytes(out[size:])
	return out, nil
}

func (s Signer) text() string {
	return quote.Struct("dpop.Signer", "Algorithm", s.algorithm, "Thumbprint", s.thumbprint)
}

// Format implements [fmt.Formatter]. Every verb prints the algorithm and the thumbprint.
func (s Signer) Format(f fmt.State, verb rune) { quote.Print(f, verb, s.text()) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of Format, so that JSON
// and the handlers of package log/slog contain it.
func (s Signer) MarshalText() ([]byte, error) { return []byte(s.text()), nil }
