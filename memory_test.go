//go:build !race

package bearer_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
)

// TestCacheMemory tests that a cached token with its claims takes at most 1 KiB, as
// docs/speed.md states.
func TestCacheMemory(t *testing.T) {
	const n = 4000
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(c *bearer.Config) { c.Profile = bearer.Scalekit })
	tokens := make([]string, n)
	for i := range tokens {
		tokens[i] = issuer.Mint(map[string]any{"typ": "JWT"}, map[string]any{
			"client_id":     "m2morg_68315758685323697",
			"sub":           "m2morg_68315758685323697",
			"oid":           "org_59615193906282635",
			"custom_claims": map[string]string{"environment": "production-europe-west", "tier": "gold"},
			"scopes":        []string{"deploy:applications", "read:deployments"},
			"jti":           fmt.Sprintf("tkn_%017d", i),
			"nbf":           1767222300 - 1e8,
		})
	}
	before := heap()
	for _, token := range tokens {
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	after := heap()
	if got := v.Status()[0].Cache.Entries; got != n {
		t.Errorf("got %d tokens cached, want %d", got, n)
	}
	per := (int64(after) - int64(before)) / n //nolint:gosec // the sizes fit into an int64
	t.Logf("%d bytes for each token", per)
	if per > 1<<10 {
		t.Errorf("got %d bytes for each token, want at most 1,024", per)
	}
	runtime.KeepAlive(tokens)
}

// oddClaims is a type for Config.Custom.
type oddClaims struct {
	X     any
	Lists [][]string
	Names map[string]struct{ A, B, C *int }
}

// embeddedClaims has the fields of oddClaims.
type embeddedClaims struct{ oddClaims }

// otherClone has a method Clone that the function Custom does not call.
type otherClone map[string]any

func (c otherClone) Clone(int) otherClone { return c }

// customFields returns fields whose decoded values take much memory.
func customFields() []growingField {
	fields := []growingField{
		{"empty lists", oneClaim("Lists", listOf("[]"))},
		{"names", oneClaim("Names", membersOf(`"n%d":{}`))},
		{"many members", inClaims(manyMembers(`"n%d"`, "1"))},
		{"object with many members", oneClaim("X", membersOf(`"n%d":1`))},
	}
	for _, element := range []string{"[]", "{}", "1", `"a"`, `{"a":{"b":{}}}`} {
		fields = append(fields, growingField{"list of " + element, oneClaim("X", listOf(element))})
	}
	return fields
}

// TestCacheMemoryOfOddTokens fills caches with tokens that take much more memory than their
// length suggests. All tokens of a cache together must take at most Config.CacheSize KiB.
func TestCacheMemoryOfOddTokens(t *testing.T) {
	longest := mostField
	for _, field := range acceptedFields() {
		t.Run(field.name, func(t *testing.T) { testCacheMemory(t, field, longest, nil) })
	}
	for length := leastField; length <= mostField; length *= 2 {
		t.Run(fmt.Sprintf("%d bytes", length), func(t *testing.T) { testCacheMemory(t, acceptedFields()[0], length, nil) })
	}
	for name, decode := range map[string]func([]byte) (any, error){
		"map": bearer.JSON[map[string]any], "embedded": bearer.JSON[embeddedClaims], "other clone": bearer.JSON[otherClone],
		"struct": bearer.JSON[oddClaims], "pointer": bearer.JSON[*oddClaims], "raw": bearer.JSON[map[string]json.RawMessage],
	} {
		for _, field := range customFields() {
			custom := func(c *bearer.Config) { c.Custom = decode }
			t.Run("custom "+name+": "+field.name, func(t *testing.T) { testCacheMemory(t, field, longest, custom) })
		}
	}
	for _, names := range []string{"a:* ", "a:* %d:* ", "%d:* ", "name.%d.* ", "a%d "} { // one wildcard, or many
		field := growingField{"wildcards", oneClaim("scope", func(length int) string {
			var b strings.Builder
			for i := 0; b.Len() < length; i++ {
				b.WriteString(strings.ReplaceAll(names, "%d", strconv.Itoa(i)))
			}
			return strconv.Quote(strings.TrimSpace(b.String()))
		})}
		for _, length := range []int{leastField, longest / 4} {
			wildcards := func(c *bearer.Config) { c.Profile.WildcardScopes = true }
			t.Run(fmt.Sprintf("wildcards: %s, %d bytes", names, length), func(t *testing.T) { testCacheMemory(t, field, length, wildcards) })
		}
	}
}

// testCacheMemory fills a cache with tokens that have a field of this length. If change is not nil,
// it changes the configuration.
func testCacheMemory(t *testing.T, field growingField, length int, change func(*bearer.Config)) {
	t.Helper()
	const (
		size  = 256     // Config.CacheSize
		noise = 8 << 10 // of the heap, in bytes
	)
	issuer := newGrowthIssuer(t, func(c *bearer.Config) {
		c.CacheSize, c.Hierarchy = size, nil
		if change != nil {
			change(c)
		}
	})
	header, claims := field.make(length)
	verify := func(i int) {
		own := append(slices.Clone(claims), jsonMember{`"unique"`, strconv.Itoa(i)})
		if _, err := issuer.verifier.Verify(t.Context(), issuer.token("a", header, own)); err != nil {
			t.Fatal(err)
		}
	}
	before := heap()
	for i := range 3 * size << 9 / length { // one and a half times as many tokens as fit
		verify(i)
	}
	got := int64(heap()) - int64(before) //nolint:gosec // the sizes fit into an int64
	t.Logf("%d tokens take %d KiB", issuer.verifier.Status()[0].Cache.Entries, got>>10)
	if got > size<<10+noise {
		t.Errorf("got %d KiB for %d tokens, want at most %d KiB", got>>10, issuer.verifier.Status()[0].Cache.Entries, size)
	}
}

// TestCacheMemoryOfHeaders verifies tokens that have different headers. Headers that tokens
// can share may take up to 1 MiB in addition to Config.CacheSize KiB.
func TestCacheMemoryOfHeaders(t *testing.T) {
	const size = 1024 // Config.CacheSize
	issuer := newGrowthIssuer(t, func(c *bearer.Config) { c.CacheSize, c.Hierarchy = size, nil })
	before := heap()
	for i := range 3 * size {
		header := append(manyMembers(`"n%d"`, "1")(250), jsonMember{`"unique"`, strconv.Itoa(i / 2)}) // two tokens share each header
		if _, err := issuer.verifier.Verify(t.Context(), issuer.token("a", header, []jsonMember{{`"jti"`, fmt.Sprintf(`"%d"`, i)}})); err != nil {
			t.Fatal(err)
		}
	}
	got := int64(heap()) - int64(before) //nolint:gosec // the sizes fit into an int64
	t.Logf("%d tokens take %d KiB", issuer.verifier.Status()[0].Cache.Entries, got>>10)
	if got > size<<10+1<<20 {
		t.Errorf("got %d KiB for %d tokens, want at most %d KiB", got>>10, issuer.verifier.Status()[0].Cache.Entries, size+1024)
	}
}

// heap returns the number of bytes in use after two garbage collections, because one
// collection does not empty a sync.Pool.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
