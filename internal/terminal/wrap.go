package terminal

import (
	"bytes"
	"flag"
	"io"
	"strings"
	"unicode"
)

// Wrap breaks text into lines of at most width columns. It breaks at a space. It drops this space and
// the spaces before it, but keeps all other spaces, because two spaces in a value of a token can be the
// fault that the reader looks for. It breaks a word that is longer than width. Otherwise, the terminal breaks the
// word, and the rest of the word begins in the first column. A client that chose this value can so
// print a line that looks like a line of the program. Wrap returns at least one line.
func Wrap(text string, width int) []string {
	var lines []string
	for {
		end, next := lineEnd(text, width)
		if next == len(text) {
			return append(lines, text[:end])
		}
		lines = append(lines, strings.TrimRight(text[:end], " "))
		text = text[next:]
	}
}

// lineEnd returns the end of the first line of text, and the start of the next line. If text is one
// line, both are the length of text.
func lineEnd(text string, width int) (end, next int) {
	columns, space := 0, -1
	for i, r := range text {
		if columns += runeColumns(r); columns > width && i > 0 {
			switch {
			case r == ' ':
				return i, i + 1
			case space > 0:
				return space, space + 1
			}
			return i, i
		}
		if r == ' ' {
			space = i
		}
	}
	return len(text), len(text)
}

// Columns returns the number of columns that text takes on a screen. For a character that some
// terminals show in one column and others in two columns, it counts two columns.
func Columns(text string) int {
	columns := 0
	for _, r := range text {
		columns += runeColumns(r)
	}
	return columns
}

// Most characters before firstMark take one column. The characters with two columns (Unicode
// Standard Annex 11) are Hangul Jamo, and characters after the arrows and the mathematical operators.
const (
	firstMark = '\u0300' // the first character without a column
	firstJamo = '\u1100'
	lastJamo  = '\u115f'
	firstWide = '\u2300'
)

func runeColumns(r rune) int {
	switch {
	case r < firstMark:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0 // the terminal prints the mark above the character before
	case r >= firstJamo && r <= lastJamo, r >= firstWide:
		return 2
	}
	return 1
}

// Pad returns text, and spaces up to the column width.
func Pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-Columns(text)))
}

// narrow is the number of columns below which a text is hard to read.
const narrow = 24

// Hang breaks text into lines that fit the screen. The text continues a line of the screen at the
// column indent. Each further line begins with indent spaces, or with fewer spaces if the screen is
// narrow. The result has no line break at its end.
func (s Screen) Hang(text string, indent int) string {
	end, next := lineEnd(text, max(1, s.Width-indent))
	if next == len(text) {
		return text[:end]
	}
	if s.Width-indent < narrow {
		indent = min(indent, s.Width/3)
	}
	separator := "\n" + strings.Repeat(" ", indent)
	return strings.TrimRight(text[:end], " ") + separator + strings.Join(Wrap(text[next:], s.Width-indent), separator)
}

// PrintFlags prints the list of flags as [flag.FlagSet.PrintDefaults] does, in lines that fit the
// screen.
func (s Screen) PrintFlags(w io.Writer, flags *flag.FlagSet) error {
	before := flags.Output()
	defer flags.SetOutput(before)
	var list bytes.Buffer
	flags.SetOutput(&list)
	flags.PrintDefaults()
	var out strings.Builder
	for line := range strings.Lines(list.String()) {
		line = strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "    \t", "        ")
		text := strings.TrimLeft(line, " ")
		out.WriteString(line[:len(line)-len(text)] + s.Hang(text, len(line)-len(text)) + "\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}
