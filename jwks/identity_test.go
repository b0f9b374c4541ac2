package jwks_test

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// Code that caches verdicts on tokens compares the pointers of keys. The pointer must stay the
// same while the issuer publishes the key. A key that is withdrawn and published again must
// have a new pointer.
func TestSameKeySamePointer(t *testing.T) {
	a, b := ecKey("a"), ecKey("b")
	for _, tt := range []struct {
		name   string
		change func(*testing.T, *jwks.Cache, *issuer)
		same   bool
	}{
		{"unchanged document", func(*testing.T, *jwks.Cache, *issuer) {}, true},
		{"different white space in the document", func(_ *testing.T, _ *jwks.Cache, i *issuer) {
			i.update(func(i *issuer) { i.doc = bytes.ReplaceAll(i.doc, []byte(","), []byte(",\n ")) })
		}, true},
		{"different order of the keys", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(b, a) }, true},
		{"additional key", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(ecKey("c"), a) }, true},
		{"additional members that are ignored", func(_ *testing.T, _ *jwks.Cache, i *issuer) {
			i.publish(a.with("x5t", "AAAA", "exp", 7, "x5c", []string{"AAAA"}))
		}, true},
		{"unusable response", func(t *testing.T, c *jwks.Cache, i *issuer) {
			t.Helper()
			i.update(func(i *issuer) { i.doc = []byte(`{"keys":[]}`) })
			if c.Refresh(t.Context()) == nil {
				t.Error("Refresh with an empty key set: got no error, want an error")
			}
			i.publish(a)
		}, true},
		{"outage longer than MaxStale", func(_ *testing.T, _ *jwks.Cache, i *issuer) {
			i.update(func(i *issuer) { i.down = true })
			time.Sleep(13 * time.Hour)
			i.update(func(i *issuer) { i.down = false })
		}, true},
		{"different alg and issuer", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(a.with("alg", "ES256", "issuer", "x")) }, false},
		{"key becomes a key for JWT-SVIDs", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(a.with("use", "jwt-svid")) }, false},
		{"different key material", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(ecKey("a")) }, false},
		{"different kid", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(a.with("kid", "z")) }, false},
		{"key withdrawn", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(b) }, false},
		{"key withdrawn and published again", func(t *testing.T, c *jwks.Cache, i *issuer) {
			t.Helper()
			i.publish(b)
			if err := c.Refresh(t.Context()); err != nil {
				t.Error(err)
			}
			i.publish(a)
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(a, b)
				c := newCache(t, i)
				previous, err := c.Lookup("a", "ES256")
				if err != nil {
					t.Fatal(err)
				}
				tt.change(t, c, i)
				if err := c.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				current, _ := c.Lookup("a", "ES256")
				want(t, "result contains the same pointer", slices.Contains(current, previous[0]), tt.same)
			})
		})
	}
}

// Keys from the Store keep their pointers when the issuer confirms them.
func TestSameKeySamePointerAfterRestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, i, _ := newRestartedCache(t, &memoryStore{}, time.Minute)
		synctest.Wait()
		restored, err := c.Lookup("a", "ES256")
		if err != nil {
			t.Fatal(err)
		}
		i.update(func(i *issuer) { i.down = false })
		if err := c.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		confirmed, err := c.Lookup("a", "ES256")
		want(t, "Restored", c.Status().Restored, false)
		if err != nil || confirmed[0] != restored[0] {
			t.Errorf("after the issuer's response: got keys %v and error %v, want the same pointer and no error", confirmed, err)
		}
	})
}
