// Package quote makes values that a client or an issuer chose fit for a log line, an
// error text or an explanation: short, on one line, and without characters that a
// terminal obeys.
package quote

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// Max is how many bytes of a value are shown.
	Max = 64
	// MaxQuoted is how many bytes a value takes at most when it is escaped.
	MaxQuoted = 2 * Max
	// MaxList is how many values of a list are shown by [CutAll].
	MaxList = 4
)

// Cut returns s, or the first part of s followed by "...": at most [Max] bytes of s, and
// fewer if strconv.Quote would make more than [MaxQuoted] bytes of them. It does not split
// a UTF-8 sequence, and it does not escape.
func Cut(s string) string {
	end := min(len(s), Max)
	if len(s) > Max {
		for end > Max-utf8.UTFMax+1 && !utf8.RuneStart(s[end]) {
			end--
		}
	}
	if end > MaxQuoted/len(`\x00`) {
		end = fitting(s[:end])
	}
	if end == len(s) {
		return s
	}
	return s[:end] + "..."
}

// fitting returns how many bytes of s take at most MaxQuoted bytes when they are escaped.
func fitting(s string) int {
	width := 0
	for i := 0; i < len(s); {
		size, quoted := 1, 1
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			_, size = utf8.DecodeRuneInString(s[i:])
			quoted = len(strconv.Quote(s[i:i+size])) - len(`""`)
		}
		if width += quoted; width > MaxQuoted {
			return i
		}
		i += size
	}
	return len(s)
}

// CutAll returns a copy of the first [MaxList] values, each cut by [Cut].
func CutAll(values []string) []string {
	values = values[:min(len(values), MaxList)]
	short := make([]string, len(values))
	for i, value := range values {
		short[i] = Cut(value)
	}
	return short
}

// Escape returns s cut by [Cut] and escaped as in a Go string, without the quotes around
// it: no line breaks, no terminal sequences, no characters that change the direction of
// the text. Double quotes stay as they are.
func Escape(s string) string {
	quoted := strconv.Quote(Cut(s))
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// List returns the names quoted, each cut by [Cut], with commas between them.
func List(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(Cut(name))
	}
	return strings.Join(quoted, ", ")
}

// Line returns text on one line: errors.Join puts a line break between errors, and Line
// makes it "; ". Other characters that cannot be printed become spaces.
func Line(text string) string {
	text = strings.ReplaceAll(text, "\n", "; ")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}
