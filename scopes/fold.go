package scopes

import (
	"strings"
	"unicode"
)

// loosen returns the path that a lenient server reads if StrictSegments is set. It changes
// each element of the path as looseElement does. If an element has no such reading, ok is
// false.
func loosen(p string) (loose string, ok bool) {
	if isLower(p) {
		return p, true
	}
	elements := strings.Split(p, "/")
	for i, element := range elements {
		if elements[i], ok = looseElement(element, i == len(elements)-1); !ok {
			return "", false
		}
	}
	return strings.Join(elements, "/"), true
}

// looseElement changes an element of a path in all the ways in which lenient servers change
// it. A server that does only some of these changes reads an element that looseElement
// changes into the same result. The changes are:
//   - foldText
//   - no blanks at the start and at the end, and no full stops at the end
//   - no suffix. The suffix begins at the first full stop after the start of the name. In an
//     element that is not the last one, a full stop in front of a digit ("v1.1") begins no
//     suffix.
//
// An element of full stops and blanks, or with two full stops at its start, may be read as
// "..". For such an element, ok is false.
func looseElement(element string, last bool) (loose string, ok bool) {
	if isLower(element) {
		return element, true
	}
	s := strings.TrimRightFunc(strings.TrimLeftFunc(foldText(element), isBlank), isDotOrBlank)
	if s == "" || strings.HasPrefix(s, "..") {
		return "", false
	}
	for i := 1; i < len(s); i++ {
		if s[i] == '.' && (last || i+1 == len(s) || s[i+1] < '0' || '9' < s[i+1]) {
			return strings.TrimRightFunc(s[:i], isDotOrBlank), true
		}
	}
	return s, true
}

// foldText removes the differences of letter case and width. Two texts that are equal in
// upper case, in lower case or under Unicode simple case folding have the same result. It
// replaces the full-width forms of ASCII characters by these characters, except for the
// characters that separate parts of a path; see structureOf. It reads "+" as a space, as a
// decoder of forms does.
func foldText(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, c := range s {
		switch {
		case c == 'ß' || c == 'ẞ':
			b.WriteString("ss")
		case 0xfb00 <= c && c <= 0xfb06:
			b.WriteString([...]string{"ff", "fi", "fl", "ffi", "ffl", "st", "st"}[c-0xfb00]) // ligatures, whose upper case is two or three letters
		case c == '\u2025':
			b.WriteString("..")
		case c == '\u2026':
			b.WriteString("...")
		default:
			b.WriteRune(foldRune(c))
		}
	}
	return b.String()
}

// foldRune returns the same character for all characters that differ only in letter case or
// width.
func foldRune(c rune) rune {
	switch {
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	case c == '+':
		return ' '
	case c < 0x80:
		return c
	case 0xff01 <= c && c <= 0xff5e:
		if _, structural := structureOf(c); structural {
			return c
		}
		return foldRune(c - 0xff01 + '!')
	case c == '\u2024' || c == '\u3002' || c == '\uff61' || c == '\ufe52': // forms of the full stop
		return '.'
	}
	// Lower case after upper case also covers dotless i and I with a dot.
	c = unicode.ToLower(unicode.ToUpper(c))
	least := c
	for other := unicode.SimpleFold(c); other != c; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	if 'A' <= least && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}

// structureOf reports whether c looks like an ASCII character that separates parts of a
// path or begins an escape. It returns this ASCII character. Some servers replace c by the
// ASCII character, for example servers that apply Unicode normalization form NFKC.
func structureOf(c rune) (ascii byte, structural bool) {
	switch c {
	case '\u2044', '\u2215', '\u29f8', '\uff0f':
		return '/', true
	case '\u2216', '\u29f5', '\ufe68', '\uff3c':
		return '\\', true
	case '\u037e', '\ufe54', '\uff1b':
		return ';', true
	case '\ufe56', '\uff1f':
		return '?', true
	case '\ufe5f', '\uff03':
		return '#', true
	case '\ufe6a', '\uff05':
		return '%', true
	}
	return 0, false
}

// asciiStructure replaces the characters of structureOf in p, and returns the number of
// different characters that it replaced.
func asciiStructure(p string) (ascii string, kinds int) {
	i := strings.IndexFunc(p, isStructural)
	if i < 0 {
		return p, 0
	}
	var (
		b    strings.Builder
		seen = make(map[rune]struct{})
	)
	b.WriteString(p[:i])
	for _, c := range p[i:] {
		if a, structural := structureOf(c); structural {
			seen[c] = struct{}{}
			b.WriteByte(a)
			continue
		}
		b.WriteRune(c)
	}
	return b.String(), len(seen)
}

func isStructural(c rune) bool {
	_, structural := structureOf(c)
	return structural
}

// isBlank reports whether c is white space, or a character without a shape.
func isBlank(c rune) bool { return unicode.IsSpace(c) || c >= 0x80 && unicode.Is(unicode.Cf, c) }

func isDotOrBlank(c rune) bool { return c == '.' || isBlank(c) }

// isLower reports whether p contains only lower-case letters, digits, "-", "_", "~" and "/".
// Loosen and looseElement do not change such a text.
func isLower(p string) bool {
	for i := range len(p) {
		if !lowerChars[p[i]] {
			return false
		}
	}
	return true
}

// The table lowerChars marks the characters that isLower accepts.
var lowerChars = func() (t [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyz0123456789-_~/" {
		t[c] = true
	}
	return t
}()
