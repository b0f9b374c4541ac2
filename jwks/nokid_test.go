package jwks_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerkit/bearer/jwks"
)

// kidsOf returns the kids of keys, in their order.
func kidsOf(keys []*jwks.Key) string {
	kids := make([]string, len(keys))
	for i, key := range keys {
		kids[i] = key.ID()
	}
	return strings.Join(kids, " ")
}

// For a token without a kid, all keys that fit are returned if there are at most four. It does not
// matter whether the keys have a kid.
func TestKeysWithoutKid(t *testing.T) {
	for name, kid := range map[string]func(n int) any{
		"different kids": func(n int) any { return fmt.Sprint("k", n) },
		"one kid":        func(int) any { return "k" },
		"no kids":        func(int) any { return nil },
		"empty kids":     func(int) any { return "" },
		"some kids":      func(n int) any { return []any{nil, "k", "l"}[n%3] },
	} {
		for n := range 8 {
			keys := []jwk{edKey("other")}
			for i := range n {
				keys = append(keys, ecKey("").with("kid", kid(i)))
			}
			set := parse(t, keys...)
			found, err := set.Lookup("", "ES256")
			label := fmt.Sprintf("%d keys with %s", n, name)
			switch {
			case n == 0:
				want(t, label+": the error is ErrUnknownKey itself", err == jwks.ErrUnknownKey, true) //nolint:errorlint // the text matters
			case n <= 4:
				want(t, label+": outcome", outcome(err), "ok")
				want(t, label+": keys in the order of the document", slices.Equal(found, set.Keys()[1:]), true)
			default:
				want(t, label+": keys", len(found), 0)
				want(t, label+": outcome", outcome(err), "unknown")
				wantText(t, err, fmt.Sprintf("jwks: %d keys of the issuer fit ES256, and at most 4 are tried for a token without a kid; the issuer must set kid", n))
			}
			_, err = set.Lookup("unknown", "ES256")
			want(t, label+": lookup of an unknown kid returns ErrUnknownKey itself", err == jwks.ErrUnknownKey, true) //nolint:errorlint // the text matters
			if n > 0 && n <= 4 {
				left, err := set.Key(t.Context(), "", "ES256", found[0])
				want(t, label+": keys after the first was tried", len(left), n-1)
				want(t, label+": outcome after the first was tried", err == nil, n > 1)
			}
		}
	}
}

// The cheapest keys come first. Keys that do not fit the algorithm do not count.
func TestOrderWithoutKid(t *testing.T) {
	big, small, middle := rsaElement("big", 4096, "AQAB", 1), rsaElement("small", 2048, "AQAB", 2), rsaElement("middle", 3072, "AQAB", 3)
	twin := rsaElement("twin", 2048, "AQAB", 4)
	only := func(alg, e string) string { return withAlg(alg, []string{e})[0] }
	for _, row := range []struct {
		name, alg string
		elements  []string
		want      string // the kids
	}{
		{"cheapest first", "RS256", []string{big, middle, small}, "small middle big"},
		{"order of the document, if the costs are equal", "RS256", []string{big, twin, small}, "twin small big"},
		{"other order of the document", "PS512", []string{small, big, twin}, "small twin big"},
		{"keys for other algorithms", "PS256", []string{only("RS256", big), only("RS256", small), only("PS256", middle), only("RS512", twin)}, "middle"},
		{"five keys, four fit", "RS256", []string{only("PS256", rsaElement("x", 2048, "AQAB", 5)), big, small, middle, twin}, "small twin middle big"},
		{"five keys fit one algorithm, three another", "PS256", []string{only("RS256", rsaElement("x", 2048, "AQAB", 5)), only("RS256", rsaElement("y", 2048, "AQAB", 6)), big, small, middle}, "small middle big"},
		{"five keys fit", "RS256", []string{only("RS256", rsaElement("x", 2048, "AQAB", 5)), only("RS256", rsaElement("y", 2048, "AQAB", 6)), big, small, middle}, ""},
		{"the same key with several kids", "RS256", []string{rsaElement("1", 2048, "AQAB", 7), rsaElement("2", 2048, "AQAB", 7), rsaElement("3", 2048, "AQAB", 7), rsaElement("", 2048, "AQAB", 7), rsaElement("4", 2048, "AAEAAQ", 7), small}, "1 small"},
		{"the same key of several issuers", "RS256", []string{strings.Replace(small, "{", `{"issuer":"a",`, 1), strings.Replace(small, "{", `{"issuer":"b",`, 1)}, "small small"},
		{"keys that are left out do not count", "RS256", []string{`{"kty":"RSA"}`, strings.Replace(twin, "{", `{"use":"enc",`, 1), big, small, middle, rsaElement("x", 2048, "AQAB", 5)}, "small x middle big"},
	} {
		set, err := jwks.Parse([]byte(`{"keys":[` + strings.Join(row.elements, ",") + "]}"))
		if err != nil {
			t.Fatal(err)
		}
		keys, _ := set.Lookup("", row.alg)
		want(t, row.name, kidsOf(keys), row.want)
	}
}

