package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/scopes"
)

// precedence lists the reasons in the order of the doc comment of bearer.Error. The first one
// that an error contains is the reason of the refusal.
var precedence = []bearer.Reason{
	bearer.Revoked,
	bearer.Malformed, bearer.WrongIssuer, bearer.WrongAlgorithm, bearer.UnknownKey, bearer.BadSignature, bearer.WrongType, bearer.Expired,
	bearer.NotYetValid, bearer.WrongAudience, bearer.InvalidClaims, bearer.WrongBinding, bearer.InvalidCustom,
	bearer.InvalidRequest, bearer.NoToken,
	bearer.Internal, bearer.KeysUnavailable, bearer.KeyNotAsked,
	bearer.MissingScope,
}

// first returns the reason that takes precedence, or otherwise if there is no reason.
func first(reasons []bearer.Reason, otherwise bearer.Reason) bearer.Reason {
	for _, reason := range precedence {
		if slices.Contains(reasons, reason) {
			return reason
		}
	}
	return otherwise
}

// asError is an error that offers a *bearer.Error only through its method As.
type asError struct {
	reason bearer.Reason
	err    error
}

func (e asError) Error() string { return "as " + string(e.reason) }

func (e asError) As(target any) bool {
	to, ok := target.(**bearer.Error)
	if ok {
		*to = &bearer.Error{Reason: e.reason, Err: e.err}
	}
	return ok
}

// asReasonError is an error that offers a reason only through its method As.
type asReasonError struct{ error }

func (e asReasonError) As(target any) bool {
	to, ok := target.(*bearer.Reason)
	if ok {
		*to, _ = e.error.(bearer.Reason) //nolint:errorlint // the test sets a Reason
	}
	return ok
}

// isReasonError is an error that equals a reason only through its method Is. It wraps an error.
type isReasonError struct {
	reason bearer.Reason
	error
}

func (e isReasonError) Is(target error) bool { return target == e.reason }
func (e isReasonError) Unwrap() error        { return e.error }

var errPlain = errors.New("an error without a reason")

// randomLeaf returns an error that wraps no random error, and its reasons.
func randomLeaf(random *rand.Rand, reason bearer.Reason) ([]bearer.Reason, error) {
	faulty := []bearer.Reason{bearer.Internal} // a reason that is not known counts as a fault of this service
	switch random.IntN(9) {
	case 0:
		return []bearer.Reason{reason}, reason
	case 1:
		return []bearer.Reason{reason}, fmt.Errorf("wrapped: %w", reason)
	case 2:
		return []bearer.Reason{reason}, asError{reason, nil}
	case 3:
		return []bearer.Reason{reason}, asReasonError{reason}
	case 4:
		return []bearer.Reason{reason}, isReasonError{reason, errPlain}
	case 5:
		return faulty, fmt.Errorf("wrapped: %w", error((*bearer.Error)(nil)))
	case 6:
		return faulty, asReasonError{bearer.Reason("made up")}
	case 7:
		return faulty, bearer.Reason([]string{"", "made up"}[random.IntN(2)])
	default:
		return nil, errPlain
	}
}

// randomError returns the reasons in a tree of errors, and the tree.
func randomError(random *rand.Rand, depth int) ([]bearer.Reason, error) {
	reason := precedence[random.IntN(len(precedence))]
	if random.IntN(3) == 0 {
		reason = bearer.MissingScope
	}
	if depth == 0 || random.IntN(4) == 0 {
		return randomLeaf(random, reason)
	}
	if random.IntN(2) == 0 {
		reasons, inner := randomError(random, depth-1)
		if reason != bearer.MissingScope {
			reasons = nil // the outer reason hides the inner reasons
		}
		switch random.IntN(5) {
		case 0:
			return append(reasons, reason), &bearer.Error{Reason: reason, Err: inner}
		case 1:
			return append(reasons, reason), asError{reason, inner}
		case 2:
			return append(reasons, reason), isReasonError{reason, inner}
		}
		reasons, inner = randomError(random, depth-1)
		odd := []bearer.Reason{"", "made up"}[random.IntN(2)]
		if random.IntN(2) == 0 {
			return append(reasons, bearer.Internal), &bearer.Error{Reason: odd, Err: inner}
		}
		return append(reasons, bearer.Internal), asError{odd, inner}
	}
	var errs []error
	var reasons []bearer.Reason
	for range 1 + random.IntN(4) {
		more, err := randomError(random, depth-1)
		errs, reasons = append(errs, err), append(reasons, more...)
	}
	random.Shuffle(len(errs), func(i, j int) { errs[i], errs[j] = errs[j], errs[i] })
	if random.IntN(2) == 0 && len(errs) == 2 {
		return reasons, fmt.Errorf("%w and %w", errs[0], errs[1])
	}
	return reasons, errors.Join(errs...)
}

