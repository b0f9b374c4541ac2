package conformance_test

import (
	"net/http"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
)

// FuzzTransports sends the same credentials over HTTP and over gRPC. The two verdicts must
// be equal. Only requests with tokens of accepted vectors may reach a handler. The client may
// learn what is wrong with a token only if the token is from a vector with a valid signature.
func FuzzTransports(f *testing.F) {
	vectors := load(f)
	accepted, genuine := make(map[string]bool), make(map[string]bool)
	for i, row := range vectors.Rows {
		values := row.Values()
		if row.Verifier != "rfc9068" || len(values) > 2 || len(row.Text()) > 1<<12 {
			continue
		}
		if row.Authorization == nil && (row.VerifyReason() == "" || row.VerifyReason() == "not_yet_valid") {
			accepted["Bearer "+row.Text()] = true // A token that has the verdict NotYetValid in the year 2000 is valid today.
		}
		if row.Authorization == nil && row.Told == "" {
			genuine["Bearer "+row.Text()] = true
		}
		if row.Authorization == nil && i%8 != 0 {
			continue
		}
		for len(values) < 2 {
			values = append(values, "")
		}
		f.Add(values[0], values[1], len(row.Values()) == 2, row.Scope != "")
	}
	v, err := vectors.Verifier("rfc9068")
	if err != nil {
		f.Fatal(err)
	}
	guards := newGuardSet(f, v, "read:things")
	f.Fuzz(func(t *testing.T, value, other string, two, withScope bool) {
		values, scope := []string{value}, ""
		if two {
			values = append(values, other)
		}
		if withScope {
			scope = "read:things"
		}
		h := guards.overHTTP(t.Context(), scope, values)
		g := guards.overGRPC(t.Context(), t, scope, values)
		if h.reached != g.reached || !slices.Equal(h.challenge, g.challenge) {
			t.Errorf("got answer %+v over HTTP and answer %+v over gRPC, want the same verdict and the same challenge", h, g)
		}
		want := map[int]codes.Code{
			http.StatusOK: codes.OK, http.StatusBadRequest: codes.Unauthenticated, http.StatusUnauthorized: codes.Unauthenticated,
			http.StatusForbidden: codes.PermissionDenied,
		}
		if code, ok := want[h.status]; !ok || g.code != code {
			t.Errorf("got status %d and code %v, want code %v", h.status, g.code, code)
		}
		if h.reached != (h.status == http.StatusOK) || (h.status == http.StatusOK) != (len(h.challenge) == 0) {
			t.Errorf("got answer %+v, want either status 200 from the handler or a challenge", h)
		}
		if tellsContent(g.reason) && (two || !isAccepted(genuine, value)) {
			t.Errorf("got reason %q for %q, want INVALID_TOKEN, because no vector with a valid signature has this token", g.reason, values)
		}
		if h.reached && (two || !isAccepted(accepted, value)) {
			t.Errorf("the guards accepted %q, want a refusal, because no accepted vector has this token", values)
		}
	})
}

// tellsContent reports whether the reason in a gRPC status tells what a token contains.
func tellsContent(reason string) bool {
	return !slices.Contains([]string{"", "INVALID_TOKEN", "REQUEST", "NO_TOKEN"}, reason)
}

// isAccepted reports whether the set accepted contains value. The comparison ignores the case of the
// scheme and the number of spaces after the scheme.
func isAccepted(accepted map[string]bool, value string) bool {
	token := value[len("Bearer"):]
	for token[0] == ' ' {
		token = token[1:]
	}
	return accepted["Bearer "+token]
}
