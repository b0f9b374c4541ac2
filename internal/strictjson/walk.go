package strictjson

import (
	"iter"
	"strings"
)

// What follows walks through text that a JSON parser has found valid, and judges
// nothing. It ends early where that is not so.

// Members returns the names and values of an object in valid text, in their
// order; none of any other value.
func Members(object string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if len(object) == 0 || object[0] != '{' {
			return
		}
		for m := range members(object) {
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
		for i := skipSpace(array, 1); i < len(array) && array[i] != ']'; {
			end := skipValue(array, i)
			if !yield(array[i:end]) {
				return
			}
			if i = skipSpace(array, end); i < len(array) && array[i] == ',' {
				i = skipSpace(array, i+1)
			}
		}
	}
}

// members returns where the members of an object are, which begins the text.
func members(object string) iter.Seq[span] {
	return func(yield func(span) bool) {
		for i := skipSpace(object, 1); i < len(object) && object[i] == '"'; {
			nameEnd := skipString(object, i)
			value := skipSpace(object, skipSpace(object, nameEnd)+1) // behind the colon
			end := skipValue(object, value)
			//nolint:gosec // offsets in a text of MaxRecord bytes at most
			if !yield(span{uint16(i + 1), uint16(nameEnd - 1), uint16(value), uint16(end)}) {
				return
			}
			if i = skipSpace(object, end); i < len(object) && object[i] == ',' {
				i = skipSpace(object, i+1)
			}
		}
	}
}

func skipSpace[T string | []byte](s T, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t') {
		i++
	}
	return i
}

// skipString returns where the string ends that begins at i.
func skipString(s string, i int) int {
	for i++; ; i++ {
		n := strings.IndexByte(s[i:], '"')
		if n < 0 {
			return len(s)
		}
		i += n
		backslashes := 0
		for s[i-1-backslashes] == '\\' { // the opening quote is none
			backslashes++
		}
		if backslashes%2 == 0 {
			return i + 1
		}
	}
}

// skipValue returns where the value ends that begins at i.
func skipValue(s string, i int) int {
	if i >= len(s) {
		return len(s)
	}
	if s[i] == '"' {
		return skipString(s, i)
	}
	depth := 0
	for i < len(s) {
		switch s[i] {
		case '"':
			i = skipString(s, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i // it belongs to what is around a number
			}
			if depth == 0 {
				return i + 1
			}
		case ',', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return len(s)
}
