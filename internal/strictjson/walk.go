package strictjson

import (
	"iter"
	"strings"
)

// The functions in this file read valid JSON. They do not check the text. If the text is
// invalid, the functions can stop early.

// Members iterates over the names and values of an object, in their order. The text must
// be valid JSON of at most MaxRecord bytes. For a value that is not an object, Members
// yields nothing.
func Members(object string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if len(object) == 0 || object[0] != '{' {
			return
		}
		escaped := strings.IndexByte(object, '\\') >= 0
		var names textDecoder
		for next := 1; ; {
			var m span
			var ok bool
			if m, next, ok = nextMember(object, next, escaped); !ok {
				return
			}
			if !yield(names.decode(object[m.name:m.nameEnd], len(object)-int(m.name)), object[m.value:m.valueEnd]) {
				return
			}
		}
	}
}

// Find returns the value of a member of an object, or "" if there is no such member. The
// text must be valid JSON of at most MaxRecord bytes, or empty. For a value that is not an
// object, Find returns "".
func Find(object, name string) string {
	if object == "" || object[0] != '{' {
		return ""
	}
	escaped := strings.IndexByte(object, '\\') >= 0
	for next := 1; ; {
		m, after, ok := nextMember(object, next, escaped)
		switch {
		case !ok:
			return ""
		case isText(object[m.name:m.nameEnd], name):
			return object[m.value:m.valueEnd]
		}
		next = after
	}
}

// Elements iterates over the elements of an array. The text must be valid JSON. For a
// value that is not an array, Elements yields nothing.
func Elements(array string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if len(array) == 0 || array[0] != '[' {
			return
		}
		escaped := strings.IndexByte(array, '\\') >= 0
		for element, next := nextElement(array, 1, escaped); element != ""; element, next = nextElement(array, next, escaped) {
			if !yield(element) {
				return
			}
		}
	}
}

// nextElement returns the first element of an array at or after i, and the index at which the
// search for the next element starts. It returns "" if there is no element. escaped must be
// true if the text has a backslash.
func nextElement(array string, i int, escaped bool) (element string, next int) {
	i = skipSpace(array, i)
	if i >= len(array) || array[i] == ']' {
		return "", i
	}
	end := skipValue(array, i, escaped)
	if next = skipSpace(array, end); next < len(array) && array[next] == ',' {
		next++
	}
	return array[i:end], next
}

// SameTexts reports whether a and b are the same string, or arrays of the same strings in
// the same order. Texts with different escapes are the same if the decoded strings are
// equal. For values of other types, SameTexts reports false, even if they are equal. Both
// texts must be valid JSON or empty.
func SameTexts(a, b string) bool {
	if a == "" || b == "" || a[0] != b[0] {
		return false
	}
	var buf []byte
	same := func(a, b string) bool {
		if a[0] != '"' || b[0] != '"' {
			return false
		}
		if a == b {
			return true
		}
		a, b = a[1:len(a)-1], b[1:len(b)-1]
		buf = appendText(buf[:0], a)
		n := len(buf)
		buf = appendText(buf, b)
		return string(buf[:n]) == string(buf[n:])
	}
	if a[0] != '[' {
		return same(a, b)
	}
	const escaped = true // also reads texts without escapes
	elementA, nextA := nextElement(a, 1, escaped)
	elementB, nextB := nextElement(b, 1, escaped)
	for elementA != "" && elementB != "" && same(elementA, elementB) {
		elementA, nextA = nextElement(a, nextA, escaped)
		elementB, nextB = nextElement(b, nextB, escaped)
	}
	return elementA == "" && elementB == ""
}

// nextMember returns the position of the first member at or after i, and the index at which
// the search for the next member starts. It reports false if there is no member. escaped
// must be true if the text has a backslash.
func nextMember(s string, i int, escaped bool) (m span, next int, ok bool) {
	i = skipSpace(s, i)
	if i >= len(s) || s[i] != '"' {
		return span{}, i, false
	}
	nameEnd := skipString(s, i, escaped)
	value := skipSpace(s, skipSpace(s, nameEnd)+1) // +1 skips the colon
	end := skipValue(s, value, escaped)
	if next = skipSpace(s, end); next < len(s) && s[next] == ',' {
		next++
	}
	//nolint:gosec // the text has at most MaxRecord bytes, so its offsets fit into a uint16
	return span{uint16(i + 1), uint16(nameEnd - 1), uint16(value), uint16(end)}, next, true
}

func skipSpace[T string | []byte](s T, i int) int {
	for i < len(s) && s[i] <= ' ' { // in valid JSON, the only control characters between values are white space
		i++
	}
	return i
}

// skipString returns the end of the string that begins at i.
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

// skipValue returns the end of the value that begins at i.
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

// skipNested returns the end of the object or array that begins at i.
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
