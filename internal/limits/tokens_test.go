package limits_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// claimsText returns the text of valid claims with the given text at the end. The text begins
// with a comma or is empty. A member in the text replaces the default member.
func claimsText(issuer, more string) []byte {
	all := fmt.Sprintf(`{"iss":%q,"sub":"s","aud":%q`, issuer, testkit.Audience)
	for name, value := range map[string]string{"exp": strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10), "iat": strconv.FormatInt(time.Now().Unix(), 10), "jti": `"j"`, "client_id": `"c"`} {
		if !strings.Contains(more, `"`+name+`":`) {
			all += fmt.Sprintf(`,%q:%s`, name, value)
		}
	}
	return []byte(all + more + "}")
}

// verify verifies a token with these claims.
func verify(t *testing.T, adjust func(*bearer.Config), more string) (*bearer.JWTVerifier, *bearer.Claims, error) {
	t.Helper()
	issuer := testkit.NewIssuer(t, "EdDSA")
	v := testkit.NewVerifier(t, issuer, adjust)
	key := issuer.Keys()[0]
	token := key.Sign([]byte(`{"alg":"EdDSA","typ":"at+jwt","kid":"`+key.ID()+`"}`), claimsText(issuer.URL(), more))
	claims, err := v.Verify(t.Context(), token)
	return v, claims, err
}

// withClaims returns a function for edge.try that verifies a token with the claims of the
// given size.
func withClaims(more func(n int) string) func(*testing.T, int) error {
	return func(t *testing.T, n int) error {
		t.Helper()
		_, _, err := verify(t, nil, more(n))
		return err
	}
}

// ofLength verifies a token of n bytes.
func ofLength(t *testing.T, n int) error {
	t.Helper()
	issuer := testkit.NewIssuer(t, "EdDSA")
	v, key := testkit.NewVerifier(t, issuer, nil), issuer.Keys()[0]
	for pad := range 4 { // the length of base64url does not have every value, so the header makes up the difference
		header := `{"alg":"EdDSA","typ":"at+jwt","kid":"` + key.ID() + `","x":"` + strings.Repeat("x", pad) + `"}`
		empty := len(claimsText(issuer.URL(), `,"x":""`))
		left := n - base64.RawURLEncoding.EncodedLen(len(header)) - base64.RawURLEncoding.EncodedLen(64) - len("..")
		claims := claimsText(issuer.URL(), `,"x":"`+strings.Repeat("x", base64.RawURLEncoding.DecodedLen(left)-empty)+`"`)
		if token := key.Sign([]byte(header), claims); len(token) == n {
			_, err := v.Verify(t.Context(), token)
			return err
		}
	}
	return errors.New("no token has this length")
}

// equalsInteger checks the rule ClaimEquals with a claim that has a fraction.
func equalsInteger(t *testing.T, n int) error {
	t.Helper()
	_, claims, err := verify(t, nil, fmt.Sprintf(`,"n":%d.0`, n-1))
	if err != nil {
		t.Fatal(err)
	}
	ctx := bearer.NewContext(t.Context(), claims)
	return bearer.ClaimEquals("n", n-1).Allow(ctx, claims.Scopes())
}

// cacheSize returns the number of tokens that a cache of the default size keeps of n tokens.
// TestCacheBounds of the root checks that a cache does not exceed its capacity.
func cacheSize(t *testing.T, n int) int {
	t.Helper()
	return min(n, testkit.NewVerifier(t, testkit.NewIssuer(t, "EdDSA"), nil).Status()[0].Cache.Capacity)
}

// nested returns a value that nests n levels deep.
func nested(n int) any {
	var v any = "x"
	for range n {
		v = []any{v}
	}
	return v
}

