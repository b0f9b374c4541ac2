package bearer_test

import (
	"slices"
	"testing"

	"github.com/bearerkit/bearer"
)

// TestTypedTokens presents every kind of typed JWT as an access token, with claims that are otherwise
// right. A verifier accepts only the types of its profile (RFC 8725, section 3.11). The proof of DPoP
// clients and the tokens of other protocols are never access tokens.
func TestTypedTokens(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	foreign := []string{
		"dpop+jwt", "statuslist+jwt", "token-introspection+jwt", "secevent+jwt", "logout+jwt", "txntoken+jwt", "oauth-id-jag+jwt",
		"kb+jwt", "vc+sd-jwt", "id_token+jwt", "client-authentication+jwt", "oauth-authz-req+jwt", "entity-statement+jwt",
	}
	accepted := 0
	for _, name := range bearer.ProfileNames() {
		profile, err := bearer.ProfileByName(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, typ := range foreign {
			if slices.Contains(profile.Types, typ) {
				t.Errorf("%s: got the type %q in Profile.Types, want none of another protocol", name, typ)
			}
		}
	}
	v := newVerifier(t, issuer, nil)
	for _, typ := range slices.Concat(foreign, []string{"at+jwt", "application/at+jwt", "AT+JWT", "JWT", "", "at+jwt2", "jwt+at"}) {
		for _, spelling := range []string{typ, "application/" + typ} {
			header := map[string]any{"typ": spelling}
			_, err := v.Verify(t.Context(), issuer.Mint(header, nil))
			want := slices.Contains([]string{"at+jwt", "application/at+jwt", "AT+JWT", "application/AT+JWT"}, spelling)
			if got := err == nil; got != want {
				t.Errorf("typ %q: got accepted=%t (%v), want %t", spelling, got, err, want)
			}
			if want {
				accepted++
			}
		}
	}
	if accepted != 5 {
		t.Errorf("got %d spellings of at+jwt, want 5, so that the test can fail both ways", accepted)
	}
}
