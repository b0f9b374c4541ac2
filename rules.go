package bearer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/internal/claim"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/strictjson"
	"github.com/bearerkit/bearer/scopes"
)

// ClaimEquals returns a rule that requires that a claim has one of these values. A value
// is a string, a bool, an int or an int64. The argument claim is the name of a claim, such
// as "repository_id", or a JSON pointer, such as "/custom_claims/environment". The comment
// of [Profile] describes both forms.
//
// The rule is a [scopes.Func]. If the rule denies a request, the request is refused with
// [MissingScope], and the log contains the value of the claim. An empty list of values, a
// value of any other type and an invalid name are mistakes in the rule; see
// [scopes.Rule.Err].
func ClaimEquals(claim string, values ...any) scopes.Rule {
	var errs []error
	wants, texts := make([]wanted, len(values)), make([]string, len(values))
	for i, value := range values {
		var err error
		wants[i], err = literal(value)
		texts[i] = wants[i].json
		errs = append(errs, err)
	}
	what := "is " + strings.Join(texts, ", ")
	switch len(values) {
	case 0:
		what = "is one of the values"
		errs = append(errs, errors.New("there are no values; pass at least one value"))
	case 1:
	default:
		what = "is one of " + strings.Join(texts, ", ")
	}
	return claimRule(claim, what, errors.Join(errs...), func(v string) bool {
		v = integerText(v)
		return slices.ContainsFunc(wants, func(want wanted) bool { return want.isMet(v) })
	})
}

// ClaimIncludes returns a rule that requires that a claim is an array that contains this
// value, or that the claim itself is this value, because many issuers write one value without an
// array. Elements of other types do not matter. [ClaimEquals] describes the arguments and the
// refusal.
func ClaimIncludes(claim string, value any) scopes.Rule {
	want, err := literal(value)
	return claimRule(claim, "includes "+want.json, err, func(v string) bool {
		for element := range strictjson.Elements(v) {
			if want.isMet(integerText(element)) {
				return true
			}
		}
		return want.isMet(integerText(v))
	})
}

// HasRole returns a rule that requires this role in [Claims.Roles], which also contains
// groups and permissions. [Profile.Roles] describes which claims grant a role. An empty role is
// a mistake in the rule. The same role may have different meanings at different issuers. If you
// accept tokens of several issuers, require the issuer too, as the example of [ClientIs] shows.
func HasRole(role string) scopes.Rule {
	text := "role " + strconv.Quote(role)
	if role == "" {
		return scopes.Invalid(fmt.Errorf("bearer: %s: the role must not be empty", text))
	}
	return callerRule(text, func(c *claimSet) error {
		switch {
		case slices.Contains(c.roles, role):
			return nil
		case len(c.roles) == 0:
			return &detail{"the token has no roles in the claims that Config.Profile.Roles names%v", []any{rolesText{c, role}}}
		default:
			return &detail{"the token has the roles %q%v", []any{quote.CutAll(c.roles), rolesText{c, role}}}
		}
	})
}

// ClientIs returns a rule that requires that the client identifier of the token is one of
// these identifiers. An empty list and an empty identifier are mistakes in the rule. A
// client identifier is unique only within its issuer. If you accept tokens of several
// issuers, require the issuer too:
//
//	scopes.And(bearer.ClientIs("ci"), bearer.ClaimEquals("iss", "https://issuer.example"))
func ClientIs(ids ...string) scopes.Rule {
	text := "one of the clients " + quote.List(ids)
	if len(ids) == 1 {
		text = "client " + strconv.Quote(ids[0])
	}
	if len(ids) == 0 || slices.Contains(ids, "") {
		return scopes.Invalid(fmt.Errorf("bearer: %s: pass at least one client identifier, and no empty client identifier", text))
	}
	ids = slices.Clone(ids)
	return callerRule(text, func(c *claimSet) error {
		switch {
		case slices.Contains(ids, c.clientID):
			return nil
		case c.clientID == "":
			return errors.New("the token has no client identifier in the claims that Config.Profile.ClientID names" + c.hints(c.ownProfile().clientID))
		default:
			return fmt.Errorf("the client is %q", quote.Cut(c.clientID))
		}
	})
}

