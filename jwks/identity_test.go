package jwks_test

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// Cached verdicts depend on the pointer of the key: it must stay the same while the key is
// published, and must not come back after the key was withdrawn.
func TestSameKeySamePointer(t *testing.T) {
	a, b := ecKey("a"), ecKey("b")
	for _, tt := range []struct {
		name   string
		change func(*testing.T, *jwks.Cache, *issuer)
		same   bool
	}{
		{"unchanged document", func(*testing.T, *jwks.Cache, *issuer) {}, true},
		{"other white space", func(_ *testing.T, _ *jwks.Cache, i *issuer) {
			i.set(func(i *issuer) { i.doc = bytes.ReplaceAll(i.doc, []byte(","), []byte(",\n ")) })
		}, true},
		{"other order", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(b, a) }, true},
		{"a second key added", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(ecKey("c"), a) }, true},
		{"members that are ignored", func(_ *testing.T, _ *jwks.Cache, i *issuer) {
			i.publish(a.with("x5t", "AAAA", "exp", 7, "x5c", []string{"AAAA"}))
		}, true},
		{"an unusable response", func(t *testing.T, c *jwks.Cache, i *issuer) {
			t.Helper()
			i.set(func(i *issuer) { i.doc = []byte(`{"keys":[]}`) })
			if c.Refresh(t.Context()) == nil {
				t.Error("Refresh with an empty set: got no error")
			}
			i.publish(a)
		}, true},
		{"an outage longer than MaxStale", func(_ *testing.T, _ *jwks.Cache, i *issuer) {
			i.set(func(i *issuer) { i.down = true })
			time.Sleep(13 * time.Hour)
			i.set(func(i *issuer) { i.down = false })
		}, true},
		{"other permissions", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(a.with("alg", "ES256", "issuer", "x")) }, false},
		{"other material", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(ecKey("a")) }, false},
		{"another kid", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(a.with("kid", "z")) }, false},
		{"withdrawn", func(_ *testing.T, _ *jwks.Cache, i *issuer) { i.publish(b) }, false},
		{"withdrawn and published again", func(t *testing.T, c *jwks.Cache, i *issuer) {
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

// Keys from the Store keep their pointers when the issuer confirms them.
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
			t.Errorf("after the issuer's response: got %v, %v, want the same pointer", confirmed, err)
		}
	})
}
