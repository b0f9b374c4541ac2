package vectors_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"

	"github.com/bearerkit/bearer/internal/conformance"
)

// difference is a form of token that bearer accepts and another library may not.
type difference struct {
	why   string
	libs  []string
	among func(token string) bool
}

// differences are all there are: the tests fail on any other.
var differences = []difference{
	{
		"RFC 9864 names EdDSA with Ed25519 keys Ed25519; the others know the older name only",
		[]string{"golang-jwt", "go-jose"},
		func(token string) bool { return headerOf(token)["alg"] == "Ed25519" },
	},
	{
		"a key that a token brings along is nobody's (RFC 8725, section 3.10): bearer does not look at it, and go-jose refuses the token where it cannot be read",
		[]string{"go-jose"},
		func(token string) bool {
			own, err := json.Marshal(headerOf(token)["jwk"])
			return err != nil || string(own) != "null" && new(jose.JSONWebKey).UnmarshalJSON(own) != nil
		},
	},
}

// headerOf returns the header of a token that bearer accepts.
func headerOf(token string) map[string]any {
	part, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return nil
	}
	var header map[string]any
	if json.Unmarshal(text, &header) != nil {
		return nil
	}
	return header
}

// explained returns why a library may refuse a token that bearer accepts, or "".
func explained(library, token string) string {
	for _, d := range differences {
		if slices.Contains(d.libs, library) && d.among(token) {
			return d.why
		}
	}
	return ""
}

// TestDifferential asks go-jose and golang-jwt about every vector that bearer
// accepts. What they accept and bearer does not is counted by the reason why not.
func TestDifferential(t *testing.T) {
	vectors, err := conformance.Load("../../testdata/vectors")
	if err != nil {
		t.Fatal(err)
	}
	used, laxer := make(map[string]bool), make(map[string]int)
	accepted := 0
	for _, row := range vectors.Rows {
		settings := vectors.Verifiers[row.Verifier]
		if row.Authorization != nil || len(settings.Beside) > 0 {
			continue
		}
		keys, issuer, audience, err := settingsOf(settings)
		if err != nil {
			t.Fatal(err)
		}
		if row.VerifyReason() == "" {
			accepted++
		}
		for _, r := range references {
			err := r.judge(row.Text(), keys, issuer, audience, conformance.Clock)
			switch {
			case row.VerifyReason() == "" && err != nil:
				why := explained(r.name, row.Text())
				used[why] = true
				if why == "" {
					t.Errorf("%s: %s says %v, and bearer accepts it", row.Name, r.name, err)
				}
			case row.VerifyReason() != "" && err == nil:
				laxer[fmt.Sprintf("%s accepts what is refused with %q", r.name, row.VerifyReason())]++
			}
		}
	}
	for _, d := range differences {
		if !used[d.why] {
			t.Errorf("no vector shows this difference any more: %s", d.why)
		}
	}
	if accepted < 100 {
		t.Errorf("got %d vectors that are accepted, want 100 at least", accepted)
	}
	for _, line := range slices.Sorted(maps.Keys(laxer)) {
		t.Logf("%s: %d", line, laxer[line])
	}
}
