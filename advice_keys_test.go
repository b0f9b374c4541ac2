package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// TestAdviceWithoutKeys sends the tokens of each issuer to a verifier with a wrong profile while
// the issuer does not answer. The detail of the first refusal names the profile, as for a verified
// token, and says that the signature is not verified. When there are keys, a forged token gets no
// advice.
func TestAdviceWithoutKeys(t *testing.T) { synctest.Test(t, testAdviceWithoutKeys) }

func testAdviceWithoutKeys(t *testing.T) {
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Algorithms: []string{"EdDSA"}, Audience: []string{audience}})
	defer issuer.Close()
	issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Status: http.StatusServiceUnavailable})
	cache, err := jwks.New(issuer.KeysURL(), &jwks.Options{Transport: issuer.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	for name, v := range oneAndSeveral(t, bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: cache}) {
		const hint, unverified = "form of profile ", "the signature is not verified, because there are no keys yet"
		header := members{"typ": "JWT"}
		genuine, forged := issuer.Mint(header, members{"scope": "read"}), issuer.Forge(header, members{"scope": "read"})
		other := issuer.Mint(nil, members{"aud": "https://other.example"})
		for _, row := range []struct {
			token  string
			reason bearer.Reason
			hint   bool
		}{{genuine, bearer.WrongType, true}, {forged, bearer.WrongType, true}, {other, bearer.WrongAudience, false}} {
			_, err := v.Verify(t.Context(), row.token)
			if !errors.Is(err, row.reason) || strings.Contains(err.Error(), hint) != row.hint || strings.Contains(err.Error(), unverified) != row.hint {
				t.Errorf("%s, without keys: got error %v, want reason %q and a hint = %v", name, err, row.reason, row.hint)
			}
			if x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + row.token}}); strings.Contains(x.String(), "has the form of ") != row.hint {
				t.Errorf("%s, without keys: got explanation\n%v\nwant a hint = %v", name, x, row.hint)
			}
		}
	}
	issuer.Repair(bearertest.KeysEndpoint)
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if err := cache.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	for name, v := range oneAndSeveral(t, bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: cache}) {
		for kind, token := range map[string]string{
			"forged":                   issuer.Forge(members{"typ": "JWT"}, members{"scope": "read"}),
			"forged, with another kid": issuer.Forge(members{"typ": "JWT", "kid": "other"}, members{"scope": "read"}),
		} {
			if _, err := v.Verify(t.Context(), token); err == nil || strings.Contains(err.Error(), "profile ") && strings.Contains(err.Error(), "form of") {
				t.Errorf("%s, %s: got error %v, want a refusal without a hint", name, kind, err)
			}
		}
		if _, err := v.Verify(t.Context(), issuer.Mint(members{"typ": "JWT"}, members{"scope": "read"})); err == nil ||
			!strings.Contains(err.Error(), "the token has the form of profile ") || strings.Contains(err.Error(), "not verified") {
			t.Errorf("%s: got error %v, want the hint of a verified token", name, err)
		}
	}
}

// TestNoProfileWithoutIssuer tests that the detail never suggests a profile that requires "iss" for
// a token without it. The verifier of this profile also refuses the token.
func TestNoProfileWithoutIssuer(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	keys, err := jwks.Parse(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	v, err := bearer.New(bearer.Config{Issuer: "spiffe://example.org", Audience: []string{audience}, Keys: keys, Profile: bearer.SPIFFE})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ typ, sub string }{{"at+jwt", "spiffe://example.org/a"}, {"JWT", "spiffe://example.org/a/../b"}, {"JWT", "spiffe://example.org"}} {
		_, err := v.Verify(t.Context(), issuer.Mint(members{"typ": row.typ}, members{"iss": nil, "sub": row.sub}))
		if err == nil || strings.Contains(err.Error(), "see Config.Profile") {
			t.Errorf("typ %s, sub %s: got error %v, want a refusal without another profile", row.typ, row.sub, err)
		}
	}
}

