package bearer_test

import (
	"reflect"
	"testing"

	"github.com/bearerkit/bearer"
)

// TestClaimsDeepEqual tests that reflect.DeepEqual compares the claims and not the addresses, as
// tests of users expect.
func TestClaimsDeepEqual(t *testing.T) {
	made := func(claims string) *bearer.Claims {
		c, err := bearer.Scalekit.Claims([]byte(claims))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.CacheSize = -1 })
	verified := func(token string) *bearer.Claims {
		c, err := v.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	const ci = `{"iss":"https://a.example","sub":"ci","scope":"a b","exp":1900000000,"roles":["x"]}`
	token, other := issuer.Token(map[string]any{"sub": "a"}), issuer.Token(map[string]any{"sub": "b"})
	once := verified(token)
	if reflect.TypeFor[bearer.Claims]().Comparable() {
		t.Error("Claims is comparable, want a compiler error for ==")
	}
	for _, row := range []struct {
		name string
		a, b *bearer.Claims
		want bool
	}{
		{"zero Claims", &bearer.Claims{}, &bearer.Claims{}, true},
		{"zero Claims and other Claims", &bearer.Claims{}, made(ci), false},
		{"made twice", made(ci), made(ci), true},
		{"made of different claims", made(ci), made(`{"iss":"https://a.example","sub":"cd","scope":"a b","exp":1900000000,"roles":["x"]}`), false},
		{"made with a different claim that no method of Claims returns", made(ci), made(ci[:len(ci)-1] + `,"x":1}`), false},
		{"with equal custom values", made(ci).WithCustom([]int{1}), made(ci).WithCustom([]int{1}), true},
		{"with different custom values", made(ci).WithCustom([]int{1}), made(ci).WithCustom([]int{2}), false},
		{"verified twice", once, verified(token), true},
		{"verified, of different tokens", once, verified(other), false},
		{"verified and made", once, made(ci), false},
	} {
		if got := reflect.DeepEqual(row.a, row.b); got != row.want {
			t.Errorf("%s: DeepEqual of two *Claims: got %v, want %v", row.name, got, row.want)
		}
		if got := reflect.DeepEqual(struct{ C bearer.Claims }{*row.a}, struct{ C bearer.Claims }{*row.b}); got != row.want {
			t.Errorf("%s: DeepEqual of two structs with Claims: got %v, want %v", row.name, got, row.want)
		}
	}
}
