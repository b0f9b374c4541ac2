package bearer_test

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// TestRejectedDocument tests what docs/rotation.md and the alert BearerRotationRefused promise. If
// the issuer publishes an unusable document, tokens of old keys are accepted, and tokens of new keys
// get keys_unavailable. If only the new key is unusable, tokens of this key get unknown_key.
func TestRejectedDocument(t *testing.T) {
	const unusable = `{"kty":"RSA","kid":"new","n":"AQAB","e":"AQAB"}` // fewer than 2048 bits
	for _, row := range []struct {
		name     string
		document func(good string) string
		want     bearer.Reason // of a token with a new key
	}{
		{"HTML", func(string) string { return "<html>" }, bearer.KeysUnavailable},
		{"document that is cut off", func(good string) string { return good[:len(good)-1] }, bearer.KeysUnavailable},
		{"no member keys", func(string) string { return "{}" }, bearer.KeysUnavailable},
		{"no key", func(string) string { return `{"keys":[]}` }, bearer.KeysUnavailable},
		{"no usable key", func(string) string { return `{"keys":[` + unusable + `]}` }, bearer.KeysUnavailable},
		{"the new key is unusable", func(good string) string { return good[:len(good)-2] + "," + unusable + "]}" }, bearer.UnknownKey},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := newIssuer(t)
				keys, err := jwks.New(issuer.KeysURL(), &jwks.Options{Transport: issuer.Transport(), Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = keys.Close() }()
				v := newVerifier(t, issuer, func(c *bearer.Config) { c.Keys = keys })
				if err := v.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				old, good := issuer.Token(nil), string(issuer.JWKS())
				rejected := bearertest.Fault{Body: []byte(row.document(good))}
				issuer.Inject(bearertest.KeysEndpoint, rejected)
				issuer.SignWith(bearertest.NewKey("RS256", "new"))
				time.Sleep(10 * time.Minute) // the next refresh
				if got := keys.Status().Failures > 0; got != (row.want == bearer.KeysUnavailable) {
					t.Errorf("refresh failed: got %v, status %+v", got, keys.Status())
				}
				for label, test := range map[string]struct {
					token string
					want  bearer.Reason
				}{"old key": {old, ""}, "new key": {issuer.Token(nil), row.want}} {
					if _, err := v.Verify(t.Context(), test.token); reasonOf(t, err) != test.want {
						t.Errorf("%s: got error %v, want reason %q", label, err, test.want)
					}
				}
			})
		})
	}
}
