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

// ClaimEquals asks for a claim with this value, or with one of these values: strings,
// bools, ints or int64s. The claim is named as in [Profile]: by its name ("repository_id"), or by
// a JSON pointer ("/custom_claims/environment").
func ClaimEquals(claim string, values ...any) scopes.Rule {
	var errs []error
	wants := make([]string, len(values))
	for i, value := range values {
		var err error
		wants[i], err = literal(value)
		errs = append(errs, err)
	}
	what := "is " + strings.Join(wants, ", ")
	switch len(values) {
	case 0:
		what = "is one of no values"
		errs = append(errs, errors.New("no values were given"))
	case 1:
	default:
		what = "is one of " + strings.Join(wants, ", ")
	}
	return claimRule(claim, what, errors.Join(errs...), func(v string) bool {
		return slices.ContainsFunc(wants, func(want string) bool { return same(v, want) })
	})
}

// ClaimIncludes asks for a claim that is an array with this value in it; see
// [ClaimEquals].
func ClaimIncludes(claim string, value any) scopes.Rule {
	want, err := literal(value)
	return claimRule(claim, "includes "+want, err, func(v string) bool {
		for element := range strictjson.Elements(v) {
			if same(element, want) {
				return true
			}
		}
		return false
	})
}

// HasRole asks for a role, group or permission: one of [Claims.Roles]. Where
// tokens come from several issuers, see [ClientIs].
func HasRole(role string) scopes.Rule {
	text := "role " + strconv.Quote(role)
	if role == "" {
		return scopes.Invalid(fmt.Errorf("bearer: %s: empty", text))
	}
	return callerRule(text, func(c *Claims) error {
		switch {
		case slices.Contains(c.roles, role):
			return nil
		case len(c.roles) == 0:
			return errors.New("the token has no roles that Config.Profile knows of")
		default:
			return fmt.Errorf("the token has %q", quote.CutAll(c.roles))
		}
	})
}

// ClientIs asks for one of these clients, by client identifier. An identifier
// means something together with its issuer only: where tokens come from several
// issuers, ask for the issuer too,
//
//	scopes.And(bearer.ClientIs("ci"), bearer.ClaimEquals("iss", "https://issuer.example"))
func ClientIs(ids ...string) scopes.Rule {
	text := "one of the clients " + quote.List(ids)
	if len(ids) == 1 {
		text = "client " + strconv.Quote(ids[0])
	}
	if len(ids) == 0 || slices.Contains(ids, "") {
		return scopes.Invalid(fmt.Errorf("bearer: %s: no client, or an empty one", text))
	}
	ids = slices.Clone(ids)
	return callerRule(text, func(c *Claims) error {
		switch {
		case slices.Contains(ids, c.clientID):
			return nil
		case c.clientID == "":
			return errors.New("the token has no client that Config.Profile knows of")
		default:
			return fmt.Errorf("the client is %q", quote.Cut(c.clientID))
		}
	})
}

func claimRule(name, what string, err error, met func(string) bool) scopes.Rule {
	text := "claim " + strconv.Quote(name) + " " + what
	path, pathErr := claim.ParsePath(name)
	if err := errors.Join(err, pathErr); err != nil {
		return scopes.Invalid(fmt.Errorf("bearer: %s: %w", text, err))
	}
	return callerRule(text, func(c *Claims) error {
		v := path.In(&c.members)
		switch {
		case v == "":
			return errors.New("the token has no such claim")
		case met(v):
			return nil
		default:
			return fmt.Errorf("it is %s", shown(v))
		}
	})
}

// callerRule is a rule about the caller; what met returns tells the log what the
// token says instead.
func callerRule(text string, met func(*Claims) error) scopes.Rule {
	return scopes.Func(text, func(ctx context.Context) error {
		c, ok := FromContext(ctx)
		if !ok {
			return errors.New("there is no caller")
		}
		return met(c)
	})
}

// shown is a value of the token as a log can have it: on one line and cut, with
// nothing in it that a terminal obeys.
func shown(v string) string {
	if text, ok := strictjson.String(v); ok {
		return strconv.Quote(quote.Cut(text))
	}
	return quote.Line(quote.Cut(v))
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
	case int64: // on 32-bit systems an int is too small for the ids of some issuers
		return strconv.FormatInt(value, 10), nil
	default:
		return fmt.Sprint(value), fmt.Errorf("a value of type %T: want a string, a bool, an int or an int64", value)
	}
}

// same reports whether a claim has the value of a literal, in whatever spelling.
func same(v, want string) bool {
	switch {
	case v == want:
		return true
	case v[0] == '"':
		text, ok := strictjson.String(v)
		wanted, isText := strictjson.String(want)
		return ok && isText && text == wanted
	case claim.IsNumber(v):
		if _, err := strconv.ParseInt(v, 10, 64); err == nil {
			return v == "-"+want && want == "0"
		}
		// 3.0 and 3e0 are 3. Beyond 2^53 a float64 is the name of several integers.
		n, err := strconv.ParseFloat(v, 64)
		return err == nil && math.Abs(n) < 1<<53 && n == math.Trunc(n) && strconv.FormatInt(int64(n), 10) == want
	default:
		return false
	}
}
