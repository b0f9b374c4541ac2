package refusal_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/refusal"
	"github.com/bearerkit/bearer/scopes"
)

// neverVerified are the reasons that say that no signature was verified.
var neverVerified = []bearer.Reason{bearer.Malformed, bearer.WrongIssuer, bearer.WrongAlgorithm, bearer.UnknownKey, bearer.BadSignature}

// TestEveryReasonHasARow reads the reasons from the source code of package bearer. The test
// fails if a reason has no answer.
func TestEveryReasonHasARow(t *testing.T) {
	reasons := declaredReasons(t)
	if !slices.Contains(reasons, bearer.InvalidRequest) || !slices.Contains(reasons, bearer.Internal) || len(reasons) < 19 {
		t.Fatalf("found %d reasons in the source, %q; want at least 19, with InvalidRequest and Internal", len(reasons), reasons)
	}
	challenges := refusal.NewChallenges(refusal.Params{})
	for _, reason := range reasons {
		answer := refusal.Of(&bearer.Error{Reason: reason})
		want := reason
		if slices.Contains(neverVerified, reason) {
			want = refusal.InvalidToken
		}
		if answer.Reason != want {
			t.Errorf("%s: got an answer with the reason %q, want an answer with the reason %q", reason, answer.Reason, want)
			continue
		}
		if answer.Status < 400 || answer.Code == 0 || answer.Code > 16 || answer.Error == "" || answer.Description == "" {
			t.Errorf("%s: got %+v, want a status of at least 400, a gRPC code from 1 to 16, an error code and a description", reason, answer)
		}
		if strings.ContainsFunc(answer.Description+answer.Error, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
			t.Errorf("%s: got %+v, want a description and an error code that are allowed in a challenge", reason, answer)
		}
		// A client gets a challenge if other credentials can help, and a time to wait if a
		// retry with the same credentials can help.
		if want, got := answer.Status < 500, len(challenges.For(answer)) > 0; got != want {
			t.Errorf("%s: got the challenges %q with status %d, want a challenge if and only if the status is below 500", reason, challenges.For(answer), answer.Status)
		}
		if want := answer.Status == http.StatusServiceUnavailable; (answer.RetryAfter > 0) != want {
			t.Errorf("%s: got RetryAfter %v with status %d, want a RetryAfter if and only if the status is 503", reason, answer.RetryAfter, answer.Status)
		}
	}
}

// declaredReasons returns the constants of type Reason in the source of package bearer.
func declaredReasons(t *testing.T) []bearer.Reason {
	t.Helper()
	const root = "../.."
	files, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []bearer.Reason
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), root+"/"+file.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			if group, ok := decl.(*ast.GenDecl); ok && group.Tok == token.CONST {
				reasons = append(reasons, reasonsOf(t, group)...)
			}
		}
	}
	return reasons
}

