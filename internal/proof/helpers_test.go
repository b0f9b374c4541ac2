package proof_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerkit/bearer/internal/proof"
)

type object = map[string]any

// client makes proofs with its key.
type client struct {
	alg string
	key crypto.Signer
	jwk object
}

func (c *client) member(name string) string { return fmt.Sprint(c.jwk[name]) }

var clients = sync.OnceValue(func() map[string]*client {
	list := map[string]*client{}
	for _, c := range []*client{
		newEC("ES256", elliptic.P256()), newEC("ES384", elliptic.P384()), newEC("ES512", elliptic.P521()),
		newRSA("RS256", 2048), newRSA("PS256", 2048), newEd25519("EdDSA"),
	} {
		list[c.alg] = c
	}
	ed := *list["EdDSA"]
	ed.alg = "Ed25519"
	list["Ed25519"] = &ed
	return list
})

func newEC(alg string, curve elliptic.Curve) *client {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	size := len(point) / 2
	return &client{alg, key, object{"kty": "EC", "crv": curve.Params().Name, "x": encode(point[1 : 1+size]), "y": encode(point[1+size:])}}
}

func newRSA(alg string, bits int) *client {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return &client{alg, key, object{"kty": "RSA", "n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes())}}
}

func newEd25519(alg string) *client {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return &client{alg, key, object{"kty": "OKP", "crv": "Ed25519", "x": encode(public)}}
}

// sign returns a proof. A member of header or claims whose value is nil is left out.
func (c *client) sign(t *testing.T, header, claims object) string {
	t.Helper()
	head := with(object{"typ": "dpop+jwt", "alg": c.alg, "jwk": c.jwk}, header)
	body := with(object{"jti": "e1j3V_bKic8-LAEB", "htm": "GET", "htu": "https://api.example/", "iat": 1562262618}, claims)
	return c.signText(t, marshal(t, head), marshal(t, body))
}

func (c *client) signText(t *testing.T, header, claims string) string {
	t.Helper()
	alg := c.alg
	if alg == "Ed25519" {
		alg = "EdDSA" // golang-jwt knows only the old name
	}
	signed := encode([]byte(header)) + "." + encode([]byte(claims))
	signature, err := jwt.GetSigningMethod(alg).Sign(signed, c.key)
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + encode(signature)
}

func with(members, changes object) object {
	for name, value := range changes {
		if members[name] = value; value == nil {
			delete(members, name)
		}
	}
	return members
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// read reads a proof, verifies its signature and reads its claims.
func read(field string) (*proof.Claims, error) {
	p, err := proof.Read(field)
	if err != nil {
		return nil, err
	}
	if err := p.Verify(); err != nil {
		return nil, err
	}
	return p.Claims()
}

var curve256 = elliptic.P256()

// replacePart replaces one of the parts of a proof.
func replacePart(field string, part int, text string) string {
	parts := strings.Split(field, ".")
	parts[part] = text
	return strings.Join(parts, ".")
}
