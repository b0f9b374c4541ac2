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
	// latency is the issuer's response time outside of incidents.
	latency = 20 * time.Millisecond
)

// issuer is a real issuer on the loopback interface.
type issuer struct {
	*bearertest.Issuer
	before int // the number of fetches when count was called
}

func newIssuer() *issuer {
	i := &issuer{Issuer: bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}, Audience: []string{audience}})}
	i.up()
	return i
}

// setup returns the configuration of a verifier of the issuer's tokens.
func (i *issuer) setup() Setup {
	return Setup{Issuer: i.URL(), Audience: audience, KeysURL: i.KeysURL()}
}

// up makes the issuer answer: it ends the fault that down or hang simulates.
func (i *issuer) up() { i.Inject(bearertest.KeysEndpoint, bearertest.Fault{Delay: latency}) }

// down makes the issuer close every connection without a response.
func (i *issuer) down() { i.Inject(bearertest.KeysEndpoint, bearertest.Fault{Abort: true}) }

// hang makes the issuer accept requests and never answer them.
func (i *issuer) hang() { i.Inject(bearertest.KeysEndpoint, bearertest.Fault{Hang: true}) }

// count starts to count fetches from zero.
func (i *issuer) count() { i.before = i.Fetches(bearertest.KeysEndpoint) }

// fetches returns the number of fetches since count.
func (i *issuer) fetches() int { return i.Fetches(bearertest.KeysEndpoint) - i.before }

// rotate makes the issuer sign with a new key and withdraws the old one.
func (i *issuer) rotate() {
	old := i.SigningKey("ES256")
	i.Rotate()
	i.Withdraw(old.ID())
}

// replaceMaterial makes the issuer sign with a new key that has the id of the old one.
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

// forger makes tokens with an unknown key id and a wrong signature. Their claims are valid.
type forger struct{ rest string } // rest is a token without its header

func (i *issuer) forger() forger {
	token := i.Token(nil)
	return forger{token[strings.IndexByte(token, '.'):]}
}

func (f forger) token(n int) string {
	header := fmt.Sprintf(`{"typ":"at+jwt","alg":"ES256","kid":"forged-%d"}`, n)
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + f.rest
}