// Options.MaxKeysPerID and Options.MaxRSACost limit tokens without a kid too.
func TestLimitsWithoutKid(t *testing.T) {
	elements := func(n, bits int, e string) (all []string) {
		for i := range n {
			all = append(all, rsaElement(fmt.Sprint(i), bits, e, i))
		}
		return all
	}
	for _, row := range []struct {
		name     string
		elements []string
		opts     jwks.Options
		want     int
		text     string
	}{
		{"four keys RSA 4096", elements(4, 4096, "AQAB"), jwks.Options{}, 4, ""},
		{"two keys RSA 8192", elements(2, 8192, "AQAB"), jwks.Options{}, 2, ""},
		{"three keys RSA 8192", elements(3, 8192, "AQAB"), jwks.Options{}, 0, "trying the 3 keys of the issuer that fit RS256 for a token without a kid has the cost 48, want at most 32 (Options.MaxRSACost)"},
		{"three keys RSA 8192, MaxRSACost 48", elements(3, 8192, "AQAB"), jwks.Options{MaxRSACost: 48}, 3, ""},
		{"one key RSA 2048, MaxRSACost 1", elements(1, 2048, "AQAB"), jwks.Options{MaxRSACost: 1}, 1, ""},
		{"two keys RSA 2048, MaxRSACost 1", elements(2, 2048, "AQAB"), jwks.Options{MaxRSACost: 1}, 0, "has the cost 2, want at most 1"},
		{"two keys, MaxKeysPerID 2", elements(2, 2048, "AQAB"), jwks.Options{MaxKeysPerID: 2}, 2, ""},
		{"three keys, MaxKeysPerID 2", elements(3, 2048, "AQAB"), jwks.Options{MaxKeysPerID: 2}, 0, "3 keys of the issuer fit RS256, and at most 2 are tried"},
		{"five keys, MaxKeysPerID 12", elements(5, 2048, "AQAB"), jwks.Options{MaxKeysPerID: 12}, 0, "5 keys of the issuer fit RS256, and at most 4 are tried"},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer()
			i.doc = []byte(`{"keys":[` + strings.Join(row.elements, ",") + "]}")
			c := newCache(t, i, func(o *jwks.Options) { o.MaxKeysPerID, o.MaxRSACost = row.opts.MaxKeysPerID, row.opts.MaxRSACost })
			keys, err := c.Lookup("", "RS256")
			want(t, row.name+": keys", len(keys), row.want)
			if row.text != "" {
				want(t, row.name+": outcome", outcome(err), "unknown")
				wantText(t, err, row.text)
			}
			for n := range row.elements { // tokens with a kid do not change
				_, err := c.Lookup(fmt.Sprint(n), "RS256")
				want(t, row.name+": lookup with a kid", outcome(err), "ok")
			}
		})
	}
}

// For all mixtures of keys, a token without a kid costs at most 4 checks, and the RSA keys at most
// 32. If no key is returned although some fit, the limits are exceeded.
func TestCostWithoutKid(t *testing.T) {
	cost := map[string]int{"RSA 2048": 1, "RSA 3072": 3, "RSA 4096": 4, "RSA 8192": 16}
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // the test must be repeatable
	refused := 0
	for range 200 {
		elements := []string{edElement("ed", 1)}
		for seed := range random.IntN(9) {
			e := rsaElement([]string{"", "a", "b"}[random.IntN(3)], []int{2048, 3072, 4096, 8192}[random.IntN(4)], "AQAB", random.IntN(8)+seed)
			if alg := []string{"", "RS256", "PS256"}[random.IntN(3)]; alg != "" {
				e = withAlg(alg, []string{e})[0]
			}
			elements = append(elements, e)
		}
		set, err := jwks.Parse([]byte(`{"keys":[` + strings.Join(elements, ",") + "]}"))
		if err != nil {
			t.Fatal(err)
		}
		for _, alg := range []string{"RS256", "RS512", "PS256", "EdDSA"} {
			fit, total := map[string]int{}, 0 // the cost of each key that fits
			for _, key := range set.Keys() {
				if key.Verifies(alg) && fit[key.Thumbprint()] == 0 {
					fit[key.Thumbprint()] = max(cost[key.Type()], 1)
					total += cost[key.Type()]
				}
			}
			keys, err := set.Lookup("", alg)
			wanted := len(fit)
			if len(fit) > 4 || total > 32 {
				wanted = 0
				refused++
			}
			if len(keys) != wanted || (err == nil) != (wanted > 0) {
				t.Errorf("%s: got %d of %d keys with the cost %d and error %v, want %d keys", alg, len(keys), len(fit), total, err, wanted)
			}
		}
	}
	if refused < 20 {
		t.Errorf("got %d lookups beyond the limits, want at least 20", refused)
	}
}

