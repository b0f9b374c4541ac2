//go:build !race

package bearer_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// The tests in this file check how the cost of a request grows with the token. The race
// detector changes the number of allocations, so the tests do not run with it.

// growthSizes are the lengths of a field in bytes. Each length is twice the previous one. A
// token with the greatest length is shorter than 16 KiB.
var growthSizes = [...]int{700, 1400, 2800, 5600, 11200}

// growthIssuer signs tokens for the tests of growth.
type growthIssuer struct {
	verifier *bearer.JWTVerifier
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
	return &growthIssuer{v, private}
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
func (g *growthIssuer) request(token string) func() {
	req := bearer.Request{Transport: "http", Authorization: []string{"Bearer " + token}, Rule: scopes.And(scopes.All("deploy"), bearer.HasRole("admin"))}
	return func() { _, _ = bearer.Decide(context.Background(), g.verifier, req) }
}

// growthKids are the key identifiers of the tokens. With a known key, the verifier verifies the
// signature and then reads all claims. With an unknown key, the verifier does only the work
// that a client without a valid token can cause.
var growthKids = map[string]string{"signed": "a", "forged": "b"}

// TestGrowth doubles the length of each field of a token. For each doubling, the CPU time of
// the process may grow by a factor of at most three, and the allocations may at most double.
// This is the only test that measures time. If it fails on a machine that is not overloaded,
// a loop takes more than linear time.
func TestGrowth(t *testing.T) {
	issuer := newGrowthIssuer(t, nil)
	timed := newGrowthIssuer(t, func(c *bearer.Config) { c.Hierarchy = smallHierarchy() })
	for _, field := range growingFields() {
		for kind, kid := range growthKids {
			t.Run(field.name+"/"+kind, func(t *testing.T) {
				testAllocations(t, growingRequests(t, issuer, field, kid))
				testTime(t, growingRequests(t, timed, field, kid))
			})
		}
	}
}

// smallHierarchy returns a hierarchy of a usual size. With a large hierarchy, the times depend
// on the memory caches of the processor, which other programs use too. So only the
// allocations are tested with a large hierarchy.
func smallHierarchy() scopes.Hierarchy {
	return scopes.Hierarchy{"s0": {"s1"}, "s1": {"t0", "t1"}, "deploy": {"read"}}
}

// TestGrowthOfHierarchy doubles a set of scopes. Each scope implies two other scopes.
func TestGrowthOfHierarchy(t *testing.T) {
	var calls []func()
	for _, size := range growthSizes {
		hierarchy, names := make(scopes.Hierarchy), make([]string, size/len("s1234 "))
		for i := range names {
			names[i] = fmt.Sprintf("s%d", i)
			hierarchy[names[i]] = []string{fmt.Sprintf("t%d", i), fmt.Sprintf("u%d", i)}
		}
		set, err := scopes.Of(names...)
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, func() { hierarchy.Expand(set) })
	}
	testAllocations(t, calls)
	testTime(t, calls)
}

// growingRequests returns a request for each length of the field.
func growingRequests(t *testing.T, issuer *growthIssuer, field growingField, kid string) (requests []func()) {
	t.Helper()
	for _, size := range growthSizes {
		header, claims := field.make(size)
		token := issuer.token(kid, header, claims)
		if len(token) > 16<<10 {
			t.Fatalf("got a token of %d bytes, want at most 16 KiB", len(token))
		}
		requests = append(requests, issuer.request(token))
	}
	return requests
}

// slackAllocs and slackBytes are allowed in addition to the double of the previous value,
// because a slice that grows by appends does not grow in even steps.
const (
	slackAllocs = 8
	slackBytes  = 4 << 10
)

func testAllocations(t *testing.T, requests []func()) {
	t.Helper()
	var before, bytesBefore float64
	for i, request := range requests {
		allocs, bytes := testkit.Allocs(3, 10, request), allocatedBytes(request)
		if i > 0 && (allocs > 2*before+slackAllocs || bytes > 3*bytesBefore) {
			t.Errorf("%d bytes: got %.0f allocations and %.0f bytes, want at most twice the %.0f allocations and three times the %.0f bytes of %d bytes", growthSizes[i], allocs, bytes, before, bytesBefore, growthSizes[i-1])
		}
		before, bytesBefore = allocs, bytes
	}
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

// testTime measures the CPU times up to five times. It fails if each measurement has a
// doubling with a factor of more than three. A loop that takes quadratic time fails every
// time, because its factor is close to four. Other programs on the machine disturb only some of
// the measurements.
func testTime(t *testing.T, requests []func()) {
	t.Helper()
	if _, ok := cpuTime(); !ok {
		t.Skip("this test does not know how to measure CPU time on this operating system")
	}
	const attempts = 5
	var faults []string
	for range attempts {
		fault := growthFault(leastTimes(requests))
		if fault == "" {
			return
		}
		faults = append(faults, fault)
	}
	t.Errorf("in each of %d measurements, the CPU time grows too much:\n%s", attempts, strings.Join(faults, "\n"))
}

// growthFault returns a text about the first time that is more than three times the previous
// time. It returns "" if there is no such time.
func growthFault(times []time.Duration) string {
	for i := 1; i < len(times); i++ {
		if times[i] > 3*times[i-1] {
			return fmt.Sprintf("%d bytes: got %v of CPU time, want at most three times the %v of %d bytes", growthSizes[i], times[i], times[i-1], growthSizes[i-1])
		}
	}
	return ""
}

// leastTimes returns the CPU time of each request, as the least of five rounds. Other programs
// on the machine can only add time.
func leastTimes(requests []func()) []time.Duration {
	const rounds = 5
	least := make([]time.Duration, len(requests))
	for range rounds {
		for i, request := range requests {
			if took := batchTime(request); least[i] == 0 || took < least[i] {
				least[i] = took
			}
		}
	}
	return least
}

// batchTime returns the CPU time of one request. It repeats the request for at least 2 ms. No
// garbage collection runs at that time, because a collection can take longer than the
// requests.
func batchTime(request func()) time.Duration {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	runtime.GC()
	start, _ := cpuTime()
	for n := time.Duration(1); ; n++ {
		request()
		if now, _ := cpuTime(); now-start >= 2*time.Millisecond {
			return (now - start) / n
		}
	}
}

// TestHostileTokens requires that a forged token allocates at most four times as much as a
// plain token of the same length, whatever its fields contain.
func TestHostileTokens(t *testing.T) {
	issuer := newGrowthIssuer(t, nil)
	size := growthSizes[len(growthSizes)-1]
	var plainAllocs, plainBytes float64
	for i, field := range growingFields() {
		header, claims := field.make(size)
		request := issuer.request(issuer.token("b", header, claims))
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
	size := growthSizes[len(growthSizes)-1]
	request := func(field growingField) func() {
		header, claims := field.make(size)
		return issuer.request(issuer.token("b", header, claims))
	}
	plain := request(growingFields()[0])
	for _, field := range growingFields() {
		hostile := request(field)
		b.Run(strings.ReplaceAll(field.name, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				hostile()
			}
			if least := leastTimes([]func(){plain, hostile}); least[0] > 0 {
				b.ReportMetric(float64(least[1])/float64(least[0]), "plain-tokens")
			}
		})
	}
}
