// Package claim finds single claims in a claims set. It also parses dates and recognizes
// numbers.
package claim

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/bearerkit/bearer/internal/strictjson"
)

// Path locates a claim in a claims set. A configuration writes a path in one of two forms.
//
// A path that does not begin with a slash is the name of a top-level claim. Dots, slashes
// and colons in the name have no special meaning: "kubernetes.io", "https://ns/roles". A name
// such as "realm_access.roles" is refused; see [ParsePath].
//
// A path that begins with a slash is a JSON pointer (RFC 6901): "/realm_access/roles" is
// the member "roles" of the object "realm_access". In a pointer, ~1 stands for a
// slash inside a name, and ~0 stands for a tilde.
type Path struct {
	name  strictjson.Name // of the top-level claim
	inner []string        // names of the members below the top-level claim

	pointer bool // the configuration wrote a JSON pointer
}

// ParsePath parses a path from a configuration. It refuses a name that is certainly meant as a
// path in an object, such as "realm_access.roles", because such a name never matches. For a
// top-level claim that really has this name, write a pointer with one element:
// "/realm_access.roles".
func ParsePath(s string) (Path, error) {
	if s == "" {
		return Path{}, fmt.Errorf("%q: the name of a claim is empty", s)
	}
	rest, pointer := strings.CutPrefix(s, "/")
	if !pointer {
		return Path{name: strictjson.NameOf(s)}, checkName(s)
	}
	names := strings.Split(rest, "/")
	for i, name := range names {
		if plain := strings.NewReplacer("~0", "", "~1", "").Replace(name); name == "" || strings.Contains(plain, "~") {
			return Path{}, fmt.Errorf("%q: not a JSON pointer to a claim (RFC 6901)", s)
		}
		names[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
	}
	return Path{strictjson.NameOf(names[0]), names[1:], true}, nil
}

// checkName returns an error for a name that looks like a path in another language, such as
// JSONPath. It also returns an error for a name that begins or ends with a space, or that
// has a control character. No issuer uses such a claim name.
func checkName(s string) error {
	for _, form := range []string{"$.", "$[", "#/"} {
		if strings.HasPrefix(s, form) {
			return fmt.Errorf(`%q: for a claim inside an object, use a JSON pointer such as "/realm_access/roles" (RFC 6901)`, s)
		}
	}
	if err := checkObject(s); err != nil {
		return err
	}
	if strings.TrimSpace(s) != s || strings.ContainsFunc(s, unicode.IsControl) {
		return fmt.Errorf("%q: a claim name must not begin or end with a space, and must not have a control character", s)
	}
	return nil
}

// objects lists well-known claims that are objects: of Keycloak (realm_access, resource_access)
// and of Auth0 and Supabase (app_metadata). No issuer writes a top-level claim whose name begins
// with one of these names and a separator.
//
//nolint:gochecknoglobals // never changed
var objects = []string{"realm_access", "resource_access", "app_metadata"}

// checkObject returns an error for a name that begins with one of objects and a separator.
func checkObject(s string) error {
	for _, object := range objects {
		rest, ok := strings.CutPrefix(s, object)
		if !ok || rest == "" || strings.IndexByte("./[", rest[0]) < 0 {
			continue
		}
		want := pointerTo(s, rest[0])
		if want == "" {
			want = "/" + object + "/..."
		}
		return fmt.Errorf("%q: the claim %q is an object; write the JSON pointer %q (RFC 6901); "+
			"if the token really has a top-level claim with the name %q, write %q", s, object, want, s, "/"+escape.Replace(s))
	}
	return nil
}

// escape writes a name in a JSON pointer (RFC 6901, section 3).
//
//nolint:gochecknoglobals // never changed
var escape = strings.NewReplacer("~", "~0", "/", "~1")

// pointerTo returns the JSON pointer that a name with separators probably means. It returns ""
// if a name between two separators is empty. For the separator "[", dots and quotes are
// separators too.
func pointerTo(s string, separator byte) string {
	names := strings.Split(s, string(separator))
	if separator == '[' {
		names = strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(`.[]"'`, r) })
	}
	var pointer strings.Builder
	for _, name := range names {
		if name == "" {
			return ""
		}
		pointer.WriteString("/" + escape.Replace(name))
	}
	return pointer.String()
}

