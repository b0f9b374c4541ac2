// Package quote makes values that a client or an issuer chose fit for a log line, an
// error text or an explanation: short, on one line, and without characters that a
// terminal obeys.
package quote

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Max is how many bytes of a value are shown.
const Max = 64

// MaxList is how many values of a list are shown by [CutAll].
const MaxList = 4

// Cut returns s, or its first [Max] bytes followed by "..." if it is longer. It does not
// split a UTF-8 sequence, so the result may be up to three bytes shorter. It does not
// escape.
func Cut(s string) string {
	if len(s) <= Max {
		return s
	}
	end := Max
	for end > Max-utf8.UTFMax+1 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "..."
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
// makes it "; ".
func Line(text string) string { return strings.ReplaceAll(text, "\n", "; ") }
