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

// withAlg adds the member "alg" to the keys.
func withAlg(alg string, elements []string) []string {
	for i, e := range elements {
		elements[i] = strings.TrimSuffix(e, "}") + `,"alg":"` + alg + `"}`
	}
	return elements
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
		{"8 keys Ed25519 and 8 keys P-256", append(repeatKey(8, ed), repeatKey(8, ecOf(elliptic.P256()))...), jwks.Options{}, append(types(8, "EC P-256"), types(8, "Ed25519")...), ""},
		{"8 keys RSA 4096 for RS256 and 8 for PS256", append(withAlg("RS256", repeatKey(8, rsaOf(4096, e65537))), withAlg("PS256", repeatKey(8, rsaOf(4096, e65537)))...), jwks.Options{}, types(16, "RSA 4096"), ""},
		{"8 keys RSA 2048 for RS256, and a larger key for all algorithms", append(withAlg("RS256", repeatKey(8, rsaOf(2048, e65537))), rsaOf(3072, e65537)(9)), jwks.Options{}, types(8, "RSA 2048"), "more than 8 keys have this kid and fit the same algorithm"},
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

// For all mixtures of keys with one kid, one token costs at most 8 checks, and the RSA keys at most 32.
// No key is left out that fits within the limits.
func TestCostOfOneToken(t *testing.T) {
	cost := map[string]int{"RSA 2048": 1, "RSA 3072": 3, "RSA 4096": 4, "RSA 8192": 16}
	bits := []int{2048, 3072, 4096, 8192}
	algs := []string{"", "", "RS256", "RS512", "PS256"}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the test must be repeatable
	for range 50 {
		var elements []string
		all := map[string]int{} // the number of keys of each type, in the document
		for seed := range 5 + random.IntN(25) {
			e := edElement("k", seed)
			if size := random.IntN(2 * len(bits)); size < len(bits) {
				e = rsaElement("k", bits[size], "AQAB", seed)
				if alg := algs[random.IntN(len(algs))]; alg != "" {
					e = withAlg(alg, []string{e})[0]
				}
				all[fmt.Sprint("RSA ", bits[size])]++
			} else {
				all["Ed25519"]++
			}
			elements = append(elements, e)
		}
		set, err := jwks.Parse([]byte(`{"keys":[` + strings.Join(elements, ",") + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		fullest, dearest := 0, 0
		for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "EdDSA"} {
			keys, _ := set.Lookup("k", alg)
			total := 0
			for _, key := range keys {
				total += cost[key.Type()]
			}
			if len(keys) > 8 || total > 32 {
				t.Errorf("keys for %s: got %d with the cost %d, want at most 8 with the cost 32", alg, len(keys), total)
			}
			fullest, dearest = max(fullest, len(keys)), max(dearest, total)
		}
		used := map[string]int{}
		for _, key := range set.Keys() {
			used[key.Type()]++
		}
		for kind, n := range all {
			if used[kind] < n && fullest < 8 && dearest+cost[kind] <= 32 {
				t.Errorf("%s: got %d of %d keys, want all, because one token costs at most %d checks and %d for RSA", kind, used[kind], n, fullest, dearest)
			}
		}
	}
}