// meant returns the JSON pointer that the path may mean if no token has the claim: "/a/b" for
// "a.b" and for "a/b". It returns "" for a path that is a JSON pointer, for a name with a colon,
// which is a URI, and for a name with both separators.
func (p *Path) meant() string {
	name := p.name.String()
	dots, slashes := strings.Contains(name, "."), strings.Contains(name, "/")
	switch {
	case p.pointer || dots == slashes || strings.Contains(name, ":"):
		return ""
	case slashes:
		return pointerTo(name, '/')
	}
	return pointerTo(name, '.')
}

// Hint formats the probable mistake in a path whose claim a token does not have. A Hint holds
// only a pointer, so a refusal whose text no caller reads allocates nothing for it.
type Hint struct{ Path *Path }

// String returns a text to append to a refusal. It is "" if Path is nil, or if no mistake is
// probable.
func (h Hint) String() string {
	if h.Path == nil {
		return ""
	}
	return hint(h.Path.meant())
}

// Hints returns a text to append to a refusal: the hints for those paths whose claims the claims
// set does not have. It is "" if there is no hint.
func Hints(paths []Path, claims *strictjson.Record) string {
	var meant []string
	for i := range paths {
		if paths[i].In(claims) == "" {
			meant = append(meant, paths[i].meant())
		}
	}
	return hint(meant...)
}

// hint returns the text for pointers. It skips empty pointers.
func hint(pointers ...string) string {
	var quoted []string
	for _, pointer := range pointers {
		if pointer != "" {
			quoted = append(quoted, strconv.Quote(pointer))
		}
	}
	if quoted == nil {
		return ""
	}
	return "; if the claim is a member of an object, configure the JSON pointer " + strings.Join(quoted, " or ")
}

// ParsePaths parses each path of a list. The parameter field is the name of the
// configuration field. Each error begins with this name.
func ParsePaths(field string, list []string) (paths []Path, errs []error) {
	for _, s := range list {
		path, err := ParsePath(s)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", field, err))
			continue
		}
		paths = append(paths, path)
	}
	return paths, errs
}

// Is reports whether p is the path of the top-level claim with this name.
func (p *Path) Is(name string) bool { return len(p.inner) == 0 && p.name.String() == name }

// String returns the path in the form of a configuration, except that the names in a JSON
// pointer are not escaped.
func (p Path) String() string {
	if len(p.inner) == 0 {
		return p.name.String()
	}
	return "/" + strings.Join(append([]string{p.name.String()}, p.inner...), "/")
}

// In returns the JSON value of the claim in a claims set, or "" if the claim is missing.
// If the value is null, In returns "null".
func (p *Path) In(claims *strictjson.Record) string {
	value := claims.Get(p.name)
	for _, name := range p.inner {
		value = strictjson.Find(value, name)
	}
	return value
}

// maxDate is the end of the year 9999, in seconds since the epoch. A larger number is
// probably a time in milliseconds, or an attempt to cause an overflow.
const maxDate = 253402300799

// maxNumber is the maximum length of a NumericDate in characters. Longer numbers are
// refused without parsing.
const maxNumber = 32

// Date parses a NumericDate (RFC 7519, section 2). A NumericDate is a JSON number of seconds
// and may have a fraction.
func Date(v string) (time.Time, error) {
	if n, ok := parseSeconds(v); ok {
		return time.Unix(n, 0), nil
	}
	if !IsNumber(v) {
		return time.Time{}, errors.New("is not a number")
	}
	if len(v) > maxNumber {
		return time.Time{}, errors.New("is not a time")
	}
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		if n < -maxDate || n > maxDate {
			return time.Time{}, errors.New("is not a time in seconds")
		}
		return time.Unix(n, 0), nil
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || f < -maxDate || f > maxDate {
		return time.Time{}, errors.New("is not a time in seconds")
	}
	whole, fraction := math.Modf(f)
	return time.Unix(int64(whole), int64(fraction*1e9)), nil
}

// parseSeconds parses a number of at most 11 digits, which is the usual form of a
// NumericDate. Such a number is always less than maxDate.
func parseSeconds(v string) (n int64, ok bool) {
	for i := range len(v) {
		d := v[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = 10*n + int64(d)
	}
	return n, 0 < len(v) && len(v) <= 11
}

// IsNumber reports whether v is a number. v must be valid JSON or empty.
func IsNumber(v string) bool { return v != "" && (v[0] == '-' || '0' <= v[0] && v[0] <= '9') }