// Tokens without a kid are verified before, during and after a rotation of keys without a kid. A
// token with a kid is verified with no other key.
func TestRotationWithoutKid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newEC(curves()["ES256"]), newEC(curves()["ES256"])
		jwkA, jwkB := public("", a.Public()).with("kid", nil), public("", b.Public()).with("kid", nil)
		i := newIssuer(jwkA)
		c := newCache(t, i)
		verify := func(label string, key any, header map[string]any, wanted string) {
			t.Helper()
			token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{})
			for name, value := range header {
				token.Header[name] = value
			}
			raw, err := token.SignedString(key)
			if err != nil {
				t.Fatal(err)
			}
			_, err = jwt.Parse(raw, c.Keyfunc(), jwt.WithValidMethods([]string{"ES256"}))
			got := "ok"
			switch {
			case errors.Is(err, jwt.ErrTokenSignatureInvalid):
				got = "signature"
			case errors.Is(err, jwks.ErrUnknownKey):
				got = "unknown"
			case err != nil:
				got = err.Error()
			}
			want(t, label, got, wanted)
		}
		verify("old token before the rotation", a, nil, "ok")
		old, err := c.Lookup("", "ES256")
		if err != nil {
			t.Fatal(err)
		}
		i.publish(jwkB, jwkA)
		time.Sleep(20 * time.Minute)
		verify("old token during the rotation", a, nil, "ok")
		verify("new token during the rotation", b, nil, "ok")
		verify("token of a stranger", newEC(curves()["ES256"]), nil, "signature")
		verify("token with an unknown kid", a, map[string]any{"kid": "x"}, "unknown")
		during, err := c.Lookup("", "ES256")
		want(t, "the old key keeps its pointer", err == nil && slices.Contains(during, old[0]), true)
		i.publish(jwkB)
		time.Sleep(20 * time.Minute)
		verify("old token after the rotation", a, nil, "signature")
		verify("new token after the rotation", b, nil, "ok")
	})
}

// Keys that do not verify a token without a kid are tried once. Then a fetch may bring a new key.
func TestNewKeyWithoutKid(t *testing.T) {
	for n, wanted := range map[int]string{1: "ok", 2: "ok", 3: "ok", 4: "unknown"} {
		synctest.Test(t, func(t *testing.T) {
			var keys []jwk
			for range n {
				keys = append(keys, ecKey("").with("kid", nil))
			}
			i := newIssuer(keys...)
			c := newCache(t, i)
			tried, err := c.Lookup("", "ES256")
			if err != nil {
				t.Fatal(err)
			}
			fetches := i.fetches()
			i.publish(append(keys, ecKey("new"))...)
			left, err := c.Key(t.Context(), "", "ES256", tried...)
			want(t, fmt.Sprintf("%d keys, and a new one: outcome", n), outcome(err), wanted)
			want(t, "keys that were not tried", kidsOf(left), map[string]string{"ok": "new"}[wanted])
			want(t, "fetches", i.fetches()-fetches, 1)
		})
	}
}

// If too many keys fit, a token without a kid causes no fetch. The error says so, but after a failed
// refresh the keys may be out of date.
func TestTooManyWithoutKid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"), ecKey("b"), ecKey("c"), ecKey("d"), ecKey("e"))
		c := newCache(t, i)
		_, err := c.Key(t.Context(), "", "ES256")
		want(t, "outcome", outcome(err), "unknown")
		wantText(t, err, "5 keys of the issuer fit ES256")
		want(t, "fetches", i.fetches(), 1)
		_, err = c.Key(t.Context(), "", "EdDSA")
		want(t, "outcome for an algorithm that no key fits", outcome(err), "unknown")
		want(t, "the error for it is ErrUnknownKey itself", err == jwks.ErrUnknownKey, true) //nolint:errorlint // the text matters
		want(t, "fetches", i.fetches(), 2)
		i.update(func(i *issuer) { i.down = true })
		time.Sleep(time.Hour)
		_, err = c.Key(t.Context(), "", "ES256")
		want(t, "outcome after a failed refresh", outcome(err), "unavailable")
	})
}