// tree is a rule in a form from which a test can make rules with another order.
type tree struct {
	and      bool
	operands []*tree
	leaf     scopes.Rule
	denied   []bearer.Reason // of a leaf: the reasons; MissingScope if the error has none
	allows   bool
}

func randomTree(random *rand.Rand, depth int) *tree {
	if depth > 0 && random.IntN(4) > 0 {
		node := &tree{and: random.IntN(3) > 0}
		for range 1 + random.IntN(3) {
			node.operands = append(node.operands, randomTree(random, depth-1))
		}
		return node
	}
	switch random.IntN(5) {
	case 0:
		return &tree{leaf: scopes.All("granted"), allows: true}
	case 1:
		return &tree{leaf: scopes.Any("missing", "other"), denied: []bearer.Reason{bearer.MissingScope}}
	case 2:
		return &tree{leaf: scopes.Func("allows", func(context.Context) error { return nil }), allows: true}
	}
	reasons, err := randomError(random, 2)
	return &tree{leaf: scopes.Func("denies", func(context.Context) error { return err }), denied: append(reasons, bearer.MissingScope)}
}

// rule returns the rule of the tree. It shuffles the operands of each And and Or.
func (n *tree) rule(random *rand.Rand) scopes.Rule {
	if n.operands == nil {
		return n.leaf
	}
	var rules []scopes.Rule
	for _, operand := range n.operands {
		rules = append(rules, operand.rule(random))
	}
	random.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
	if n.and {
		return scopes.And(rules...)
	}
	return scopes.Or(rules...)
}

// verdict reports whether the rule allows the request. If not, it returns the reasons of the
// operands that decided.
func (n *tree) verdict() (bool, []bearer.Reason) {
	if n.operands == nil {
		return n.allows, n.denied
	}
	allowed := n.and
	var reasons []bearer.Reason
	for _, operand := range n.operands {
		ok, more := operand.verdict()
		if !ok {
			reasons = append(reasons, more...)
		}
		if n.and {
			allowed = allowed && ok
		} else {
			allowed = allowed || ok
		}
	}
	if allowed {
		return true, nil
	}
	return false, reasons
}

// TestOrderOfRulesAndErrors tests with random rules that the verdict depends neither on the
// order of the operands of And and Or nor on the order of joined errors, and that
// scopes.ReportOnly waives a refusal only if no reason but a missing scope decided.
func TestOrderOfRulesAndErrors(t *testing.T) {
	issuer := newIssuer(t, "ES256")
	v := newVerifier(t, issuer, nil)
	token := []string{"Bearer " + issuer.Token(map[string]any{"scope": "granted"})}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // rules for a test
	t.Logf("seed %d", seed)
	waived, refused := 0, 0
	for range 2000 {
		tree := randomTree(random, 3)
		allowed, reasons := tree.verdict()
		want := bearer.Reason("")
		if !allowed {
			want = first(reasons, bearer.MissingScope)
		}
		for range 3 {
			rule := tree.rule(random)
			_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: token, Rule: rule})
			if got := reasonOf(t, err); got != want || err != nil && !errors.Is(err, want) {
				t.Fatalf("%v with the reasons %q: got %v, want the reason %q", rule, reasons, err, want)
			}
			for name, inMode := range map[string]scopes.Rule{"report only": scopes.ReportOnly(rule), "both modes": scopes.Optional(scopes.ReportOnly(rule))} {
				_, err = bearer.Decide(t.Context(), v, bearer.Request{Authorization: token, Rule: inMode})
				wantInMode := want
				if want == bearer.MissingScope {
					wantInMode = ""
					waived++
				}
				if err != nil {
					refused++
				}
				if got := reasonOf(t, err); got != wantInMode {
					t.Fatalf("%v, %s, with the reasons %q: got %v, want the reason %q", rule, name, reasons, err, wantInMode)
				}
			}
		}
	}
	if waived < 100 || refused < 100 {
		t.Errorf("got %d waived and %d refused requests, want at least 100 of each", waived, refused)
	}
}

// TestOrderOfErrorsOfHooks tests with random errors that the reason of an error of a hook or
// of another verifier does not depend on the order of joined errors.
func TestOrderOfErrorsOfHooks(t *testing.T) {
	issuer := newIssuer(t, "ES256")
	random := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // errors for a test
	var hookErr error
	hook := func(cfg *bearer.Config) {
		cfg.Validate = func(context.Context, *bearer.Claims) error { return hookErr }
	}
	custom := func(cfg *bearer.Config) {
		cfg.Custom = func([]byte) (any, error) { return nil, hookErr }
	}
	verifiers := map[string]bearer.Verifier{
		"Config.Validate": newVerifier(t, issuer, hook), "Config.Custom": newVerifier(t, issuer, custom),
		"Verifier": bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, hookErr }),
	}
	token := []string{"Bearer " + issuer.Token(nil)}
	for range 2000 {
		var reasons []bearer.Reason
		reasons, hookErr = randomError(random, 3)
		for name, v := range verifiers {
			otherwise := bearer.InvalidCustom
			if name == "Verifier" {
				otherwise = bearer.Internal
			}
			// No mode of a rule waives the refusal of a hook, even if its reason is MissingScope.
			for _, rule := range []scopes.Rule{scopes.All(), scopes.ReportOnly(scopes.All("x")), scopes.Optional(scopes.All())} {
				_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: token, Rule: rule})
				want := first(reasons, otherwise)
				if got := reasonOf(t, err); got != want {
					t.Fatalf("%s returns %v: got %v, want the reason %q", name, hookErr, err, want)
				}
			}
		}
	}
}

