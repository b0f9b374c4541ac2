package jwks_test

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// Remembered verdicts stand and fall with the pointer of the key: it must stay
// while the key is published, and must be gone with it.
func TestSameKeySamePointer(t *testing.T) {
	a, b := ecKey("a"), ecKey("b")
	for _, tt := range []struct {
		name   string
		change func(*testing.T, *jwks.Cache, *issuer)
		same   bool
	}{
		{"the same document", func(*testing.T, *jwks.Cache, *issuer) {}, true},
		{"other layout", func(_ *testing.T, _ *jwks.Cache, i *issuer) {
			i.set(func(i *issuer) { i.doc = bytes.ReplaceAll(i.doc, []byte(","), []byte(",\n ")) })
		}, true},
		{"other order", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(b, a) }, true},
		{"another key beside it", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(ecKey("c"), a) }, true},
		{"members without meaning here", func(_ *testing.T, _ *jwks.Cache, i *issuer) {
			i.publish(a.with("x5t", "AAAA", "exp", 7, "x5c", []string{"AAAA"}))
		}, true},
		{"an answer that is none", func(t *testing.T, c *jwks.Cache, i *issuer) {
			t.Helper()
			i.set(func(i *issuer) { i.doc = []byte(`{"keys":[]}`) })
			if c.Refresh(t.Context()) == nil {
				t.Error("an empty set was taken")
			}
			i.publish(a)
		}, true},
		{"an outage beyond MaxStale", func(_ *testing.T, _ *jwks.Cache, i *issuer) {
			i.set(func(i *issuer) { i.down = true })
			time.Sleep(13 * time.Hour)
			i.set(func(i *issuer) { i.down = false })
		}, true},
		{"other permissions", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(a.with("alg", "ES256", "issuer", "x")) }, false},
		{"other material", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(ecKey("a")) }, false},
		{"another kid", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(a.with("kid", "z")) }, false},
		{"withdrawn", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(b) }, false},
		{"withdrawn and back", func(t *testing.T, c *jwks.Cache, i *issuer) {
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
				before, err := c.Lookup("a", "ES256")
				if err != nil {
					t.Fatal(err)
				}
				tt.change(t, c, i)
				if err := c.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				now, _ := c.Lookup("a", "ES256")
				want(t, "the same pointer", slices.Contains(now, before[0]), tt.same)
			})
		})
	}
}

// The pointers of a set from the store stay when the issuer confirms it.
func TestSameKeySamePointerAfterRestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, i, _ := restarted(t, &memory{}, time.Minute)
		synctest.Wait()
		restored, err := c.Lookup("a", "ES256")
		if err != nil {
			t.Fatal(err)
		}
		i.set(func(i *issuer) { i.down = false })
		if err := c.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		confirmed, err := c.Lookup("a", "ES256")
		want(t, "Restored", c.Status().Restored, false)
		if err != nil || confirmed[0] != restored[0] {
			t.Errorf("after the issuer's answer: got %v, %v, want the same pointer", confirmed, err)
		}
	})
}
