package middleware_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	mark "github.com/bearerkit/bearer/internal/unverified"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// reasonRow is a refusal, and the reason that an HTTP client must learn.
type reasonRow struct {
	err  error
	want string
}

// reasonRows returns each reason, with and without the mark of a token whose signature was not
// verified.
func reasonRows() (rows []reasonRow) {
	for _, row := range []struct {
		reason bearer.Reason
		want   string
		token  bool // a marked token has the reason "invalid_token"
	}{
		{bearer.InvalidRequest, "request", false},
		{bearer.NoToken, "no_token", false},
		{bearer.Malformed, "invalid_token", true},
		{bearer.WrongIssuer, "invalid_token", true},
		{bearer.WrongAlgorithm, "invalid_token", true},
		{bearer.UnknownKey, "invalid_token", true},
		{bearer.BadSignature, "invalid_token", true},
		{bearer.WrongType, "invalid_token", true},
		{bearer.Expired, "expired", true},
		{bearer.NotYetValid, "not_yet_valid", true},
		{bearer.WrongAudience, "audience", true},
		{bearer.InvalidClaims, "invalid_token", true},
		{bearer.WrongBinding, "binding", true},
		{bearer.InvalidProof, "proof", true},
		{bearer.ProofNonce, "proof_nonce", true},
		{bearer.InvalidCustom, "invalid_token", true},
		{bearer.Revoked, "revoked", true},
		{bearer.MissingScope, "scope", false},
		{bearer.KeysUnavailable, "keys_unavailable", false},
		{bearer.KeyNotAsked, "key_not_asked", false},
		{bearer.Unavailable, "unavailable", false},
		{bearer.Internal, "internal", false},
		{"made up", "internal", false},
		{"", "internal", false},
		{"invalid_token", "invalid_token", true}, // from a gRPC service
	} {
		marked := row.want
		if row.token {
			marked = "invalid_token"
		}
		rows = append(rows,
			reasonRow{&bearer.Error{Reason: row.reason}, row.want},
			reasonRow{&bearer.Error{Reason: row.reason, Missing: []string{"a"}, Err: errors.New("secret detail")}, row.want},
			reasonRow{fmt.Errorf("wrapped: %w", &bearer.Error{Reason: row.reason}), row.want},
			reasonRow{&bearer.Error{Reason: row.reason, Err: marker{}}, marked})
	}
	return append(rows, reasonRow{errors.New("secret detail"), "internal"},
		reasonRow{&bearer.Error{Reason: bearer.MissingScope, Err: scopes.ErrNoRule}, "forbidden"})
}

// marker is an error with the mark of a token whose signature was not verified.
type marker struct{}

func (marker) Error() string        { return "marked" }
func (marker) Is(target error) bool { return target == mark.Mark{} }

// TestReason checks the reason in Refusal and in the bodies. The reason tells no more than the rest
// of the response: two responses with the same status, fields, error code and description have the
// same reason.
func TestReason(t *testing.T) {
	var given middleware.Refusal
	guard := newGuard(t, nil)
	own := newGuard(t, &middleware.Options{Body: func(_ *http.Request, refused middleware.Refusal) (string, []byte) {
		given = refused
		return "text/plain", nil
	}})
	told := map[string]string{} // from the rest of the response to the reason
	for _, row := range reasonRows() {
		denied(own, row.err, "")
		refused := guard.Refusal(httptest.NewRequest(http.MethodGet, "/", http.NoBody), row.err)
		if string(refused.Reason) != row.want || string(given.Reason) != row.want {
			t.Errorf("%v: got the reason %q from Refusal and %q in Options.Body, want %q", row.err, refused.Reason, given.Reason, row.want)
		}
		for _, accept := range []string{"application/json", "application/problem+json"} {
			w := denied(guard, row.err, accept)
			var body map[string]any
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body["reason"] != row.want {
				t.Errorf("%v, %s: got the body %s and error %v, want the reason %q", row.err, accept, w.Body, err, row.want)
			}
			if strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%v, %s: got the body %s, want no detail of the error", row.err, accept, w.Body)
			}
			delete(body, "reason")
			rest := fmt.Sprint(w.Code, w.Header()["Www-Authenticate"], body)
			if other, ok := told[rest]; ok && other != row.want {
				t.Errorf("%v: got the reasons %q and %q for the response %s, want one reason", row.err, other, row.want, rest)
			}
			told[rest] = row.want
		}
	}
	if len(told) < 24 {
		t.Errorf("got %d different responses, want at least 24", len(told))
	}
}

// newGuard returns a guard that accepts no token.
func newGuard(t *testing.T, opts *middleware.Options) *middleware.Guard {
	t.Helper()
	guard, err := middleware.New(testkit.Refuse(bearer.Internal), opts)
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

// denied returns the response to a request that the guard refused with err.
func denied(guard *middleware.Guard, err error, accept string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	guard.Deny(w, r, err)
	return w
}
