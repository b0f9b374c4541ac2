package scopes

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Set is the scopes that an access token grants. It keeps their order, and
// compares them byte for byte, as RFC 6749, section 3.3 has it. The zero Set
// grants nothing. A Set is immutable and safe for concurrent use.
type Set struct {
	names []string
	index *index // of names; nil if they are few
}

// Parse reads the scopes of one string: scope tokens of RFC 6749, section 3.3,
// with exactly one space between two of them. The empty string is the empty
// Set. Anything else, a doubled or a leading space and a tab included, is an
// error and grants nothing: what an issuer did not spell right is not guessed.
func Parse(s string) (Set, error) {
	if s == "" {
		return Set{}, nil
	}
	names := make([]string, 0, strings.Count(s, " ")+1)
	for name := range strings.SplitSeq(s, " ") {
		if !valid(name) {
			return Set{}, fmt.Errorf("scopes: %.40q is not a scope", name)
		}
		names = append(names, name)
	}
	return newSet(names), nil
}

// Of returns the Set of these scopes. A name that is not a scope token of
// RFC 6749, section 3.3 is an error, and so is a space inside a name.
func Of(names ...string) (Set, error) {
	for _, name := range names {
		if !valid(name) {
			return Set{}, fmt.Errorf("scopes: %.40q is not a scope", name)
		}
	}
	own := make([]string, len(names)) // slices.Clone would make room for more
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

// All returns the scopes in the order in which the token names them.
func (s Set) All() iter.Seq[string] { return slices.Values(s.names) }

// Union returns the scopes of both sets, those of s first.
func (s Set) Union(t Set) Set {
	if len(s.names) == 0 {
		return t
	}
	if len(t.names) == 0 {
		return s
	}
	return newSet(slices.Concat(s.names, t.names))
}

// String returns the scopes as a "scope" parameter has them, with a space
// between two.
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

// scopeChars marks the characters of a scope-token.
var scopeChars = func() (t [256]bool) {
	for c := 0x21; c <= 0x7e; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()
