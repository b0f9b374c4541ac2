package incident

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/bearerkit/bearer/bearertest"
)

const (
	audience = "https://api.example"
	// latency is the response time of the issuer when it answers.
	latency = 20 * time.Millisecond
)

// An issuer is a real issuer on the loopback interface.
type issuer struct {
	*bearertest.Issuer
	uncounted int // the number of fetches before the call of countFetches
}

func newIssuer() *issuer {
	i := &issuer{Issuer: bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}, Audience: []string{audience}})}
	i.answer()
	return i
}

// setup returns the configuration of a verifier for tokens of the issuer.
func (i *issuer) setup() Setup {
	return Setup{Issuer: i.URL(), Audience: audience, KeysURL: i.KeysURL()}
}

// answer makes the issuer answer again, after a call of fail or hang.
func (i *issuer) answer() { i.Inject(bearertest.KeysEndpoint, bearertest.Fault{Delay: latency}) }

// fail makes the issuer close every connection without a response.
func (i *issuer) fail() { i.Inject(bearertest.KeysEndpoint, bearertest.Fault{Abort: true}) }

// hang makes the issuer accept requests, but never answer them.
func (i *issuer) hang() { i.Inject(bearertest.KeysEndpoint, bearertest.Fault{Hang: true}) }

// hangOnce makes the issuer accept one request without an answer. It answers all others.
func (i *issuer) hangOnce() {
	i.Inject(bearertest.KeysEndpoint, bearertest.Fault{Hang: true, Times: 1})
}

// countFetches starts to count fetches from zero.
func (i *issuer) countFetches() { i.uncounted = i.Fetches(bearertest.KeysEndpoint) }

// fetches returns the number of fetches since the call of countFetches.
func (i *issuer) fetches() int { return i.Fetches(bearertest.KeysEndpoint) - i.uncounted }

// rotateKey makes the issuer sign with a new key, and withdraws the old key.
func (i *issuer) rotateKey() {
	old := i.SigningKey("ES256")
	i.Rotate()
	i.Withdraw(old.ID())
}

// replaceMaterial makes the issuer sign with a new key that has the key id of the old key.
func (i *issuer) replaceMaterial() {
	old := i.SigningKey("ES256")
	fresh := bearertest.NewKey("ES256", old.ID())
	i.Withdraw(old.ID())
	i.Publish(fresh)
	i.SignWith(fresh)
}

// tokens returns n different valid tokens.
func (i *issuer) tokens(n int) []string {
	tokens := make([]string, n)
	for k := range tokens {
		tokens[k] = i.Token(nil)
	}
	return tokens
}

// A forger creates tokens with an unknown key id and a wrong signature. The claims of the
// tokens are valid.
type forger struct{ rest string } // rest is a token without its header

func (i *issuer) forger() forger {
	token := i.Token(nil)
	return forger{token[strings.IndexByte(token, '.'):]}
}

func (f forger) token(n int) string {
	header := fmt.Sprintf(`{"typ":"at+jwt","alg":"ES256","kid":"forged-%d"}`, n)
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + f.rest
}
