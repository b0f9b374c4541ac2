//go:build !race

package bearer_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/growth"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// The tests in this file check how the cost of a request grows with the token. The race
// detector changes the number of allocations, so the tests do not run with it.

// A field of leastField bytes is doubled four times. Then it has mostField bytes, and the token
// is shorter than 16 KiB.
const (
	leastField = 700
	mostField  = leastField << 4
)

// growthIssuer signs tokens for the tests of growth.
type growthIssuer struct {
	verifier *bearer.JWTVerifier
	config   bearer.Config
	private  ed25519.PrivateKey
}

// hierarchySize is the number of scopes in Config.Hierarchy. No token has more scopes.
const hierarchySize = 4000

// newGrowthIssuer returns an issuer and a verifier without a cache. The configuration of the
// verifier reads as many claims as possible. If adjust is not nil, it may change the
// configuration.
func newGrowthIssuer(tb testing.TB, adjust func(*bearer.Config)) *growthIssuer {
	tb.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		tb.Fatal(err)
	}
	keys, err := jwks.Parse(fmt.Appendf(nil, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":%q}]}`, base64.RawURLEncoding.EncodeToString(public)))
	if err != nil {
		tb.Fatal(err)
	}
	hierarchy := make(scopes.Hierarchy)
	for i := range hierarchySize {
		hierarchy[fmt.Sprintf("s%d", i)] = []string{fmt.Sprintf("t%d", i), fmt.Sprintf("u%d", i)}
	}
	cfg := bearer.Config{
		Issuer: "https://issuer.example", Audience: []string{audience}, Keys: keys, CacheSize: -1, Hierarchy: hierarchy,
		Profile: bearer.Profile{
			Types:             []string{"at+jwt", "JWT"},
			Scopes:            []string{"scope", "scp", "/realm_access/scopes"},
			Roles:             []string{"roles", "/realm_access/roles"},
			ClientID:          []string{"client_id", "/realm_access/client"},
			InertConfirmation: []string{"n0", "n1", "n2"},
			ForbiddenHeader:   map[string]string{"other": "is not for this service"},
		},
		Required: []string{"sub"},
		Logger:   slog.New(slog.DiscardHandler),
	}
	if adjust != nil {
		adjust(&cfg)
	}
	v, err := bearer.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := v.Close(); err != nil {
			tb.Error(err)
		}
	})
	return &growthIssuer{v, cfg, private}
}

// token returns a token. If kid is not "a", the verifier has no key for the token.
func (g *growthIssuer) token(kid string, header, claims []jsonMember) string {
	now := time.Now().Unix()
	input := encodeMembers([]jsonMember{{`"alg"`, `"EdDSA"`}, {`"kid"`, `"` + kid + `"`}, {`"typ"`, `"at+jwt"`}}, header) + "." + encodeMembers([]jsonMember{
		{`"iss"`, `"https://issuer.example"`},
		{`"aud"`, `["` + audience + `"]`},
		{`"sub"`, `"s"`},
		{`"client_id"`, `"c"`},
		{`"jti"`, `"j"`},
		{`"iat"`, fmt.Sprint(now)},
		{`"exp"`, fmt.Sprint(now + 3600)},
		{`"scope"`, `"deploy"`},
	}, claims)
	return input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(g.private, []byte(input)))
}

// encodeMembers returns an object in base64url.
func encodeMembers(usual, changed []jsonMember) string {
	var texts []string
	for _, m := range usual {
		replaced := false
		for _, c := range changed {
			replaced = replaced || c.name == m.name
		}
		if !replaced {
			texts = append(texts, m.name+":"+m.value)
		}
	}
	for _, m := range changed {
		texts = append(texts, m.name+":"+m.value)
	}
	return base64.RawURLEncoding.EncodeToString([]byte("{" + strings.Join(texts, ",") + "}"))
}

// request returns a function that decides on a request with the token.
func (g *growthIssuer) request(token string) func() { return g.requestTo(g.verifier, token) }

