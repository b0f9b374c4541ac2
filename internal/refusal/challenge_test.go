package refusal_test

import (
	"slices"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/refusal"
	"github.com/bearerkit/bearer/scopes"
)

func TestChallenges(t *testing.T) {
	expired := &bearer.Error{Reason: bearer.Expired}
	denied := &bearer.Error{Reason: bearer.MissingScope, Missing: []string{"a", "b"}}
	noToken := &bearer.Error{Reason: bearer.NoToken}
	noRule := &bearer.Error{Reason: bearer.MissingScope, Err: &scopes.DeniedError{Err: scopes.ErrNoRule}}
	for _, row := range []struct {
		params refusal.Params
		err    error
		want   []string
	}{
		// No scope helps, so the challenge for a request without a rule has no error code.
		{refusal.Params{}, noRule, []string{`Bearer realm="api"`}},
		{refusal.Params{Realm: "x", ResourceMetadata: "https://h/m"}, noRule, []string{`Bearer realm="x", resource_metadata="https://h/m"`}},
		{refusal.Params{}, noToken, []string{`Bearer realm="api"`}},
		{refusal.Params{Realm: "x"}, noToken, []string{`Bearer realm="x"`}},
		{refusal.Params{ResourceMetadata: "https://h/m"}, noToken, []string{`Bearer resource_metadata="https://h/m"`}},
		{refusal.Params{Realm: "x", ResourceMetadata: "https://h/m"}, noToken, []string{`Bearer realm="x", resource_metadata="https://h/m"`}},
		// The challenge for a request without credentials has no error code (RFC 6750,
		// section 3.1).
		{refusal.Params{}, &bearer.Error{Reason: bearer.NoToken, Missing: []string{"a"}}, []string{`Bearer realm="api", scope="a"`}},
		{refusal.Params{}, expired, []string{`Bearer realm="api", error="invalid_token", error_description="The access token expired"`}},
		{refusal.Params{}, denied, []string{`Bearer realm="api", error="insufficient_scope", error_description="The access token does not allow this", scope="a b"`}},
		{refusal.Params{}, &bearer.Error{Reason: bearer.KeysUnavailable}, nil},
		{refusal.Params{}, &bearer.Error{Reason: bearer.KeyNotAsked}, nil},
		{refusal.Params{}, &bearer.Error{Reason: bearer.Internal}, nil},
	} {
		if got := refusal.NewChallenges(row.params).For(refusal.Of(row.err)); !slices.Equal(got, row.want) {
			t.Errorf("%+v, %v: got %q, want %q", row.params, row.err, got, row.want)
		}
	}
}

func TestParamsCheck(t *testing.T) {
	for _, row := range []struct {
		params refusal.Params
		want   int // number of problems
	}{
		{refusal.Params{}, 0},
		{refusal.Params{Realm: "deployment api", ResourceMetadata: "http://localhost/m"}, 0},
		{refusal.Params{Realm: `a"b`}, 1},
		{refusal.Params{Realm: "a\r\nb", ResourceMetadata: "/relative"}, 2},
		{refusal.Params{ResourceMetadata: "ftp://h/m"}, 1},
		{refusal.Params{ResourceMetadata: "https://h/\""}, 1},
	} {
		if got := row.params.Check(); len(got) != row.want {
			t.Errorf("%+v: got the problems %v, want %d problems", row.params, got, row.want)
		}
	}
}
