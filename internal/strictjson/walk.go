package strictjson

import (
	"iter"
	"strings"
)

// What follows walks through text that a JSON parser has found valid, and judges
// nothing. It ends early where that is not so.

// Members returns the names and values of an object in valid text of MaxRecord
// bytes at most, in their order; none of any other value.
func Members(object string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if len(object) == 0 || object[0] != '{' {
			return
		}
		escaped := strings.IndexByte(object, '\\') >= 0
		for next := 1; ; {
			var m span
			var ok bool
			if m, next, ok = nextMember(object, next, escaped); !ok {
				return
			}
			if !yield(unescaped(object[m.name:m.nameEnd]), object[m.value:m.valueEnd]) {
				return
			}
		}
	}
}

// Elements returns the values of an array in valid text; none of any other value.
func Elements(array string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if len(array) == 0 || array[0] != '[' {
			return
		}
		escaped := strings.IndexByte(array, '\\') >= 0
		for i := skipSpace(array, 1); i < len(array) && array[i] != ']'; {
			end := skipValue(array, i, escaped)
			if !yield(array[i:end]) {
				return
			}
			if i = skipSpace(array, end); i < len(array) && array[i] == ',' {
				i = skipSpace(array, i+1)
			}
		}
	}
}

// nextMember returns where the member is that begins at i, space in front of it
// left aside, where the one behind it begins, and false where there is none. The
// text has no backslash unless escaped says so.
func nextMember(s string, i int, escaped bool) (m span, next int, ok bool) {
	i = skipSpace(s, i)
	if i >= len(s) || s[i] != '"' {
		return span{}, i, false
	}
	nameEnd := skipString(s, i, escaped)
	value := skipSpace(s, skipSpace(s, nameEnd)+1) // behind the colon
	end := skipValue(s, value, escaped)
	if next = skipSpace(s, end); next < len(s) && s[next] == ',' {
		next++
	}
	//nolint:gosec // offsets in a text of MaxRecord bytes at most
	return span{uint16(i + 1), uint16(nameEnd - 1), uint16(value), uint16(end)}, next, true
}

func skipSpace[T string | []byte](s T, i int) int {
	for i < len(s) && s[i] <= ' ' { // valid text has no other control characters
		i++
	}
	return i
}

// skipString returns where the string ends that begins at i.
func skipString(s string, i int, escaped bool) int {
	if !escaped {
		n := strings.IndexByte(s[i+1:], '"')
		if n < 0 {
			return len(s)
		}
		return i + n + 2
	}
	for i++; i < len(s); i++ {
		if s[i] == '"' {
			return i + 1
		}
		if s[i] == '\\' {
			i++
		}
	}
	return len(s)
}

// skipValue returns where the value ends that begins at i.
func skipValue(s string, i int, escaped bool) int {
	if i >= len(s) {
		return len(s)
	}
	switch s[i] {
	case '"':
		return skipString(s, i, escaped)
	case '{', '[':
		return skipNested(s, i, escaped)
	}
	for i < len(s) && s[i] > ' ' && s[i] != ',' && s[i] != '}' && s[i] != ']' {
		i++
	}
	return i
}

// skipNested returns where the object or array ends that begins at i.
func skipNested(s string, i int, escaped bool) int {
	depth := 0
	for i < len(s) {
		switch s[i] {
		case '"':
			i = skipString(s, i, escaped)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return len(s)
}
