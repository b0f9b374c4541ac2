package scopes

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Set is the list of scopes that an access token grants: each scope once, in the order of
// the token. Names are compared byte for byte (RFC 6749, section 3.3). The zero Set grants
// nothing. A Set is immutable and safe for concurrent use.
type Set struct {
	names []string // without duplicates
	index *index   // of names; nil for few names
}

// Parse parses a scope string: scope tokens of RFC 6749, section 3.3, separated by exactly
// one space. The empty string is the empty Set. Any other text, for example one with a
// doubled space, a leading space or a tab, is an error, and the Set is then empty.
func Parse(s string) (Set, error) {
	if s == "" {
		return Set{}, nil
	}
	names := make([]string, 0, strings.Count(s, " ")+1)
	for name := range strings.SplitSeq(s, " ") {
		if name == "" {
			return Set{}, fmt.Errorf("scopes: %.40q has a leading, doubled or trailing space; want exactly one space between two scopes", s)
		}
		if !valid(name) {
			return Set{}, fmt.Errorf("scopes: %.40q is not a scope: %s", name, mistake(name))
		}
		names = append(names, name)
	}
	return newSet(names), nil
}

// Of returns the Set of these scopes. A name that is not a scope token of RFC 6749, section
// 3.3, for example one that contains a space, is an error, and the Set is then empty.
func Of(names ...string) (Set, error) {
	for _, name := range names {
		if !valid(name) {
			return Set{}, fmt.Errorf("scopes: %.40q is not a scope: %s", name, mistake(name))
		}
	}
	own := make([]string, len(names)) // slices.Clone may allocate more than len(names)
	copy(own, names)
	return newSet(own), nil
}

// Has reports whether the Set grants the scope.
func (s Set) Has(scope string) bool {
	if s.index == nil {
		return slices.Contains(s.names, scope)
	}
	return s.index.find(s.names, entry(scope, 0), scope)
}

// Len returns the number of different scopes.
func (s Set) Len() int { return len(s.names) }

// All returns the scopes in the order of the token.
func (s Set) All() iter.Seq[string] { return slices.Values(s.names) }

// Union returns the scopes of both sets, first those of s.
func (s Set) Union(t Set) Set {
	if len(s.names) == 0 {
		return t
	}
	if len(t.names) == 0 {
		return s
	}
	return newSet(slices.Concat(s.names, t.names))
}

// String returns the scopes in the form of a "scope" parameter, separated by spaces.
func (s Set) String() string { return strings.Join(s.names, " ") }

// valid reports whether name is a scope-token of RFC 6749, section 3.3:
// 1*( %x21 / %x23-5B / %x5D-7E ).
func valid(name string) bool {
	for i := range len(name) {
		if !scopeChars[name[i]] {
			return false
		}
	}
	return name != ""
}

// mistake returns why name is not valid.
func mistake(name string) string {
	switch {
	case name == "":
		return "a scope must not be empty"
	case strings.Contains(name, " "):
		return "a scope must not contain a space"
	}
	return `a scope must be printable ASCII without space, " and \ (RFC 6749, section 3.3)`
}

// scopeChars marks the characters of a scope-token.
var scopeChars = func() (t [256]bool) {
	for c := 0x21; c <= 0x7e; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()
