package bearer_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
)

// TestReplicatedClaims repeats claims in the header. If the claim has a wrong type, the error
// names the type, because the verifier does not compare such values.
func TestReplicatedClaims(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, nil)
	const notText, notTexts = `"sub" is not a string`, `"aud" is neither a string nor an array of strings`
	differs := func(name string) string { return `header: "` + name + `" differs from the claim with this name` }
	for _, row := range []struct{ name, header, claim, want string }{
		{"sub", `"a"`, `"\u0061"`, ""},
		{"aud", `["` + audience + `"]`, `[ "` + audience + `" ]`, ""},
		{"sub", `"a"`, `"b"`, differs("sub")},
		{"sub", `7`, `"b"`, differs("sub")},
		{"sub", `null`, `"b"`, differs("sub")},
		{"aud", `"` + audience + `"`, `["` + audience + `"]`, differs("aud")},
		{"aud", `["` + audience + `","x"]`, `["` + audience + `"]`, differs("aud")},
		{"aud", `[1]`, `["` + audience + `"]`, differs("aud")},
		{"sub", `7`, `7`, notText},
		{"sub", `8`, `7`, notText},
		{"sub", `null`, `null`, notText},
		{"sub", `{}`, `{}`, notText},
		{"sub", `["a"]`, `["a"]`, notText},
		{"aud", `7`, `7`, notTexts},
		{"aud", `[1]`, `[1]`, notTexts},
		{"aud", `["a"]`, `["` + audience + `",1]`, notTexts},
		{"aud", `{"a":"b"}`, `{"a":"b"}`, notTexts},
	} {
		_, err := v.Verify(t.Context(), issuer.Mint(members{row.name: raw(row.header)}, members{row.name: raw(row.claim)}))
		switch {
		case row.want == "" && err != nil:
			t.Errorf("header %s %s, claim %s: got error %v, want none", row.name, row.header, row.claim, err)
		case row.want != "" && (!errors.Is(err, bearer.InvalidClaims) || !strings.Contains(err.Error(), row.want)):
			t.Errorf("header %s %s, claim %s: got error %v, want reason %q and the text %q", row.name, row.header, row.claim, err, bearer.InvalidClaims, row.want)
		}
	}
	token := issuer.Mint(members{"sub": "a"}, members{"sub": nil})
	if _, err := v.Verify(t.Context(), token); err == nil || !strings.Contains(err.Error(), differs("sub")) {
		t.Errorf("header with sub, no claim sub: got error %v, want the text %q", err, differs("sub"))
	}
}
