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
)

// TestEveryReasonHasARow reads the reasons from the source of the root, so that a reason
// cannot be added without an answer.
func TestEveryReasonHasARow(t *testing.T) {
	reasons := declaredReasons(t)
	if !slices.Contains(reasons, bearer.InvalidRequest) || !slices.Contains(reasons, bearer.Internal) || len(reasons) < 18 {
		t.Fatalf("got the reasons %q, want all of package bearer", reasons)
	}
	challenges := refusal.NewChallenges(refusal.Params{})
	for _, reason := range reasons {
		answer := refusal.Of(&bearer.Error{Reason: reason})
		if answer.Reason != reason {
			t.Errorf("%s: got the answer of %q: it has no row", reason, answer.Reason)
			continue
		}
		if answer.Status < 400 || answer.Code == 0 || answer.Code > 16 || answer.Error == "" || answer.Description == "" {
			t.Errorf("%s: got %+v, want all of it set", reason, answer)
		}
		if strings.ContainsFunc(answer.Description+answer.Error, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
			t.Errorf("%s: got %+v, which cannot stand in a challenge", reason, answer)
		}
		// A client that is told to bring other credentials is told how, and only a
		// fault of ours is worth waiting for.
		if asked, told := answer.Status < 500, len(challenges.For(answer)) > 0; asked != told {
			t.Errorf("%s: got status %d and the challenges %q", reason, answer.Status, challenges.For(answer))
		}
		if (answer.RetryAfter > 0) != (answer.Status == http.StatusServiceUnavailable) {
			t.Errorf("%s: got status %d and %v to wait", reason, answer.Status, answer.RetryAfter)
		}
	}
}

// declaredReasons returns the constants of type Reason in the root's source.
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
				t.Fatalf("%v: got a Reason that is no literal: read it here too", value.Names)
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

// TestOfOtherErrors wants whatever has no reason of the set to be a fault of ours.
func TestOfOtherErrors(t *testing.T) {
	for _, err := range []error{nil, errors.New("x"), (*bearer.Error)(nil), &bearer.Error{}, &bearer.Error{Reason: "made up"}, bearer.Expired} {
		if got := refusal.Of(err); got.Reason != bearer.Internal || got.Status != http.StatusInternalServerError {
			t.Errorf("%v: got %+v, want %q", err, got, bearer.Internal)
		}
	}
	if got := refusal.Of(fmt.Errorf("wrapped: %w", &bearer.Error{Reason: bearer.Expired})); got.Reason != bearer.Expired {
		t.Errorf("wrapped: got %+v, want %q", got, bearer.Expired)
	}
}

// TestOfRetryAfter wants the time to wait of the refusal, or 5 s.
func TestOfRetryAfter(t *testing.T) {
	for _, row := range []struct {
		reason    bearer.Reason
		has, want time.Duration
	}{
		{bearer.KeysUnavailable, 0, 5 * time.Second},
		{bearer.KeysUnavailable, -time.Second, 5 * time.Second},
		{bearer.KeysUnavailable, 1500 * time.Millisecond, 1500 * time.Millisecond},
		{bearer.Expired, time.Second, 0},
		{bearer.Internal, time.Second, 0},
	} {
		if got := refusal.Of(&bearer.Error{Reason: row.reason, RetryAfter: row.has}).RetryAfter; got != row.want {
			t.Errorf("%s after %v: got %v, want %v", row.reason, row.has, got, row.want)
		}
	}
}

// TestOfScopes wants the names that are scopes, and the refusal left as it was.
func TestOfScopes(t *testing.T) {
	missing := []string{"a", "", "b c", `d"`, `e\`, "f\r\n", "g"}
	refused := &bearer.Error{Reason: bearer.MissingScope, Missing: slices.Clone(missing)}
	if got := refusal.Of(refused).Scopes; !slices.Equal(got, []string{"a", "g"}) {
		t.Errorf("got %q, want a and g", got)
	}
	if !slices.Equal(refused.Missing, missing) {
		t.Errorf("got the refusal changed to %q", refused.Missing)
	}
}
