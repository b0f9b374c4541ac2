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
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/internal/conformance"
)

// difference describes tokens that bearer accepts and other libraries may refuse.
type difference struct {
	text      string
	libraries []string
	applies   func(header map[string]jsontext.Value) bool
}

// differences lists all known differences. The tests fail if they find an unknown
// difference.
var differences = []difference{
	{
		"RFC 9864 gives EdDSA with Ed25519 keys the name Ed25519; the other libraries support only the name EdDSA",
		[]string{"golang-jwt", "go-jose"},
		func(header map[string]jsontext.Value) bool { return isEd25519(header["alg"]) },
	},
	{
		"bearer ignores a jwk in the header, because a jwk in the header must not be trusted (RFC 8725, section 3.10); go-jose refuses the token if the jwk is invalid or not a public key",
		[]string{"go-jose"},
		func(header map[string]jsontext.Value) bool {
			value := header["jwk"]
			if isSet(value) && new(jose.JSONWebKey).UnmarshalJSON(value) != nil {
				return true
			}
			members := membersOf(value)
			return slices.ContainsFunc(privateMembers, func(name string) bool { return isSet(members[name]) })
		},
	},
	{
		"bearer ignores an x5c in the header, because an x5c in the header must not be trusted; go-jose refuses the token if a certificate is invalid",
		[]string{"go-jose"},
		func(header map[string]jsontext.Value) bool {
			var chain []string
			value := header["x5c"]
			return isSet(value) && (json.Unmarshal(value, &chain) != nil || slices.ContainsFunc(chain, isNoCertificate))
		},
	},
	{
		"bearer ignores a nonce in the header, because only ACME servers use a nonce (RFC 8555, section 6.5.2); go-jose refuses the token if the nonce is not a string",
		[]string{"go-jose"},
		func(header map[string]jsontext.Value) bool {
			return isSet(header["nonce"]) && header["nonce"].Kind() != '"'
		},
	},
	{
		"bearer does not parse numbers in unknown members; the other libraries refuse numbers that do not fit into a float64",
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

// privateMembers lists the members that only a private or symmetric key has. go-jose refuses
// these members in the jwk of a header.
var privateMembers = []string{"k", "d", "p", "q", "dp", "dq", "qi", "priv"}

// headerOf returns the members of the header of a token that bearer accepts.
func headerOf(token string) map[string]jsontext.Value {
	part, _, _ := strings.Cut(token, ".")
	text, _ := base64.RawURLEncoding.DecodeString(part)
	return membersOf(text)
}

// membersOf returns the members of a JSON object, or nil if text is not a JSON object.
func membersOf(text []byte) map[string]jsontext.Value {
	var members map[string]jsontext.Value
	if json.Unmarshal(text, &members) != nil {
		return nil
	}
	return members
}

// isSet reports whether a member is present and not null. value is the value of the member.
func isSet(value jsontext.Value) bool { return len(value) > 0 && value.Kind() != 'n' }

func isEd25519(alg jsontext.Value) bool {
	var name string
	return json.Unmarshal(alg, &name) == nil && name == "Ed25519"
}

// isNoCertificate reports whether text is not an X.509 certificate in base64.
func isNoCertificate(text string) bool {
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return true
	}
	_, err = x509.ParseCertificate(der)
	return err != nil
}

// tooLarge reports whether a JSON text has a number that does not fit into a float64.
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

// If bearer accepts a token and the library refuses it because of a known difference,
// knownDifference returns the text of this difference. Otherwise, it returns "".
func knownDifference(library, token string) string {
	header := headerOf(token)
	for _, d := range differences {
		if slices.Contains(d.libraries, library) && d.applies(header) {
			return d.text
		}
	}
	return ""
}

// TestDifferential verifies the vectors with go-jose and golang-jwt. Both libraries must
// accept every vector that bearer accepts, except for the known differences. For each
// reason of bearer, the test also logs the number of vectors that a library accepts and
// bearer refuses.
func TestDifferential(t *testing.T) {
	vectors, err := conformance.Load("../../testdata/vectors")
	if err != nil {
		t.Fatal(err)
	}
	used, acceptedOnly := make(map[string]bool), make(map[string]int)
	accepted := 0
	for _, row := range vectors.Rows {
		settings := vectors.Verifiers[row.Verifier]
		if row.Authorization != nil || len(settings.OtherIssuers) > 0 || settings.Profile == "SPIFFE" { // internal/realissuers compares go-spiffe
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
			err := r.verify(row.Text(), keys, issuer, audience, conformance.Clock, time.Duration(settings.Leeway)*time.Second)
			switch {
			case row.VerifyReason() == "" && err != nil:
				text := knownDifference(r.name, row.Text())
				used[text] = true
				if text == "" {
					t.Errorf("%s: bearer returned no error, and %s returned error %v; want no error from either", row.Name, r.name, err)
				}
			case row.VerifyReason() != "" && err == nil:
				acceptedOnly[fmt.Sprintf("%s accepts tokens that bearer refuses with %q", r.name, row.VerifyReason())]++
			}
		}
	}
	for _, d := range differences {
		if !used[d.text] {
			t.Errorf("known difference %q: got no vector with this difference, want at least one", d.text)
		}
	}
	if accepted < 100 {
		t.Errorf("got %d accepted vectors, want at least 100", accepted)
	}
	for _, line := range slices.Sorted(maps.Keys(acceptedOnly)) {
		t.Logf("%s: %d", line, acceptedOnly[line])
	}
}
