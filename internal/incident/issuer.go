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
	// latency is how long the issuer takes to answer when it is well.
	latency = 20 * time.Millisecond
)

// issuer is a real issuer on the loopback interface.
type issuer struct {
	*bearertest.Issuer
	fetched int // when count began
}

func newIssuer() *issuer {
	i := &issuer{Issuer: bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}, Audience: []string{audience}})}
	i.well()
	return i
}

// setup is what a verifier of its tokens is to be told.
func (i *issuer) setup() Setup {
	return Setup{Issuer: i.URL(), Audience: audience, KeysURL: i.KeysURL()}
}

func (i *issuer) well() { i.Inject(bearertest.KeysEndpoint, bearertest.Fault{Delay: latency}) }

// down ends every connection without an answer.
func (i *issuer) down() { i.Inject(bearertest.KeysEndpoint, bearertest.Fault{Abort: true}) }

// hang accepts requests and never answers them.
func (i *issuer) hang() { i.Inject(bearertest.KeysEndpoint, bearertest.Fault{Hang: true}) }

// count begins to count fetches.
func (i *issuer) count() { i.fetched = i.Fetches(bearertest.KeysEndpoint) }

// fetches returns how many there were since count.
func (i *issuer) fetches() int { return i.Fetches(bearertest.KeysEndpoint) - i.fetched }

// rotate signs with a new key and withdraws the one before.
func (i *issuer) rotate() {
	old := i.SigningKey("ES256")
	i.Rotate()
	i.Withdraw(old.ID())
}

// exchange signs with a new key under the id of the one before.
func (i *issuer) exchange() {
	old := i.SigningKey("ES256")
	fresh := bearertest.NewKey("ES256", old.ID())
	i.Withdraw(old.ID())
	i.Publish(fresh)
	i.SignWith(fresh)
}

// tokens returns some good tokens, all different.
func (i *issuer) tokens(n int) []string {
	tokens := make([]string, n)
	for k := range tokens {
		tokens[k] = i.Token(nil)
	}
	return tokens
}

// forger makes tokens that are good but for their key id, which nobody has heard
// of, and their signature.
type forger struct{ rest string }

func (i *issuer) forger() forger {
	token := i.Token(nil)
	return forger{token[strings.IndexByte(token, '.'):]}
}

func (f forger) token(n int) string {
	header := fmt.Sprintf(`{"typ":"at+jwt","alg":"ES256","kid":"forged-%d"}`, n)
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + f.rest
}