// TestSeveralReasons tests that a refusal for an error with several reasons has exactly one
// reason, and that its text and its chain contain the other errors.
func TestSeveralReasons(t *testing.T) {
	issuer := newIssuer(t, "ES256")
	v := newVerifier(t, issuer, nil)
	sentinel := errors.New("store says so")
	f := scopes.Func("f", func(context.Context) error { return errors.Join(bearer.MissingScope, sentinel) })
	g := scopes.Func("g", func(context.Context) error {
		return &bearer.Error{Reason: bearer.KeysUnavailable, RetryAfter: 3 * time.Second}
	})
	h := scopes.Func("h", func(context.Context) error {
		return &bearer.Error{Reason: bearer.KeysUnavailable, RetryAfter: 7 * time.Second, Missing: []string{"a b"}}
	})
	for _, rule := range []scopes.Rule{scopes.And(f, g, h), scopes.And(h, g, f), scopes.And(g, f, h, scopes.All("x"))} {
		_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.ReportOnly(rule)})
		refusal, ok := errors.AsType[*bearer.Error](err)
		if !ok || refusal.Reason != bearer.KeysUnavailable || refusal.RetryAfter != 7*time.Second || len(refusal.Missing) > 0 {
			t.Fatalf("%v: got %+v, want keys_unavailable and the longer time to wait", rule, refusal)
		}
		if errors.Is(err, bearer.MissingScope) || !errors.Is(err, sentinel) {
			t.Errorf("%v: got %v, want an error with one reason that wraps the errors of the functions", rule, err)
		}
	}
}

// TestSeveralMissingScopes tests the scopes of a refusal whose error contains several refusals. An
// error without required scopes requires its missing scopes.
func TestSeveralMissingScopes(t *testing.T) {
	denied := func(required, missing string) error {
		return &bearer.Error{Reason: bearer.MissingScope, Required: strings.Fields(required), Missing: strings.Fields(missing)}
	}
	for _, row := range []struct {
		errs              []error
		required, missing string
	}{
		{[]error{denied("a b", "b"), denied("", "c")}, "a b c", "b c"},
		{[]error{denied("", "c"), denied("a b", "b")}, "c a b", "c b"},
		{[]error{denied("a b", "b"), denied("b c", "b c")}, "a b c", "b c"},
		{[]error{denied("", "a"), denied("", "b")}, "", "a b"},
		{[]error{denied("a", ""), bearer.MissingScope}, "a", ""},
		{[]error{denied(`a b"`, `b"`)}, "a", ""},
	} {
		v := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, errors.Join(row.errs...) })
		_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer x"}, Rule: scopes.All()})
		e, ok := errors.AsType[*bearer.Error](err)
		if !ok {
			t.Fatalf("got %v, want a *bearer.Error", err)
		}
		if required, missing := strings.Join(e.Required, " "), strings.Join(e.Missing, " "); required != row.required || missing != row.missing {
			t.Errorf("%q: got the required scopes %q and the missing scopes %q, want %q and %q", row.errs, required, missing, row.required, row.missing)
		}
	}
}

// TestPanicIsNotWaived tests that a panic of a function in a report-only rule refuses the
// request, whatever the order of the operands is.
func TestPanicIsNotWaived(t *testing.T) {
	issuer := newIssuer(t, "ES256")
	v := newVerifier(t, issuer, nil)
	panics := scopes.Func("panics", func(context.Context) error { panic(bearer.MissingScope) })
	revoked := scopes.Func("revoked", func(context.Context) error { return bearer.Revoked })
	missing := scopes.All("x")
	for _, rule := range []scopes.Rule{
		panics, scopes.And(panics, missing), scopes.And(missing, panics), scopes.And(revoked, panics), scopes.And(panics, revoked), scopes.Or(missing, panics), scopes.Or(panics, missing),
	} {
		_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.ReportOnly(rule)})
		if reasonOf(t, err) != bearer.Internal || errors.Is(err, bearer.MissingScope) {
			t.Errorf("%v: got %v, want the reason %q", rule, err, bearer.Internal)
		}
	}
}
