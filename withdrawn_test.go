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

// TestWithdrawnKeys sends the same token every 20 s to a verifier, which remembers the token. Then
// the issuer withdraws its last key. The verifier must refuse the token 15 to 30 min later, with
// keys_unavailable (HTTP status 503) and never with another reason.
func TestWithdrawnKeys(t *testing.T) {
	for name, body := range map[string]string{
		"no keys":              `{"keys":[]}`,
		"a key for encryption": `{"keys":[{"kty":"OKP","crv":"Ed25519","use":"enc","kid":"e","x":"AAAA"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := newIssuer(t)
				keys, err := jwks.New(issuer.KeysURL(), &jwks.Options{Transport: issuer.Transport(), Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				defer keys.Close()
				o, _ := newLog(t, nil)
				v := newVerifier(t, issuer, func(c *bearer.Config) { c.Keys, c.Observer = keys, o })
				token := issuer.Token(map[string]any{"exp": time.Now().Add(24 * time.Hour)})
				for range 3 {
					if _, err := v.Verify(t.Context(), token); err != nil {
						t.Fatal(err)
					}
				}
				if hits := v.Status()[0].Cache.Hits; hits == 0 {
					t.Fatal("got no hits in the cache of verified tokens, want a remembered token")
				}
				issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Body: []byte(body)})
				start := time.Now()
				for err == nil && time.Since(start) < time.Hour {
					time.Sleep(20 * time.Second)
					_, err = v.Verify(t.Context(), token)
				}
				if after := time.Since(start); after < 15*time.Minute || after > 30*time.Minute {
					t.Errorf("got the first refusal after %v, want 15 to 30 min", after)
				}
				for range 100 {
					_, err = v.Verify(t.Context(), token)
					e, ok := err.(*bearer.Error) //nolint:errorlint // Verify returns this type
					if !ok || e.Reason != bearer.KeysUnavailable || e.RetryAfter <= 0 {
						t.Fatalf("got %v, want %s with a RetryAfter", err, bearer.KeysUnavailable)
					}
					time.Sleep(time.Minute)
				}
				if keys := v.Status()[0].Keys; keys.Ready || !keys.Withdrawn {
					t.Errorf("got status %+v, want not Ready and Withdrawn", keys)
				}
				issuer.Repair(bearertest.KeysEndpoint)
				time.Sleep(time.Second)
				if _, err := v.Verify(t.Context(), token); err != nil {
					t.Errorf("got %v after the issuer publishes its key again, want no error", err)
				}
			})
		})
	}
}