// TestOtherTrustDomain tests the detail of Issuers for a JWT-SVID of a trust domain that is not
// configured, while a different one is.
func TestOtherTrustDomain(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	keys, err := jwks.Parse(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	several := new(bearer.Issuers)
	if err := several.Add(bearer.Config{Issuer: "spiffe://a.example", Audience: []string{audience}, Keys: keys, Profile: bearer.SPIFFE}); err != nil {
		t.Fatal(err)
	}
	_, err = several.Verify(t.Context(), issuer.Mint(members{"typ": "JWT"}, members{"iss": nil, "sub": "spiffe://b.example/workload"}))
	if want := `sub is "spiffe://b.example/workload", and its trust domain is not a configured issuer`; !errors.Is(err, bearer.WrongIssuer) || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want the text %s", err, want)
	}
}

// TestSampleOfAdvice requires that docs/issuers.md shows the detail of the log for a token that has
// the claims of RFC 9068 and the typ JWT. The profile for servers without a profile of their own is
// the last, with a sentence that says when to take it.
func TestSampleOfAdvice(t *testing.T) {
	page, err := os.ReadFile("docs/issuers.md")
	if err != nil {
		t.Fatal(err)
	}
	issuer := newIssuer(t, "EdDSA")
	_, err = newVerifier(t, issuer, nil).Verify(t.Context(), issuer.Mint(members{"typ": "JWT"}, members{"scope": "read"}))
	if err == nil || !strings.HasSuffix(err.Error(), ", or, if the server is none of these products, Plain JWT: see Config.Profile") {
		t.Errorf("got error %v, want Plain JWT as the last profile", err)
	}
	x := bearer.Explain(t.Context(), newVerifier(t, issuer, nil), bearer.Request{Authorization: []string{"Bearer " + issuer.Mint(members{"typ": "JWT"}, members{"scope": "read"})}})
	if _, profiles, _ := strings.Cut(fmt.Sprint(err), "has the form of profile "); !strings.Contains(x.String(), "has the form of "+profiles+"\n") {
		t.Errorf("got explanation\n%v\nwant the profiles in the form of the log: %s", x, profiles)
	}
	if err != nil && !strings.Contains(string(page), "\n    "+strings.TrimPrefix(err.Error(), "bearer: ")+"\n") {
		t.Errorf("docs/issuers.md: got no line with the detail %v, want one", err)
	}
}

// TestAdviceOfSVIDKeys compares the advice for a token that is signed with a key for JWT-SVIDs
// with the advice for a forged token. A suggestion of the profile SPIFFE names the issuer too.
func TestAdviceOfSVIDKeys(t *testing.T) {
	key := bearertest.NewKey("ES256", "k")
	for use, want := range map[string]string{"jwt-svid": "If the token is a JWT-SVID, set Config.Profile to SPIFFE and Config.Issuer to the trust domain", "sig": "The token was changed after it was signed"} {
		cfg := bearer.Config{Issuer: "https://a.example", Audience: []string{audience}, Keys: bundleOf(t, bundleKey(t, key, use))}
		for name, v := range oneAndSeveral(t, cfg) {
			token := mintSVID(t, key, nil, members{"iss": "https://a.example"})
			if use == "sig" {
				token = mintSVID(t, bearertest.NewKey("ES256", "k"), nil, members{"iss": "https://a.example"})
			}
			x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}})
			found := false
			for _, c := range x.Checks {
				found = found || c.Name == "signature" && strings.Contains(c.Advice, want)
			}
			if !found || !strings.Contains(x.String(), "SPIFFE (with the trust domain as Config.Issuer)") {
				t.Errorf("%s, use %s: got explanation\n%v\nwant the check signature with the advice %q, and the profile SPIFFE with its issuer", name, use, x, want)
			}
		}
	}
}
