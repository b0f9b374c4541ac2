package unverified_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/internal/unverified"
)

// TestIs checks the mark of refusals by a verifier and by other code, and of errors that wrap
// these refusals.
func TestIs(t *testing.T) {
	issuer := testkit.NewIssuer(t, "EdDSA")
	v := testkit.NewVerifier(t, issuer, nil)
	refusal := func(token string) error {
		_, err := v.Verify(t.Context(), token)
		return err
	}
	old := map[string]any{"exp": 1}
	for _, row := range []struct {
		name string
		err  error
		want bool
	}{
		{"no error", nil, false},
		{"other error", errors.New("x"), false},
		{"malformed token, a shared refusal", refusal("x"), true},
		{"forged token", refusal(issuer.Forge(nil, nil)), true},
		{"forged and expired token", refusal(issuer.Forge(nil, old)), true},
		{"expired token of the issuer", refusal(issuer.Token(old)), false},
		{"wrapped", fmt.Errorf("wrapped: %w", refusal(issuer.Forge(nil, old))), true},
		{"joined", errors.Join(errors.New("x"), refusal("x")), true},
		{"in the detail of another Error", &bearer.Error{Reason: bearer.Expired, Err: refusal(issuer.Forge(nil, old))}, true},
		{"no token", refusal(""), false},
		{"an Error of other code", &bearer.Error{Reason: bearer.Expired}, false},
		{"nil *Error", (*bearer.Error)(nil), false},
	} {
		if got := unverified.Is(row.err); got != row.want {
			t.Errorf("%s: got %v, want %v", row.name, got, row.want)
		}
	}
}

// TestIsOfHostileErrors checks that a search that does not end, and a method that panics, count
// as marked.
func TestIsOfHostileErrors(t *testing.T) {
	for name, newError := range testkit.HostileErrors() {
		h := newError()
		got := unverified.Is(h.Err)
		if h.Endless && !got {
			t.Errorf("%s: got false, want true", name)
		}
		if h.Calls > testkit.MaxHostileCalls {
			t.Errorf("%s: got %d calls of Unwrap, want at most %d", name, h.Calls, testkit.MaxHostileCalls)
		}
	}
	for _, name := range []string{"Is panics", "Unwrap panics"} {
		if !unverified.Is(testkit.HostileErrors()[name]().Err) {
			t.Errorf("%s: got false, want true", name)
		}
	}
}
