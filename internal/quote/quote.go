// Package quote prepares untrusted values for log records, errors and explanations. An
// untrusted value is a value that a client or an issuer chose. The package shortens the
// value, writes it on one line, and escapes control characters, because a terminal can
// interpret control characters.
package quote

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// Max is the maximum number of bytes of one value that [Cut] keeps.
	Max = 64
	// MaxQuoted is the maximum length of the bytes that Cut keeps, after strconv.Quote escapes
	// these bytes.
	MaxQuoted = 2 * Max
	// MaxList is the maximum number of values that [CutAll] returns.
	MaxList = 4
)

// Cut returns s, or the beginning of s followed by "...". It keeps at most [Max] bytes of
// s. If strconv.Quote escapes these bytes to more than [MaxQuoted] bytes, Cut keeps fewer
// bytes. Cut does not split a UTF-8 sequence and does not escape.
func Cut(s string) string { return CutTo(s, Max) }

// CutTo does what [Cut] does, but keeps at most limit bytes of s, and at most 2*limit bytes
// after escaping. The limit must be at least 4.
func CutTo(s string, limit int) string {
	end := min(len(s), limit)
	if len(s) > limit {
		for end > limit-utf8.UTFMax+1 && !utf8.RuneStart(s[end]) {
			end--
		}
	}
	if end > 2*limit/len(`\x00`) {
		end = fittingPrefix(s[:end], 2*limit)
	}
	if end == len(s) {
		return s
	}
	return s[:end] + "..."
}

// fittingPrefix returns the length of the longest prefix of s that has at most limit bytes
// after escaping.
func fittingPrefix(s string, limit int) int {
	width := 0
	for i := 0; i < len(s); {
		size, quoted := 1, 1
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			_, size = utf8.DecodeRuneInString(s[i:])
			quoted = len(strconv.Quote(s[i:i+size])) - len(`""`)
		}
		if width += quoted; width > limit {
			return i
		}
		i += size
	}
	return len(s)
}

// CutAll returns a copy of the first [MaxList] values. It shortens each value with [Cut].
func CutAll(values []string) []string {
	values = values[:min(len(values), MaxList)]
	short := make([]string, len(values))
	for i, value := range values {
		short[i] = Cut(value)
	}
	return short
}

// Escape shortens s with [Cut], escapes the result as in a Go string literal, and returns
// it without the surrounding quotes. The result has no line breaks, no terminal sequences
// and no characters that change the text direction. Double quotes are not escaped.
func Escape(s string) string { return EscapeTo(s, Max) }

// EscapeTo does what [Escape] does, but shortens s with [CutTo].
func EscapeTo(s string, limit int) string {
	quoted := strconv.Quote(CutTo(s, limit))
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// List shortens each name with [Cut], quotes it, and joins the results with commas.
func List(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(Cut(name))
	}
	return strings.Join(quoted, ", ")
}

// Line returns text on one line. It replaces each line break with "; ", because errors.Join
// writes line breaks between errors. It replaces every other unprintable character with a
// space.
func Line(text string) string {
	text = strings.ReplaceAll(text, "\n", "; ")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}
