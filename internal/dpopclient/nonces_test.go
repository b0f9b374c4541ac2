package dpopclient_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/dpopclient"
)

func TestNonces(t *testing.T) {
	const api, issuer = "https://api.example/", "https://issuer.example/"
	var n dpopclient.Nonces
	for _, row := range []struct {
		values []string
		want   string // the result of Take
		last   string
	}{
		{nil, "", ""},
		{[]string{"a"}, "a", "a"},
		{[]string{""}, "", "a"},
		{[]string{"b", "c"}, "", "a"}, // RFC 9449, section 8.1: one field with one nonce
		{[]string{"b b"}, "", "a"},
		{[]string{`b"`}, "", "a"},
		{[]string{`b\`}, "", "a"},
		{[]string{"b\n"}, "", "a"},
		{[]string{"b\x7f"}, "", "a"},
		{[]string{"é"}, "", "a"},
		{[]string{strings.Repeat("b", 1025)}, "", "a"},
		{[]string{strings.Repeat("b", 1024)}, strings.Repeat("b", 1024), strings.Repeat("b", 1024)},
		{[]string{"!#[]~,b="}, "!#[]~,b=", "!#[]~,b="},
	} {
		if got, last := n.Take(api, row.values), n.Last(api); got != row.want || last != row.last {
			t.Errorf("%q: got %q and then %q, want %q and %q", row.values, got, last, row.want, row.last)
		}
	}
	if got := n.Last(issuer); got != "" {
		t.Errorf("got %q for a different origin, want none", got)
	}
}

// TestNoncesBounded tests that servers cannot make a client hold more than MaxOrigins nonces.
func TestNoncesBounded(t *testing.T) {
	var n dpopclient.Nonces
	origin := func(i int) string { return fmt.Sprintf("https://%d.example/", i) }
	for i := range 3 * dpopclient.MaxOrigins {
		for range 2 {
			if got := n.Take(origin(i), []string{"n"}); got != "n" || n.Last(origin(i)) != "n" {
				t.Fatalf("origin %d: got %q and then %q, want n", i, got, n.Last(origin(i)))
			}
		}
	}
	held := 0
	for i := range 3 * dpopclient.MaxOrigins {
		if n.Last(origin(i)) != "" {
			held++
		}
	}
	if held != dpopclient.MaxOrigins {
		t.Errorf("got %d nonces, want %d", held, dpopclient.MaxOrigins)
	}
}

func TestIsToken(t *testing.T) {
	for text, want := range map[string]bool{
		"a": true, "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU": true, "a+/==": true,
		"": false, "=": false, "a=b": false, "a b": false, "Bearer a": false, "a\n": false, "a,b": false, "é": false,
	} {
		if got := dpopclient.IsToken(text); got != want {
			t.Errorf("%q: got %t, want %t", text, got, want)
		}
	}
}