func reasonsOf(t *testing.T, group *ast.GenDecl) []bearer.Reason {
	t.Helper()
	var reasons []bearer.Reason
	for _, spec := range group.Specs {
		value, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		if name, ok := value.Type.(*ast.Ident); !ok || name.Name != "Reason" {
			continue
		}
		for _, v := range value.Values {
			literal, ok := v.(*ast.BasicLit)
			if !ok {
				t.Fatalf("%v: got a Reason that is not a literal, want a string literal, because this test reads only literals", value.Names)
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			reasons = append(reasons, bearer.Reason(text))
		}
	}
	return reasons
}

// TestOfOtherErrors checks that the answer to every error without a known reason has the
// reason Internal.
func TestOfOtherErrors(t *testing.T) {
	for _, err := range []error{nil, errors.New("x"), (*bearer.Error)(nil), &bearer.Error{}, &bearer.Error{Reason: "made up"}, bearer.Expired} {
		if got := refusal.Of(err); got.Reason != bearer.Internal || got.Status != http.StatusInternalServerError {
			t.Errorf("%v: got %+v, want an answer with the reason %q", err, got, bearer.Internal)
		}
	}
	if got := refusal.Of(fmt.Errorf("wrapped: %w", &bearer.Error{Reason: bearer.Expired})); got.Reason != bearer.Expired {
		t.Errorf("wrapped error: got %+v, want an answer with the reason %q", got, bearer.Expired)
	}
}

// TestOfRetryAfter checks that the answer to KeysUnavailable contains the RetryAfter of the
// error, or 5 s if the error has no RetryAfter. The answers for other reasons have no
// RetryAfter.
func TestOfRetryAfter(t *testing.T) {
	for _, row := range []struct {
		reason     bearer.Reason
		sent, want time.Duration
	}{
		{bearer.KeysUnavailable, 0, 5 * time.Second},
		{bearer.KeysUnavailable, -time.Second, 5 * time.Second},
		{bearer.KeysUnavailable, 1500 * time.Millisecond, 1500 * time.Millisecond},
		{bearer.KeyNotAsked, 0, 5 * time.Second},
		{bearer.KeyNotAsked, 9 * time.Second, 9 * time.Second},
		{bearer.Expired, time.Second, 0},
		{bearer.Internal, time.Second, 0},
	} {
		if got := refusal.Of(&bearer.Error{Reason: row.reason, RetryAfter: row.sent}).RetryAfter; got != row.want {
			t.Errorf("%s with RetryAfter %v: got %v, want %v", row.reason, row.sent, got, row.want)
		}
	}
}

// TestOfScopes checks that Of removes invalid scopes from the answer, and that Of does not
// change the error.
func TestOfScopes(t *testing.T) {
	missing := []string{"a", "", "b c", `d"`, `e\`, "f\r\n", "g"}
	refused := &bearer.Error{Reason: bearer.MissingScope, Missing: slices.Clone(missing)}
	if got := refusal.Of(refused).Scopes; !slices.Equal(got, []string{"a", "g"}) {
		t.Errorf(`got the scopes %q, want "a" and "g"`, got)
	}
	if !slices.Equal(refused.Missing, missing) {
		t.Errorf("got Missing %q after the call of Of, want %q", refused.Missing, missing)
	}
}

// TestOfRequired checks that the answer names the required scopes, and the missing ones if the
// error has no valid required scopes.
func TestOfRequired(t *testing.T) {
	for _, row := range []struct {
		required, missing []string
		want, wantMissing string
	}{
		{[]string{"a", "b"}, []string{"b"}, "[a b]", "[b]"},
		{nil, []string{"b"}, "[b]", "[b]"},
		{[]string{`a"`, "b c"}, []string{"b"}, "[b]", "[b]"},
		{[]string{"a", `b"`, "c"}, []string{`b"`, "c"}, "[a c]", "[c]"},
		{[]string{"a"}, nil, "[a]", "[]"},
		{nil, nil, "[]", "[]"},
	} {
		got := refusal.Of(&bearer.Error{Reason: bearer.MissingScope, Required: row.required, Missing: row.missing})
		if fmt.Sprint(got.Scopes) != row.want || fmt.Sprint(got.Missing) != row.wantMissing {
			t.Errorf("required %q, missing %q: got the scopes %q and the missing scopes %q, want %s and %s", row.required, row.missing, got.Scopes, got.Missing, row.want, row.wantMissing)
		}
	}
	noRule := &bearer.Error{Reason: bearer.MissingScope, Required: []string{"a"}, Missing: []string{"a"}, Err: scopes.ErrNoRule}
	if got := refusal.Of(noRule); got.Scopes != nil || got.Missing != nil {
		t.Errorf("no rule: got the scopes %q and %q, want none", got.Scopes, got.Missing)
	}
}

// TestOfNoRule checks that the answer to a request without a rule names no scope and has the
// error code "forbidden". This applies only if the reason is MissingScope.
func TestOfNoRule(t *testing.T) {
	denied := &scopes.DeniedError{Err: scopes.ErrNoRule}
	for _, row := range []struct {
		name string
		err  error
		want string // the error code
	}{
		{"no rule", &bearer.Error{Reason: bearer.MissingScope, Err: scopes.ErrNoRule}, "forbidden"},
		{"denied by the zero Rule", fmt.Errorf("wrapped: %w", &bearer.Error{Reason: bearer.MissingScope, Err: denied, Missing: []string{"a"}}), "forbidden"},
		{"missing scope", &bearer.Error{Reason: bearer.MissingScope, Missing: []string{"a"}}, "insufficient_scope"},
		{"denied by a function", &bearer.Error{Reason: bearer.MissingScope, Err: errors.New("no")}, "insufficient_scope"},
		{"no token", &bearer.Error{Reason: bearer.NoToken, Err: denied}, "unauthorized"},
		{"expired", &bearer.Error{Reason: bearer.Expired, Err: denied}, "invalid_token"},
		{"internal", &bearer.Error{Reason: bearer.Internal, Err: denied}, "server_error"},
	} {
		got := refusal.Of(row.err)
		if got.Error != row.want || row.want == "forbidden" && (got.Scopes != nil || got.Status != http.StatusForbidden || got.Code != 7) {
			t.Errorf("%s: got %+v, want the error code %s", row.name, got, row.want)
		}
	}
}
