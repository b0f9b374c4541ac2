package jwks_test

import (
	"crypto/elliptic"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearer/jwks"
)

// kidKeys are keys that an issuer publishes with one kid.
type kidKeys struct {
	name     string
	elements []string
	opts     jwks.Options
	want     []string // the types of the keys in use, sorted
	reason   string   // a part of the reason for which the other keys are left out
}

// repeatKey returns n different keys that the function element makes from different seeds.
func repeatKey(n int, element func(seed int) string) []string {
	elements := make([]string, n)
	for i := range elements {
		elements[i] = element(i)
	}
	return elements
}

func rsaOf(bits int, e string) func(int) string {
	return func(seed int) string { return rsaElement("k", bits, e, seed) }
}

func ecOf(curve elliptic.Curve) func(int) string {
	return func(int) string { return element(public("k", newEC(curve).Public())) }
}

// element returns the JSON of a key.
func element(key jwk) string {
	set := string(document(key))
	return set[len(`{"keys":[`) : len(set)-len(`]}`)]
}

func kidRows() []kidKeys {
	const (
		e3     = "Aw"
		e65537 = "AQAB"
		eMax   = "f____w" // 2^31 - 1
	)
	ed := func(seed int) string { return edElement("k", seed) }
	types := func(n int, name string) []string { return slices.Repeat([]string{name}, n) }
	const tooSlow = "Options.MaxRSACost"
	return []kidKeys{
		{"8 keys Ed25519", repeatKey(8, ed), jwks.Options{}, types(8, "Ed25519"), ""},
		{"8 keys P-256", repeatKey(8, ecOf(elliptic.P256())), jwks.Options{}, types(8, "EC P-256"), ""},
		{"8 keys P-384", repeatKey(8, ecOf(elliptic.P384())), jwks.Options{}, types(8, "EC P-384"), ""},
		{"8 keys P-521", repeatKey(8, ecOf(elliptic.P521())), jwks.Options{}, types(8, "EC P-521"), ""},
		{"8 keys RSA 2048", repeatKey(8, rsaOf(2048, e65537)), jwks.Options{}, types(8, "RSA 2048"), ""},
		{"8 keys RSA 3072", repeatKey(8, rsaOf(3072, e65537)), jwks.Options{}, types(8, "RSA 3072"), ""},
		{"8 keys RSA 4096", repeatKey(8, rsaOf(4096, e65537)), jwks.Options{}, types(8, "RSA 4096"), ""},
		{"8 keys RSA 2048 with the largest exponent", repeatKey(8, rsaOf(2048, eMax)), jwks.Options{}, types(8, "RSA 2048"), ""},
		{"8 keys RSA 4096 with the largest exponent", repeatKey(8, rsaOf(4096, eMax)), jwks.Options{}, types(2, "RSA 4096"), tooSlow},
		{"8 keys RSA 8192", repeatKey(8, rsaOf(8192, e65537)), jwks.Options{}, types(2, "RSA 8192"), tooSlow},
		{"8 keys RSA 8192 with the exponent 3", repeatKey(8, rsaOf(8192, e3)), jwks.Options{}, types(4, "RSA 8192"), tooSlow},
		{"7 keys RSA 8192 with the largest exponent, and a cheap key", append(repeatKey(7, rsaOf(8192, eMax)), rsaOf(2048, e65537)(9)), jwks.Options{}, types(1, "RSA 2048"), tooSlow},
		{"an expensive key, and other keys", append(repeatKey(1, rsaOf(8192, eMax)), rsaOf(2048, e65537)(1), rsaOf(4096, e65537)(2), ed(3)), jwks.Options{}, []string{"Ed25519", "RSA 2048", "RSA 4096"}, tooSlow},
		{"9 keys Ed25519", repeatKey(9, ed), jwks.Options{}, types(8, "Ed25519"), "more than 8 keys have this kid"},
		{"MaxKeysPerID 2", repeatKey(3, ed), jwks.Options{MaxKeysPerID: 2}, types(2, "Ed25519"), "more than 2 keys have this kid"},
		{"MaxKeysPerID 12", repeatKey(12, ed), jwks.Options{MaxKeysPerID: 12}, types(12, "Ed25519"), ""},
		{"MaxRSACost 400", repeatKey(8, rsaOf(8192, eMax)), jwks.Options{MaxRSACost: 400}, types(8, "RSA 8192"), ""},
		{"MaxRSACost 3", append(repeatKey(4, rsaOf(2048, e65537)), ed(5)), jwks.Options{MaxRSACost: 3}, []string{"Ed25519", "RSA 2048", "RSA 2048", "RSA 2048"}, tooSlow},
	}
}

// The keys of one kid are limited by their number and by the cost of a signature check. The
// order of the document does not matter.
func TestKeysOfOneKid(t *testing.T) {
	for _, row := range kidRows() {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer()
				ids := ""
				for order := range 4 {
					elements := slices.Clone(row.elements)
					rand.Shuffle(len(elements), func(i, j int) { elements[i], elements[j] = elements[j], elements[i] }) //nolint:gosec // the order is not a secret
					i.update(func(i *issuer) { i.doc = []byte(`{"keys":[` + strings.Join(elements, ",") + `]}`) })
					s := newCache(t, i, func(o *jwks.Options) {
						o.MaxKeysPerID, o.MaxRSACost = row.opts.MaxKeysPerID, row.opts.MaxRSACost
					}).Status()
					checkKeysOfKid(t, row, s)
					var thumbprints []string
					for _, key := range s.Keys {
						thumbprints = append(thumbprints, key.Thumbprint())
					}
					slices.Sort(thumbprints)
					if got := fmt.Sprint(thumbprints); order == 0 {
						ids = got
					} else {
						want(t, "keys in use in another order of the document", got, ids)
					}
				}
			})
		})
	}
}

func checkKeysOfKid(t *testing.T, row kidKeys, s jwks.Status) {
	t.Helper()
	var types []string
	for _, key := range s.Keys {
		types = append(types, key.Type())
	}
	slices.Sort(types)
	want(t, "types of the keys in use", fmt.Sprint(types), fmt.Sprint(row.want))
	want(t, "number of skipped elements", len(s.Skipped), len(row.elements)-len(row.want))
	for _, skipped := range s.Skipped {
		want(t, "ID of a skipped element", skipped.ID, "k")
		if !strings.Contains(skipped.Reason, row.reason) {
			t.Errorf("reason of a skipped element: got %q, want a text that contains %q", skipped.Reason, row.reason)
		}
	}
}

// Parse and a cache with zero Options have the same limits.
func TestParseLimitsKeys(t *testing.T) {
	for _, row := range kidRows() {
		if row.opts.MaxKeysPerID+row.opts.MaxRSACost != 0 {
			continue
		}
		set, err := jwks.Parse([]byte(`{"keys":[` + strings.Join(row.elements, ",") + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		checkKeysOfKid(t, row, jwks.Status{Keys: set.Keys(), Skipped: set.Skipped()})
	}
}

// Keys with different kids, and keys without a kid, do not count together.
func TestKeysOfDifferentKids(t *testing.T) {
	var elements []string
	for i := range 20 {
		elements = append(elements, rsaElement(fmt.Sprint(i), 4096, "AQAB", i), rsaElement("", 4096, "AQAB", 100+i))
	}
	set, err := jwks.Parse([]byte(`{"keys":[` + strings.Join(elements, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	want(t, "number of keys", len(set.Keys()), 40)
	_, err = jwks.Parse([]byte(`{"keys":[` + rsaElement("", 8192, "f____w", 1) + `]}`))
	wantText(t, err, "Options.MaxRSACost")
}
