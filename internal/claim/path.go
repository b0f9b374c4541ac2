// Package claim reads single claims of a claims set: where they are, and what they say.
package claim

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/bearerkit/bearer/internal/strictjson"
)

// Path names a claim: one name, or the names of the objects around it and its own.
//
// A configuration writes the name itself, in which dots, slashes and colons mean nothing
// ("kubernetes.io", "https://ns/roles"). With a slash in front it is a JSON pointer (RFC
// 6901: "/realm_access/roles", where ~1 stands for a slash inside a name and ~0 for a
// tilde).
type Path struct {
	name  strictjson.Name
	inner []string
}

// ParsePath reads a path as a configuration writes it.
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
	return Path{strictjson.NameOf(names[0]), names[1:]}, nil
}

// checkName refuses other path languages, which would name no claim.
func checkName(s string) error {
	for _, form := range []string{"$.", "$[", "#/"} {
		if strings.HasPrefix(s, form) {
			return fmt.Errorf(`%q: inside objects claims are named by a JSON pointer, as "/realm_access/roles" (RFC 6901)`, s)
		}
	}
	if strings.TrimSpace(s) != s || strings.ContainsFunc(s, unicode.IsControl) {
		return fmt.Errorf("%q: not the name of a claim: it has a space at an end or a control character", s)
	}
	return nil
}

// ParsePaths parses each path and names the field in errors.
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

// Is reports whether the path is this one name, and no pointer.
func (p *Path) Is(name string) bool { return len(p.inner) == 0 && p.name.String() == name }

// String returns the path as a configuration writes it, but with names as in the token.
func (p Path) String() string {
	if len(p.inner) == 0 {
		return p.name.String()
	}
	return "/" + strings.Join(append([]string{p.name.String()}, p.inner...), "/")
}

// In returns the value of the claim in a claims set, or "". A null is a value, of the
// wrong type.
func (p *Path) In(claims *strictjson.Record) string {
	value := claims.Get(p.name)
	for _, name := range p.inner {
		value = member(value, name)
	}
	return value
}

// member returns the value of a member of an object, or "".
func member(object, name string) string {
	for n, value := range strictjson.Members(object) {
		if n == name {
			return value
		}
	}
	return ""
}