// custom verifies a token whose custom claims nest n levels deep. It returns an error if the
// value was decoded twice.
func custom(t *testing.T, n int) error {
	t.Helper()
	calls := 0
	_, claims, err := verify(t, func(cfg *bearer.Config) {
		cfg.Custom = func([]byte) (any, error) { calls++; return nested((n + 1) / 2), nil } // an array and its element count as two levels
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := bearer.Custom[any](bearer.NewContext(t.Context(), claims)); !ok {
		t.Error("got no custom claims")
	}
	if calls != 1 {
		return fmt.Errorf("decoded %d times", calls)
	}
	return nil
}

// customCached returns an error if a token is not cached whose custom claims nest n levels deep.
func customCached(t *testing.T, n int) error {
	t.Helper()
	v, _, err := verify(t, func(cfg *bearer.Config) {
		cfg.Custom = func([]byte) (any, error) { return nested((n + 1) / 2), nil }
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	if v.Status()[0].Cache.Entries != 1 {
		return errors.New("not cached")
	}
	return nil
}

func tokenEdges() []edge {
	inFuture := func(name string) func(int) string {
		return func(n int) string { return fmt.Sprintf(`,%q:%d`, name, time.Now().Add(time.Duration(n)).Unix()) }
	}
	return []edge{
		{constant: "bearer.maxToken", try: ofLength, beyond: "malformed: the token is longer than %d bytes"},
		{constant: "internal/strictjson.MaxDepth", beyond: "malformed: claims: nested deeper than", try: withClaims(func(n int) string { // the claims set is the first level
			return `,"x":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1)
		})},
		{constant: "internal/strictjson.MaxDepth", beyond: "nested deeper than", try: parsed(func(n int) string { // the element is the first level
			return edKey(`,"deep":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1))
		})},
		{constant: "internal/strictjson.MaxRecord", beyond: "longer than %d bytes", try: func(_ *testing.T, n int) error {
			_, err := bearer.Profile{}.Claims([]byte(`{"x":"` + strings.Repeat("x", n-len(`{"x":""}`)) + `"}`))
			return err
		}},
		{constant: "internal/claim.maxNumber", beyond: `claims: "exp" is not a time`, try: withClaims(func(n int) string {
			return `,"exp":4102444800.` + strings.Repeat("0", n-len("4102444800."))
		})},
		{constant: "internal/claim.maxDate", beyond: `claims: "exp" is not a time in seconds`, try: withClaims(func(n int) string { return fmt.Sprintf(`,"exp":%d`, n) })},
		{constant: "internal/claim.maxDate", beyond: `claims: "nbf" is not a time in seconds`, try: withClaims(func(n int) string { return fmt.Sprintf(`,"nbf":%d`, -n) })},
		{constant: "bearer.skew", beyond: "not_yet_valid: nbf is", try: withClaims(inFuture("nbf")), step: int(time.Second), bubble: true},
		{constant: "bearer.skew", beyond: "not_yet_valid: iat is", try: withClaims(inFuture("iat")), step: int(time.Second), bubble: true},
		{constant: "bearer.maxExact", beyond: "the claim is %d.0", try: equalsInteger},
		{constant: "bearer.defaultCacheSize", beyond: "kept %d of", try: kept(cacheSize)},
		{constant: "internal/jws.maxHeaders", beyond: "not shared", try: func(_ *testing.T, n int) error {
			var headers jws.Headers
			for i := range n {
				if !headers.Add(fmt.Sprint(i), &jws.Header{}) {
					return errors.New("not shared")
				}
			}
			return nil
		}},
		{constant: "internal/jws.maxHeaderLength", beyond: "not shared", try: func(_ *testing.T, n int) error {
			if !new(jws.Headers).Add(strings.Repeat("x", n), &jws.Header{}) {
				return errors.New("not shared")
			}
			return nil
		}},
		{constant: "internal/deepcopy.maxCopyDepth", beyond: "decoded 2 times", try: custom},
		{constant: "internal/sizeof.maxDepth", beyond: "not cached", try: customCached},
	}
}

// manyErrors makes a decision in which Config.Validate returns n errors. The last of these
// errors is a reason.
func manyErrors(t *testing.T, n int) error {
	t.Helper()
	issuer := testkit.NewIssuer(t, "EdDSA")
	v := testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Validate = func(context.Context, *bearer.Claims) error {
			all := make([]error, n-1) // the error that joins the errors counts too
			for i := range all {
				all[i] = errors.New("x")
			}
			all[n-2] = bearer.Revoked
			return errors.Join(all...)
		}
	})
	_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All()})
	if errors.Is(err, bearer.Revoked) {
		return nil
	}
	return err
}

func ruleEdges() []edge {
	return []edge{
		{constant: "scopes.maxAlternatives", beyond: "no alternatives", try: func(_ *testing.T, n int) error {
			names := make([]string, n)
			for i := range names {
				names[i] = fmt.Sprint("s", i)
			}
			rule := scopes.Any(names...)
			if set, _ := scopes.Of(names[n-1]); rule.Allow(context.Background(), set) != nil {
				return errors.New("the rule does not allow its own scope")
			}
			if _, ok := rule.Alternatives(); !ok {
				return errors.New("no alternatives")
			}
			return nil
		}},
		{constant: "internal/cleanpath.MaxRounds", beyond: "not clean", try: func(_ *testing.T, n int) error {
			return clean("/%" + strings.Repeat("25", n-2) + "41")
		}},
		{constant: "scopes.maxPath", beyond: "no rule", try: func(_ *testing.T, n int) error {
			return ruled("/files/" + strings.Repeat("a", n-len("/files/;")) + ";")
		}},
		{constant: "internal/errtree.Max", beyond: "internal: the error of a rule, a hook or a verifier contains more than %d errors", try: manyErrors},
	}
}
