package tracing_test

import (
	"strings"
	"testing"
)

// TestLongClaim checks that the value of a claim in a span is cut at 256 bytes.
func TestLongClaim(t *testing.T) {
	f := newFixture(t, "client_id")
	for length, want := range map[int]int{256: 256, 257: 256, 5000: 256} {
		span := f.get(t, "/read", f.issuer.Token(map[string]any{"scope": "read", "client_id": strings.Repeat("~", length)}))
		if got := strings.Count(text(span.Attributes()), "~"); got != want {
			t.Errorf("claim of %d bytes: got %d bytes in the span, want %d", length, got, want)
		}
	}
}
