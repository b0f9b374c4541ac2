package spiffe_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/spiffe"
)

// The model of a SPIFFE ID with a path (SPIFFE-ID, sections 2.1, 2.2).
var (
	model  = regexp.MustCompile(`\Aspiffe://[a-z0-9._-]+(/[a-zA-Z0-9._-]+)+\z`)
	dots   = regexp.MustCompile(`/\.\.?(/|\z)`)
	domain = regexp.MustCompile(`\Aspiffe://[a-z0-9._-]+\z`)
)

// TestCheckAgainstModel compares Check, CheckDomain and DomainOf with regular expressions.
func TestCheckAgainstModel(t *testing.T) {
	pieces := []string{
		"spiffe://", "spiffe://", "spiffe:", "SPIFFE://", "spiffe:///", "a.example", "a_b-c", "A", "td", "/", "/", "/", "/ns", "/sa/x", ".", "..", "/.", "/..", "/...",
		"%2f", "%", "?q", "#f", ":8443", "user@", "*", " ", "\x00", "é", "\xff", `\`, "~", ";v=1", "//",
	}
	good := []string{"/ns", "/sa/x", "/A", "a", "-b_c.d", "/...", "/.x"}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the cases must be the same in each run
	accepted, domains := 0, 0
	for range 20_000 {
		var b strings.Builder
		if random.IntN(4) > 0 {
			b.WriteString("spiffe://td")
		}
		for range random.IntN(5) {
			list := pieces
			if random.IntN(3) > 0 {
				list = good
			}
			b.WriteString(list[random.IntN(len(list))])
		}
		id := b.String()
		want := model.MatchString(id) && !dots.MatchString(id)
		if err := spiffe.Check(id); (err == nil) != want {
			t.Errorf("Check(%q): got error %v, want accepted: %v", id, err, want)
		}
		wantDomain := domain.MatchString(id)
		if err := spiffe.CheckDomain(id); (err == nil) != wantDomain {
			t.Errorf("CheckDomain(%q): got error %v, want accepted: %v", id, err, wantDomain)
		}
		got := spiffe.DomainOf(id)
		if want && (spiffe.CheckDomain(got) != nil || !strings.HasPrefix(id, got+"/")) || wantDomain && got != id || !strings.HasPrefix(id, got) {
			t.Errorf("DomainOf(%q): got %q, want the text before the path", id, got)
		}
		if want {
			accepted++
		}
		if wantDomain {
			domains++
		}
	}
	if accepted < 1000 || domains < 1000 || accepted > 10_000 {
		t.Errorf("got %d IDs and %d trust domains of 20,000 texts, want 1,000 to 10,000 IDs and at least 1,000 trust domains", accepted, domains)
	}
}

// TestErrors requires an own error for each mistake.
func TestErrors(t *testing.T) {
	for id, want := range map[string]string{
		"https://td/a": "does not begin with", "": "does not begin with", "spiffe:///a": "trust domain is missing", "spiffe://TD/a": "lower-case letters",
		"spiffe://td": "no path", "spiffe://td/": "empty segment", "spiffe://td/a/": "ends with a slash", "spiffe://td//a": "empty segment",
		"spiffe://td/../a": `".."`, "spiffe://td/a%20b": "characters other than letters",
	} {
		if err := spiffe.Check(id); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check(%q): got error %v, want %q in the text", id, err, want)
		}
	}
}
