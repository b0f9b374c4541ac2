package scopes

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Set holds the scopes that an access token grants. The scopes are in the order of the
// token, and each scope occurs once. Names are compared byte for byte (RFC 6749, section
// 3.3). The zero Set grants no scopes. A Set is immutable and safe for concurrent use.
type Set struct {
	names []string // without duplicates
	more  *extra   // nil if the Set needs only the names
}

// The type extra holds the parts of a Set that most Sets do not have. It is behind a pointer,
// so that these parts do not make every Set larger.
type extra struct {
	index     index     // the index of the names; empty if the list is short
	wildcards index     // the wildcards; see WithWildcards
	hierarchy Hierarchy // the Hierarchy that expanded the Set; nil if there was none
}

// newExtra returns the extra part of a Set, or nil if the Set needs none.
func newExtra(names []string, wildcards index, hierarchy Hierarchy) *extra {
	e := extra{newIndex(names), wildcards, hierarchy}
	if e.index == nil && e.wildcards == nil && e.hierarchy == nil {
		return nil
	}
	return &e
}

// The method index returns the index of the names, which is empty if the list is short.
func (s Set) index() index {
	if s.more == nil {
		return nil
	}
	return s.more.index
}

// The method hierarchy returns the Hierarchy that expanded s. It returns nil if no Hierarchy
// expanded s.
func (s Set) hierarchy() Hierarchy {
	if s.more == nil {
		return nil
	}
	return s.more.hierarchy
}

// Parse parses a scope string (RFC 6749, section 3.3). In contrast to the RFC, several spaces
// may separate two scopes, and spaces may be at the start and at the end, because some issuers
// write such strings. For a string without scopes, Parse returns the empty Set. If s contains an
// invalid character, for example a tab, Parse returns an error and the empty Set.
func Parse(s string) (Set, error) {
	n := 0
	for i := range len(s) {
		if s[i] != ' ' && (i == 0 || s[i-1] == ' ') {
			n++
		}
	}
	if n == 0 {
		return Set{}, nil
	}
	names := make([]string, 0, n)
	for name := range strings.SplitSeq(s, " ") {
		if name == "" {
			continue
		}
		if !valid(name) {
			return Set{}, fmt.Errorf("scopes: %.40q is not a scope: %s", name, describeMistake(name))
		}
		names = append(names, name)
	}
	return newSet(names), nil
}

// Of returns the Set of these scopes. If a name is not a scope of RFC 6749, section 3.3,
// for example because it contains a space, Of returns an error and the empty Set.
func Of(names ...string) (Set, error) {
	for _, name := range names {
		if !valid(name) {
			return Set{}, fmt.Errorf("scopes: %.40q is not a scope: %s", name, describeMistake(name))
		}
	}
	return newSet(exactly(names)), nil
}

// Has reports whether the Set grants the scope: it contains the scope, or a wildcard that
// grants the scope (see [Set.WithWildcards]). If the scope contains "*", Has reports whether
// the Set contains exactly this name.
func (s Set) Has(scope string) bool {
	return s.contains(scope) || s.hasWildcardFor(scope)
}

// The method contains reports whether the list of names contains the scope.
func (s Set) contains(scope string) bool {
	x := s.index()
	if x == nil {
		return slices.Contains(s.names, scope)
	}
	return x.contains(s.names, indexEntry(scope, 0), scope)
}

// Len returns the number of scopes in the Set.
func (s Set) Len() int { return len(s.names) }

// All returns an iterator over the scopes in the order of the token.
func (s Set) All() iter.Seq[string] { return slices.Values(s.names) }

// Union returns a Set with the scopes of s and t. The scopes of s come first. The wildcards of
// s and t are wildcards of the result.
func (s Set) Union(t Set) Set {
	if len(s.names) == 0 && s.more == nil {
		return t
	}
	if len(t.names) == 0 && t.more == nil {
		return s
	}
	h := s.hierarchy()
	if h == nil {
		h = t.hierarchy()
	}
	names := withoutDuplicates(slices.Concat(s.names, t.names))
	var wildcards index
	if s.wildcards() != nil || t.wildcards() != nil {
		wildcards = newWildcards(names, func(name string) bool { return s.isWildcard(name) || t.isWildcard(name) })
	}
	return Set{names, newExtra(names, wildcards, h)}
}

// String returns the scopes in the form of a "scope" parameter. A space separates two
// scopes.
func (s Set) String() string { return strings.Join(s.names, " ") }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of String, so that JSON, XML
// and the handlers of package log/slog contain the scopes.
func (s Set) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]. It replaces the Set with the result of
// [Parse]. If Parse returns an error, UnmarshalText returns this error and does not change the Set.
// The new Set has no wildcards; see [Set.WithWildcards]. UnmarshalText is the only method that
// changes a Set. So decode into a variable that no other goroutine uses.
func (s *Set) UnmarshalText(text []byte) error {
	set, err := Parse(string(text))
	if err == nil {
		*s = set
	}
	return err
}

// The function valid reports whether name is a scope-token of RFC 6749, section 3.3: 1*(
// %x21 / %x23-5B / %x5D-7E ).
func valid(name string) bool {
	for i := range len(name) {
		if !scopeChars[name[i]] {
			return false
		}
	}
	return name != ""
}

// describeMistake returns a sentence that describes the mistake in an invalid name.
func describeMistake(name string) string {
	switch {
	case name == "":
		return "a scope must not be empty"
	case strings.Contains(name, " "):
		return "a scope must not contain a space"
	}
	return `a scope must be printable ASCII without space, " and \ (RFC 6749, section 3.3)`
}

// The table scopeChars marks the characters of a scope-token.
var scopeChars = func() (t [256]bool) {
	for c := 0x21; c <= 0x7e; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()
