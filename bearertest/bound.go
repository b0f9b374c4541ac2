package bearertest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearer/internal/proof"
)

const (
	proofField       = "DPoP"
	nonceField       = "DPoP-Nonce"
	maxProofAge      = time.Minute
	proofLeeway      = 10 * time.Second // a clock of a client may be ahead
	proofNoncePeriod = time.Minute
	maxUsedProofs    = 100_000
	nonceKeySize     = 32
)

// proofAlgorithms returns the algorithms of proofs that the token endpoint
// accepts, the best first. The metadata lists them in this order.
func proofAlgorithms() []string {
	return []string{"ES256", "EdDSA", "Ed25519", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"}
}

// proofs checks the DPoP proofs in requests to the token endpoint (RFC 9449,
// section 5). It is safe for concurrent use.
type proofs struct {
	target string        // canonical form of the URL of the token endpoint
	nonces *proof.Nonces // nil: proofs need no nonce
	used   *proof.Replays
}

func newProofs(tokenURL string, requireNonce bool) *proofs {
	target, err := proof.Target(tokenURL, false)
	if err != nil {
		target = "" // such as an issuer identifier with a blank; no proof can name this URL
	}
	p := &proofs{target: target, used: proof.NewReplays(maxUsedProofs, maxUsedProofs)}
	if requireNonce {
		key := make([]byte, nonceKeySize)
		_, _ = rand.Read(key) // it never returns an error
		p.nonces = proof.NewNonces(proofNoncePeriod, tokenURL, key)
	}
	return p
}

// thumbprint checks the proof of a token request and returns the thumbprint of
// its key. The argument has all DPoP fields of the request. Without a field,
// the thumbprint is empty, and required says whether this is an error. Call
// thumbprint after all other checks, because a valid proof counts as used
// afterwards.
func (p *proofs) thumbprint(fields []string, required bool) (string, error) {
	switch {
	case len(fields) == 1:
	case len(fields) > 1:
		return "", invalidProof(errors.New("the request has more than one DPoP field"))
	case required:
		return "", invalidProof(errors.New("this client must send a DPoP proof, because all its tokens are bound"))
	default:
		return "", nil
	}
	read, err := proof.Read(fields[0])
	if err != nil {
		return "", invalidProof(err)
	}
	if !slices.Contains(proofAlgorithms(), read.Algorithm()) {
		return "", invalidProof(errors.New(`"alg" of the proof is not supported; see dpop_signing_alg_values_supported in the metadata`))
	}
	if err := read.Verify(); err != nil {
		return "", invalidProof(err)
	}
	claims, err := read.Claims()
	if err != nil {
		return "", invalidProof(err)
	}
	return read.Thumbprint(), p.check(claims, read.Thumbprint(), time.Now())
}

// check checks the claims of a proof (RFC 9449, section 4.3). The proof counts
// as used only if all other claims are right.
func (p *proofs) check(claims *proof.Claims, thumbprint string, now time.Time) error {
	if claims.Method != http.MethodPost {
		return invalidProof(errors.New(`"htm" of the proof is not POST`))
	}
	if target, err := proof.Target(claims.URI, false); err != nil || target != p.target || target == "" {
		return invalidProof(fmt.Errorf(`"htu" of the proof is not the URL of this token endpoint, %s`, p.target))
	}
	switch age := now.Sub(claims.IssuedAt); {
	case age > maxProofAge:
		return invalidProof(fmt.Errorf(`"iat" of the proof is more than %v ago; the proof is old, or the clock of the client is behind`, maxProofAge))
	case -age > proofLeeway:
		return invalidProof(fmt.Errorf(`"iat" of the proof is more than %v in the future; the clock of the client is ahead`, proofLeeway))
	case !claims.ExpiresAt.IsZero() && now.Sub(claims.ExpiresAt) >= proofLeeway:
		return invalidProof(errors.New("the proof has expired"))
	case !claims.NotBefore.IsZero() && claims.NotBefore.Sub(now) > proofLeeway:
		return invalidProof(errors.New("the proof is not valid yet"))
	}
	if p.nonces != nil {
		if valid, _ := p.nonces.Check(claims.Nonce, now); !valid {
			return &TokenError{Code: "use_dpop_nonce", Description: "the proof must have the nonce in the field DPoP-Nonce of this response"}
		}
	}
	seen, err := p.used.Seen(thumbprint, claims.ID, claims.IssuedAt.Add(maxProofAge))
	switch {
	case err != nil:
		return &TokenError{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Description: "too many proofs in the last minute"}
	case seen:
		return invalidProof(errors.New("the proof was used already; each request needs a new proof"))
	}
	return nil
}

// addNonce adds a new nonce to the response to a request with a proof (RFC
// 9449, sections 8 and 8.2).
func (p *proofs) addNonce(w http.ResponseWriter, r *http.Request) {
	if p.nonces != nil && len(r.Header.Values(proofField)) > 0 {
		w.Header().Set(nonceField, p.nonces.Make(time.Now()))
	}
}

// invalidProof returns the error response of RFC 9449, section 5. The text of
// err contains no part of the proof. RFC 6749, section 5.2, allows no double
// quotes and backslashes in a description.
func invalidProof(err error) error {
	description := strings.Map(func(c rune) rune {
		switch {
		case c == '"' || c == '\\':
			return '\''
		case c < ' ' || c > '~':
			return '?'
		}
		return c
	}, err.Error())
	return &TokenError{Code: "invalid_dpop_proof", Description: description}
}