// requestTo returns a function that decides on a request with the token, with another verifier.
func (*growthIssuer) requestTo(v bearer.Verifier, token string) func() {
	req := bearer.Request{Transport: "http", Authorization: []string{"Bearer " + token}, Rule: scopes.And(scopes.All("deploy"), bearer.HasRole("admin"))}
	return func() { _, _ = bearer.Decide(context.Background(), v, req) }
}

// growthKids are the key identifiers of the tokens. With a known key, the verifier verifies the
// signature and then reads all claims. With an unknown key, the verifier does only the work
// that a client without a valid token can cause.
var growthKids = map[string]string{"signed": "a", "forged": "b"}

// TestGrowth doubles the length of each field of a token, see [growth.Check]. The tests of growth
// are the only tests that measure time. If they fail on a machine that is not overloaded, a loop
// takes more than linear time.
func TestGrowth(t *testing.T) {
	issuer := newGrowthIssuer(t, nil)
	for _, field := range growingFields() {
		for kind, kid := range growthKids {
			growth.Check(t, field.name+"/"+kind, leastField, func(size int) func() {
				return issuer.request(issuer.growing(t, field, kid, size))
			})
		}
	}
}

// growing returns a token with a field of this size.
func (g *growthIssuer) growing(tb testing.TB, field growingField, kid string, size int) string {
	tb.Helper()
	header, claims := field.make(size)
	token := g.token(kid, header, claims)
	if len(token) > 16<<10 {
		tb.Fatalf("%s: got a token of %d bytes, want at most 16 KiB", field.name, len(token))
	}
	return token
}

// TestGrowthOfHierarchy doubles a set of scopes. Each scope implies two other scopes.
func TestGrowthOfHierarchy(t *testing.T) {
	growth.Check(t, "a hierarchy", leastField/len("s1234 "), func(n int) func() {
		hierarchy, names := make(scopes.Hierarchy), make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf("s%d", i)
			hierarchy[names[i]] = []string{fmt.Sprintf("t%d", i), fmt.Sprintf("u%d", i)}
		}
		set, err := scopes.Of(names...)
		if err != nil {
			t.Fatal(err)
		}
		return func() { hierarchy.Expand(set) }
	})
}

// allocatedBytes returns the memory that f allocates, in bytes.
func allocatedBytes(f func()) float64 {
	const runs = 10
	lowest := uint64(1 << 62)
	var m runtime.MemStats
	for range 3 {
		f()
		runtime.ReadMemStats(&m)
		before := m.TotalAlloc
		for range runs {
			f()
		}
		runtime.ReadMemStats(&m)
		lowest = min(lowest, (m.TotalAlloc-before)/runs)
	}
	return float64(lowest)
}

// TestHostileTokens requires that a forged token allocates at most four times as much as a
// plain token of the same length, whatever its fields contain.
func TestHostileTokens(t *testing.T) {
	issuer := newGrowthIssuer(t, nil)
	var plainAllocs, plainBytes float64
	for i, field := range growingFields() {
		request := issuer.request(issuer.growing(t, field, "b", mostField))
		allocs, bytes := testkit.Allocs(3, 10, request), allocatedBytes(request)
		if i == 0 {
			plainAllocs, plainBytes = allocs, bytes
		}
		if allocs > 4*plainAllocs || bytes > 4*plainBytes {
			t.Errorf("%s: got %.0f allocations and %.0f bytes, want at most four times the %.0f allocations and %.0f bytes of a plain token", field.name, allocs, bytes, plainAllocs, plainBytes)
		}
	}
}

// BenchmarkHostileTokens measures the time of forged tokens. The unit plain-tokens is the CPU
// time relative to a plain token of the same length, as the least of five rounds.
func BenchmarkHostileTokens(b *testing.B) {
	issuer := newGrowthIssuer(b, nil)
	plain := growth.Time(issuer.request(issuer.growing(b, growingFields()[0], "b", mostField)))
	for _, field := range growingFields() {
		hostile := issuer.request(issuer.growing(b, field, "b", mostField))
		b.Run(strings.ReplaceAll(field.name, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				hostile()
			}
			if plain > 0 {
				b.ReportMetric(float64(growth.Time(hostile))/float64(plain), "plain-tokens")
			}
		})
	}
}
