package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/terminal"
)

// The columns in which the texts of [bearer.Explanation.String] begin.
const (
	summaryColumn = len("  verifier  ")                   // the summary above the checks
	checkColumn   = len("  skip  claims in the header  ") // the result of a check
	adviceColumn  = len("        want  ")                 // the lines below a failed check
	markColumn    = len("  ")                             // the mark of a check
	nameColumn    = len("  skip  ")                       // the name of a check
)

// layout returns the text of x in lines that fit the screen. The marks of the checks have colors, if
// the screen has colors. Every line of [bearer.Explanation.String] begins with a text of this
// package. The first column of a broken line is empty, so no value of the token can begin a line that
// looks like a check.
func layout(x *bearer.Explanation, s terminal.Screen) string {
	var b strings.Builder
	summary := true
	for i, line := range strings.Split(strings.TrimSuffix(x.String(), "\n"), "\n") {
		if i > 0 {
			b.WriteString("\n")
		}
		switch {
		case i == 0:
			style := terminal.Good
			if x.Reason != "" {
				style = terminal.Bad
			}
			b.WriteString(s.Paint(style, line))
		case line == "":
			summary = false
		case summary:
			b.WriteString(line[:summaryColumn] + s.Hang(line[summaryColumn:], summaryColumn))
		case line[markColumn] == ' ':
			b.WriteString(line[:adviceColumn] + s.Hang(line[adviceColumn:], adviceColumn))
		default:
			mark := strings.TrimRight(line[markColumn:nameColumn], " ")
			b.WriteString(line[:markColumn] + s.Paint(styles[mark], mark) + line[markColumn+len(mark):checkColumn] + s.Hang(line[checkColumn:], checkColumn))
		}
	}
	return b.String() + "\n"
}

// styles are the styles of the marks in [bearer.Explanation.String].
var styles = map[string]terminal.Style{
	"ok":    terminal.Good,
	"FAIL":  terminal.Bad,
	"waive": terminal.Note,
	"skip":  terminal.Note,
}

// printNote prints a text of one line for the user, in lines that fit the screen. The text may contain
// an answer of the issuer.
func printNote(stderr io.Writer, label, text string) {
	s := terminal.Of(stderr, os.Getenv)
	_, _ = fmt.Fprintln(stderr, s.Paint(terminal.Note, label), s.Hang(quote.Line(text), len(label)+1))
}
