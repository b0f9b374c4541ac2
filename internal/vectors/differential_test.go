package vectors_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/internal/conformance"
)

// difference is a form of token that bearer accepts and another library may not.
type difference struct {
	why   string
	libs  []string
	among func(header map[string]jsontext.Value) bool
}

// differences are all there are: the tests fail on any other.
var differences = []difference{
	{
		"RFC 9864 names EdDSA with Ed25519 keys Ed25519; the others know the older name only",
		[]string{"golang-jwt", "go-jose"},
		func(header map[string]jsontext.Value) bool { return isEd25519(header["alg"]) },
	},
	{
		"a key that a token brings along is nobody's (RFC 8725, section 3.10): bearer does not look at it, and go-jose refuses the token where it cannot be read, or is not public",
		[]string{"go-jose"},
		func(header map[string]jsontext.Value) bool {
			own := header["jwk"]
			if given(own) && new(jose.JSONWebKey).UnmarshalJSON(own) != nil {
				return true
			}
			members := membersOf(own)
			return slices.ContainsFunc(private, func(name string) bool { return given(members[name]) })
		},
	},
	{
		"so are its certificates",
		[]string{"go-jose"},
		func(header map[string]jsontext.Value) bool {
			var chain []string
			own := header["x5c"]
			return given(own) && (json.Unmarshal(own, &chain) != nil || slices.ContainsFunc(chain, noCertificate))
		},
	},
	{
		"a nonce is for servers of ACME (RFC 8555, section 6.5.2): bearer does not look at it, and go-jose refuses the token where it is no string",
		[]string{"go-jose"},
		func(header map[string]jsontext.Value) bool {
			return given(header["nonce"]) && header["nonce"].Kind() != '"'
		},
	},
	{
		"bearer does not read numbers that nobody asked for; the others want a float64",
		[]string{"golang-jwt", "go-jose"},
		func(header map[string]jsontext.Value) bool {
			for _, value := range header {
				if tooLarge(value) {
					return true
				}
			}
			return false
		},
	},
}

// private is the members that go-jose wants in no key of a header.
var private = []string{"k", "d", "p", "q", "dp", "dq", "qi", "priv"}

// headerOf returns the members of the header of a token that bearer accepts.
func headerOf(token string) map[string]jsontext.Value {
	part, _, _ := strings.Cut(token, ".")
	text, _ := base64.RawURLEncoding.DecodeString(part)
	return membersOf(text)
}

// membersOf returns the members of an object, or nil.
func membersOf(text []byte) map[string]jsontext.Value {
	var members map[string]jsontext.Value
	if json.Unmarshal(text, &members) != nil {
		return nil
	}
	return members
}

// given reports whether a member is there: null says no.
func given(value jsontext.Value) bool { return len(value) > 0 && value.Kind() != 'n' }

func isEd25519(alg jsontext.Value) bool {
	var name string
	return json.Unmarshal(alg, &name) == nil && name == "Ed25519"
}

func noCertificate(text string) bool {
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return true
	}
	_, err = x509.ParseCertificate(der)
	return err != nil
}

// tooLarge reports whether a JSON text holds a number that a float64 does not.
func tooLarge(text []byte) bool {
	for tokens := jsontext.NewDecoder(bytes.NewReader(text)); ; {
		token, err := tokens.ReadToken()
		if err != nil {
			return false
		}
		if token.Kind() == '0' {
			if _, err := strconv.ParseFloat(token.String(), 64); err != nil {
				return true
			}
		}
	}
}

// explained returns why a library may refuse a token that bearer accepts, or "".
func explained(library, token string) string {
	header := headerOf(token)
	for _, d := range differences {
		if slices.Contains(d.libs, library) && d.among(header) {
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
