package tenant

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"

	"github.com/bearerkit/bearer/internal/claim"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// Claim is a claim that identifies a tenant.
type Claim struct {
	path  claim.Path
	form  string         // the regular expression that a value must match; "" means any value
	match *regexp.Regexp // form, for the whole value; nil if form is ""
}

// PlaceholderClaims returns the claims that identify the tenant if the issuer has a
// placeholder. The keys are the names of the claims, and the values are regular expressions.
// Entra ID writes GUIDs in lower case.
func PlaceholderClaims() map[string]string {
	return map[string]string{"tid": `[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`}
}

// ParseClaims parses the names and the regular expressions of Profile.TenantClaims. The
// result is sorted by name.
func ParseClaims(forms map[string]string) (claims []Claim, errs []error) {
	for _, name := range slices.Sorted(maps.Keys(forms)) {
		path, err := claim.ParsePath(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		c := Claim{path: path, form: forms[name]}
		if c.form != "" {
			_, err := regexp.Compile(c.form) // refuses "a)|(?:b", which is valid with the text around it
			if err == nil {
				c.match, err = regexp.Compile(`^(?:` + c.form + `)$`)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%q: %w", name, err))
				continue
			}
		}
		claims = append(claims, c)
	}
	return claims, errs
}

// numbers reports whether the values of the claim can be numbers and nothing else, as far as the
// form says. A claim without a form counts too, because its values are unknown.
func (c *Claim) numbers() bool {
	if c.match == nil {
		return true
	}
	tree, err := syntax.Parse(c.form, syntax.Perl)
	return err == nil && onlyDigits(tree)
}

// onlyDigits reports whether a regular expression matches only texts of digits.
func onlyDigits(tree *syntax.Regexp) bool {
	isDigit := func(r rune) bool { return '0' <= r && r <= '9' }
	if tree.Op == syntax.OpAnyChar || tree.Op == syntax.OpAnyCharNotNL ||
		slices.ContainsFunc(tree.Rune, func(r rune) bool { return !isDigit(r) }) { // Rune has the ends of ranges
		return false
	}
	return !slices.ContainsFunc(tree.Sub, func(part *syntax.Regexp) bool { return !onlyDigits(part) })
}

// accepts reports whether a value has the form of the claim's values.
func (c *Claim) accepts(value string) bool { return c.match == nil || c.match.MatchString(value) }

// Names returns the names of claims as a text, for example "repository_id" or
// "repository_owner_id".
func Names(claims []Claim) string {
	names := make([]string, len(claims))
	for i, c := range claims {
		names[i] = fmt.Sprintf("%q", c.path.String())
	}
	return strings.Join(names, " or ")
}

// List is a list of accepted tenants. It is immutable.
type List struct {
	entries []string
	claims  []listed
}

// listed is a claim with its accepted values.
type listed struct {
	path   claim.Path
	values map[string]bool
}

// ParseList parses a list of tenants. An entry is a value of one of the claims, and is
// accepted in each claim whose form it has. An entry "NAME=VALUE" is accepted only in the
// claim NAME.
func ParseList(entries []string, claims []Claim) (*List, []error) {
	l := &List{entries: slices.Clone(entries)}
	for _, c := range claims {
		l.claims = append(l.claims, listed{c.path, map[string]bool{}})
	}
	var errs []error
	for _, entry := range entries {
		if err := l.add(entry, claims); err != nil {
			errs = append(errs, err)
		}
	}
	return l, errs
}

// Ambiguous returns the entries that are numbers and are accepted in several claims of numbers.
// An issuer counts its repositories and their owners separately, so a repository and an owner
// with the same number can belong to different tenants. Random identifiers, such as GUIDs, are
// not ambiguous.
func Ambiguous(entries []string, claims []Claim) (ambiguous []string) {
	for _, entry := range entries {
		if strings.Trim(entry, "0123456789") != "" {
			continue
		}
		fits := 0
		for i := range claims {
			if claims[i].numbers() && claims[i].accepts(entry) {
				fits++
			}
		}
		if fits > 1 {
			ambiguous = append(ambiguous, entry)
		}
	}
	return ambiguous
}

// The method add adds an entry to the claims that accept the entry.
func (l *List) add(entry string, claims []Claim) error {
	if entry == "" {
		return fmt.Errorf("%q is an empty entry; remove the entry", entry)
	}
	if strings.ContainsFunc(entry, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return fmt.Errorf("%q contains a space or a control character; remove the character", quote.Cut(entry))
	}
	for i, c := range claims {
		if value, ok := strings.CutPrefix(entry, c.path.String()+"="); ok {
			if value == "" {
				return fmt.Errorf("%q: the value of %q is empty; write the identifier that the issuer assigned", entry, c.path.String())
			}
			if !c.accepts(value) {
				return fmt.Errorf("%q: %w", quote.Cut(entry), wrongForm(value, claims[i:i+1]))
			}
			l.claims[i].values[value] = true
			return nil
		}
	}
	added := false
	for i, c := range claims {
		if c.accepts(entry) {
			l.claims[i].values[entry] = true
			added = true
		}
	}
	switch name, _, ok := strings.Cut(entry, "="); {
	case added:
		return nil
	case ok && name != "":
		return fmt.Errorf("%q: the claim %q does not identify a customer; write NAME=VALUE with the name %s",
			quote.Cut(entry), quote.Cut(name), Names(claims))
	}
	return fmt.Errorf("%q: %w", quote.Cut(entry), wrongForm(entry, claims))
}

// wrongForm returns the error for a value that has the form of none of the claims.
func wrongForm(value string, claims []Claim) error {
	lower := strings.ToLower(value)
	inLower := slices.DeleteFunc(slices.Clone(claims), func(c Claim) bool { return !c.accepts(lower) })
	if lower != value && len(inLower) > 0 {
		return fmt.Errorf("write the value of %s in lower case, as the issuer does", Names(inLower))
	}
	var forms []string
	for _, c := range claims { // a claim without a form accepts every value
		forms = append(forms, fmt.Sprintf("%q (a value has the form %s)", c.path.String(), c.form))
	}
	text := "not a value of " + strings.Join(forms, " or ")
	if strings.ContainsFunc(value, unicode.IsLetter) {
		text += ". Names are refused, because a different customer can register a name that its owner gave up; " +
			"write the identifier that the issuer assigned"
	}
	return errors.New(text)
}

// Allows reports whether a claims set contains an accepted tenant. The claim must be a string
// that equals an entry. For the claim "email", "email_verified" must be true (OpenID Connect
// Core 1.0, section 5.1).
func (l *List) Allows(set *strictjson.Record) bool {
	for _, c := range l.claims {
		text, _ := strictjson.String(c.path.In(set)) // "" if the claim is not a string; no entry is ""
		if c.values[text] && c.isVerified(set) {
			return true
		}
	}
	return false
}

// isVerified returns false if the claim is an address that the issuer did not verify.
func (c *listed) isVerified(set *strictjson.Record) bool {
	return !c.path.Is("email") || set.Lookup("email_verified") == "true"
}

// String returns the entries of the list as a text. If the list is long, the text contains
// only its first entries.
func (l *List) String() string {
	text := quote.List(l.entries[:min(len(l.entries), quote.MaxList)])
	if more := len(l.entries) - quote.MaxList; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Values returns the values of the claims in a claims set, as a text for logs.
func (l *List) Values(set *strictjson.Record) string {
	var values []string
	for _, c := range l.claims {
		name := c.path.String()
		value := c.path.In(set)
		text, ok := strictjson.String(value)
		switch {
		case value == "":
			values = append(values, fmt.Sprintf("no %q", name))
		case !ok:
			values = append(values, fmt.Sprintf("%q is not a string", name))
		case !c.isVerified(set):
			values = append(values, fmt.Sprintf("%q is %q, but \"email_verified\" is not true", name, quote.Cut(text)))
		default:
			values = append(values, fmt.Sprintf("%q is %q", name, quote.Cut(text)))
		}
	}
	return strings.Join(values, ", ") + claim.Hints(l.paths(), set)
}

// paths returns the paths of the claims.
func (l *List) paths() []claim.Path {
	paths := make([]claim.Path, len(l.claims))
	for i, c := range l.claims {
		paths[i] = c.path
	}
	return paths
}
