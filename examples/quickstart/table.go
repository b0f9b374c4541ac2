package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/terminal"
)

// detailWidth is the minimum width of the last column. On a narrower screen, the text of this column
// is below the row.
const detailWidth = 44

// detailTitle is the title of the last column.
const detailTitle = "CHALLENGE, STATUS, OR CLAIMS IN THE HANDLER"

// String returns the text of the caller in the table.
func (c *caller) String() string {
	return fmt.Sprintf("github_repository=%s environment=%s client_id=%s", c.GitHubRepository, c.Environment, c.ClientID)
}

// printTable prints the table in lines that fit the screen. If the outcome of a call is wrong,
// printTable returns an error.
func printTable(w io.Writer, s terminal.Screen, rows []row) error {
	var out bytes.Buffer
	t := table{screen: s, rows: [][columns]string{{"", "CALL", "TRANSPORT", "RESULT", detailTitle}}}
	made, right := 0, 0
	for _, r := range rows {
		mark, got := "ok", r.got.status
		switch {
		case r.skipped != "":
			mark, got = "skip", "-"
		case len(r.problems) > 0:
			mark = "WRONG"
			made++
		default:
			made++
			right++
		}
		t.rows = append(t.rows, [columns]string{mark, r.kind, r.transport, quote.Line(got), quote.Line(r.lastColumn())})
	}
	t.print(&out)
	style := terminal.Good
	if made == 0 || right < made {
		style = terminal.Bad
	}
	summary := fmt.Sprintf("%d of %d calls as expected", right, made)
	if skipped := len(rows) - made; skipped > 0 {
		summary += fmt.Sprintf(", %d skipped", skipped)
	}
	fmt.Fprintf(&out, "\n%s\n", s.Paint(style, summary))
	if _, err := w.Write(out.Bytes()); err != nil {
		return err
	}
	switch {
	case made == 0:
		return errors.New("no call was made")
	case right < made:
		return fmt.Errorf("%d of %d calls had an unexpected result", made-right, made)
	}
	return nil
}

// lastColumn returns the text of the last column.
func (r row) lastColumn() string {
	var parts []string
	if r.skipped != "" {
		parts = append(parts, r.skipped)
	}
	if r.got.caller != nil {
		parts = append(parts, r.got.caller.String())
	}
	if r.got.detail != "" {
		parts = append(parts, r.got.detail)
	}
	if len(r.problems) > 0 {
		parts = append(parts, "WRONG: "+strings.Join(r.problems, "; "))
	}
	return strings.Join(parts, " ")
}

// columns is the number of columns of the table.
const columns = 5

// table is a table of texts. Its first row is the heading. The first column is the mark of a call, and
// the last column is the longest text.
type table struct {
	screen terminal.Screen
	rows   [][columns]string
}

// styles are the styles of the marks.
var styles = map[string]terminal.Style{"ok": terminal.Good, "WRONG": terminal.Bad, "skip": terminal.Note}

func (t *table) print(w *bytes.Buffer) {
	const gap = 2 // spaces between two columns
	var widths [columns - 1]int
	indent := 0
	for c := range widths {
		for _, r := range t.rows {
			widths[c] = max(widths[c], terminal.Columns(r[c])+gap)
		}
		indent += widths[c]
	}
	beside := t.screen.Width-indent >= detailWidth
	for i, r := range t.rows {
		text := ""
		for c := 1; c < columns-1; c++ {
			text += terminal.Pad(r[c], widths[c])
		}
		if beside {
			text += t.screen.Hang(r[columns-1], indent)
		} else {
			below := "\n" + strings.Repeat(" ", widths[0])
			text = t.screen.Hang(strings.TrimRight(text, " "), widths[0]) + below + t.screen.Hang(r[columns-1], widths[0])
		}
		style := styles[r[0]]
		if i == 0 {
			text = t.screen.Paint(terminal.Title, text)
		}
		fmt.Fprintf(w, "%s%s%s\n", t.screen.Paint(style, r[0]), strings.Repeat(" ", widths[0]-len(r[0])), text)
	}
}