// claimRule returns a rule that requires a claim. The function isMet reports whether
// the value of the claim meets the rule. If err is not nil, the rule is invalid.
func claimRule(name, what string, err error, isMet func(string) bool) scopes.Rule {
	text := "claim " + strconv.Quote(name) + " " + what
	path, pathErr := claim.ParsePath(name)
	if err := errors.Join(err, pathErr); err != nil {
		return scopes.Invalid(fmt.Errorf("bearer: %s: %w", text, err))
	}
	return callerRule(text, func(c *claimSet) error {
		v := path.In(&c.members)
		switch {
		case v == "":
			return errors.New("the token does not have the claim" + claim.Hint{Path: &path}.String())
		case isMet(v):
			return nil
		default:
			return fmt.Errorf("the claim is %s", formatClaim(v))
		}
	})
}

// callerRule returns a rule about the claims of the caller. The function checkClaims returns
// nil if the claims meet the rule. Otherwise the error describes the actual claims, for the log.
func callerRule(text string, checkClaims func(*claimSet) error) scopes.Rule {
	return scopes.Func(text, func(ctx context.Context) error {
		c, ok := FromContext(ctx)
		if !ok {
			return errors.New("the context has no claims")
		}
		if err := checkClaims(c.all()); err != nil {
			return ruleTextError{err}
		}
		return nil
	})
}

// ruleTextError is an error of a rule of this package. Long values of the token are cut in
// its text, so a log may contain the whole text.
type ruleTextError struct{ error }

// isRuleText reports whether the rules of this package wrote the whole text of the error in
// a [scopes.DeniedError]. Package scopes puts the name of the rule before each error, and
// joins the errors of several rules. isRuleText unwraps only these two forms, because a
// function of a user can wrap the error of a rule and add a text of its own.
func isRuleText(err error) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return !slices.ContainsFunc(joined.Unwrap(), func(err error) bool { return !isRuleText(err) })
	}
	_, ok := errors.Unwrap(err).(ruleTextError) //nolint:errorlint // see above
	return ok
}

// formatClaim formats a claim for a log. The text has one line and no control characters,
// and long text is cut.
func formatClaim(v string) string {
	if text, ok := strictjson.String(v); ok {
		return strconv.Quote(quote.Cut(text))
	}
	return quote.Line(quote.Cut(v))
}

// The function literal returns a value that a caller passed to ClaimEquals or ClaimIncludes.
func literal(value any) (wanted, error) {
	switch value := value.(type) {
	case string:
		text, err := jsontext.AppendQuote(nil, value)
		return wanted{string(text), value}, err
	case bool:
		return wanted{json: strconv.FormatBool(value)}, nil
	case int:
		return wanted{json: strconv.Itoa(value)}, nil
	case int64: // an int of a 32-bit system is too small for the numeric IDs of some issuers
		return wanted{json: strconv.FormatInt(value, 10)}, nil
	default:
		return wanted{json: fmt.Sprint(value)}, fmt.Errorf("the value has type %T, want string, bool, int or int64", value)
	}
}

// wanted is a value that a rule accepts.
type wanted struct {
	json string // the JSON text of the value
	text string // the value if it is a string
}

// isMet reports whether v has the value. v must be the result of integerText. The time depends on
// the length of the wanted value, and not on the length of v.
func (w *wanted) isMet(v string) bool {
	return v == w.json || w.json[0] == '"' && strictjson.IsText(v, w.text)
}

// maxExact limits the numbers with a fraction or an exponent that equal an integer. A float64
// of this size or larger can be the rounded value of several integers.
const maxExact = 1 << 53

// integerText returns the usual text of a JSON number that is an integer, because the texts of
// the same value may differ. For example, 3e0 and 3 have the same value. For any other value, it
// returns v.
func integerText(v string) string {
	if !claim.IsNumber(v) {
		return v
	}
	if _, err := strconv.ParseInt(v, 10, 64); err == nil {
		if v == "-0" {
			return "0"
		}
		return v
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || math.Abs(n) >= maxExact || n != math.Trunc(n) {
		return v
	}
	return strconv.FormatInt(int64(n), 10)
}
