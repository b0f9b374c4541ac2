package jwks_test

import (
	"testing"

	"github.com/bearerkit/bearer/jwks"
)

// TestSVID parses keys with each value of "use" for SPIFFE. A key whose "use" changes to or from
// "jwt-svid" is a new key, so that code that caches verdicts on tokens verifies the tokens again.
func TestSVID(t *testing.T) {
	sig, svid := parse(t, ecKey("k")), parse(t, ecKey("k").with("use", "jwt-svid"))
	for _, row := range []struct {
		name string
		set  *jwks.Set
		want bool
	}{{"sig", sig, false}, {"no use", parse(t, ecKey("k").with("use", nil)), false}, {"jwt-svid", svid, true}} {
		if got := row.set.Keys()[0].SVID(); got != row.want {
			t.Errorf("%s: got SVID %v, want %v", row.name, got, row.want)
		}
	}
	for _, use := range []string{"x509-svid", "wit-svid", "JWT-SVID", "jwt-svid "} {
		set := parse(t, ecKey("other"), ecKey("k").with("use", use))
		if len(set.Keys()) != 1 || len(set.Skipped()) != 1 {
			t.Errorf("use %q: got %d keys and %d skipped elements, want 1 and 1", use, len(set.Keys()), len(set.Skipped()))
		}
	}
	both := parse(t, ecKey("k"), ecKey("k").with("use", "jwt-svid"))
	if keys, err := both.Lookup("", "ES256"); err != nil || len(keys) != 2 || keys[0].SVID() == keys[1].SVID() {
		t.Errorf("two keys with the same material: got keys %v and error %v without a kid, want one key of each kind", keys, err)
	}
}
