package bearer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/internal/strictjson"
	"github.com/bearerkit/bearer/scopes"
)

// ClaimEquals asks for a claim with this value: a string, a bool or an int. The
// claim is named as in [Profile]: as it is ("repository_id"), or by a JSON
// pointer ("/custom_claims/environment").
func ClaimEquals(claim string, value any) scopes.Rule {
	want, err := literal(value)
	return claimRule(claim, "is "+want, err, func(v jsontext.Value) bool { return same(v, want) })
}

// ClaimOneOf asks for a claim with one of these values; see [ClaimEquals].
func ClaimOneOf(claim string, values ...any) scopes.Rule {
	var errs []error
	wants := make([]string, len(values))
	for i, value := range values {
		var err error
		wants[i], err = literal(value)
		errs = append(errs, err)
	}
	if len(values) == 0 {
		errs = append(errs, errors.New("one of no values"))
	}
	return claimRule(claim, "is one of "+strings.Join(wants, ", "), errors.Join(errs...), func(v jsontext.Value) bool {
		return slices.ContainsFunc(wants, func(want string) bool { return same(v, want) })
	})
}

// ClaimIncludes asks for a claim that is an array with this value in it; see
// [ClaimEquals].
func ClaimIncludes(claim string, value any) scopes.Rule {
	want, err := literal(value)
	return claimRule(claim, "includes "+want, err, func(v jsontext.Value) bool {
		elements, ok := strictjson.Array(v)
		return ok && slices.ContainsFunc(elements, func(element jsontext.Value) bool { return same(element, want) })
	})
}

// HasRole asks for a role, group or permission: one of [Claims.Roles].
func HasRole(role string) scopes.Rule {
	text := "role " + strconv.Quote(role)
	if role == "" {
		return scopes.Invalid(fmt.Errorf("bearer: %s: empty", text))
	}
	return callerRule(text, func(c *Claims) bool { return slices.Contains(c.roles, role) })
}

// ClientIs asks for one of these clients, by client identifier.
func ClientIs(ids ...string) scopes.Rule {
	quoted := make([]string, len(ids))
	for i, id := range ids {
		quoted[i] = strconv.Quote(id)
	}
	text := "client " + strings.Join(quoted, " or ")
	if len(ids) == 0 || slices.Contains(ids, "") {
		return scopes.Invalid(fmt.Errorf("bearer: %s: no client, or an empty one", text))
	}
	ids = slices.Clone(ids)
	return callerRule(text, func(c *Claims) bool { return slices.Contains(ids, c.clientID) })
}

// errNotMet says nothing of its own: the rule's text does.
var errNotMet = errors.New("not so")

func claimRule(claim, what string, err error, met func(jsontext.Value) bool) scopes.Rule {
	text := "claim " + strconv.Quote(claim) + " " + what
	path, pathErr := parseClaimPath(claim)
	if err := errors.Join(err, pathErr); err != nil {
		return scopes.Invalid(fmt.Errorf("bearer: %s: %w", text, err))
	}
	return callerRule(text, func(c *Claims) bool {
		v := path.in(c.members)
		return v != nil && met(v)
	})
}

func callerRule(text string, met func(*Claims) bool) scopes.Rule {
	return scopes.Func(text, func(ctx context.Context) error {
		if c, ok := FromContext(ctx); ok && met(c) {
			return nil
		}
		return errNotMet
	})
}

// literal returns the JSON of a value that claims can be compared with.
func literal(value any) (string, error) {
	switch value := value.(type) {
	case string:
		text, err := jsontext.AppendQuote(nil, value)
		return string(text), err
	case bool:
		return strconv.FormatBool(value), nil
	case int:
		return strconv.Itoa(value), nil
	default:
		return fmt.Sprint(value), fmt.Errorf("a value of type %T: want a string, a bool or an int", value)
	}
}

// same reports whether a claim has the value of a literal, in whatever spelling.
func same(v jsontext.Value, want string) bool {
	switch v.Kind() {
	case '"':
		text, ok := strictjson.String(v)
		wanted, isText := strictjson.String(jsontext.Value(want))
		return ok && isText && text == wanted
	case '0':
		a, err := strconv.ParseFloat(string(v), 64)
		b, wantErr := strconv.ParseFloat(want, 64)
		return err == nil && wantErr == nil && a == b
	default:
		return string(v) == want
	}
}
