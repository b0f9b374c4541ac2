package bearer

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/bearerkit/bearer/internal/strictjson"
)

// claimPath names a claim: one name, or the names on the way into an object.
//
// In configurations it is written as the name itself, in which dots, slashes and
// colons mean nothing ("kubernetes.io", "https://ns/roles"), or, with a slash in
// front, as a JSON pointer (RFC 6901: "/realm_access/roles", where ~1 stands for
// a slash inside a name and ~0 for a tilde).
type claimPath struct {
	name  strictjson.Name
	inner []string
}

func parseClaimPath(s string) (claimPath, error) {
	if s == "" {
		return claimPath{}, fmt.Errorf("%q: the name of a claim is empty", s)
	}
	rest, pointer := strings.CutPrefix(s, "/")
	if !pointer {
		return claimPath{name: strictjson.NameOf(s)}, checkClaimName(s)
	}
	names := strings.Split(rest, "/")
	for i, name := range names {
		if plain := strings.NewReplacer("~0", "", "~1", "").Replace(name); name == "" || strings.Contains(plain, "~") {
			return claimPath{}, fmt.Errorf("%q: not a JSON pointer to a claim (RFC 6901)", s)
		}
		names[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
	}
	return claimPath{strictjson.NameOf(names[0]), names[1:]}, nil
}

// checkClaimName refuses what is written in other languages of paths, and would be
// the name of no claim ever.
func checkClaimName(s string) error {
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

// parseClaimPaths parses each path and names the field in errors.
func parseClaimPaths(field string, list []string) (paths []claimPath, errs []error) {
	for _, s := range list {
		path, err := parseClaimPath(s)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", field, err))
			continue
		}
		paths = append(paths, path)
	}
	return paths, errs
}

// String returns the path as logs show it: in the form of configurations, but with
// names as they are in the token.
func (p claimPath) String() string {
	if len(p.inner) == 0 {
		return p.name.String()
	}
	return "/" + strings.Join(append([]string{p.name.String()}, p.inner...), "/")
}

// in returns the value of the claim, or "". What is there but null counts: it
// has a type, and the wrong one.
func (p *claimPath) in(claims *strictjson.Record) string {
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
