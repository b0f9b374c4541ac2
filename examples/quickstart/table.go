package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// detailWidth is the width of the last column. With this width, a line of the table has at
// most 120 characters.
const detailWidth = 47

// String returns the text of the caller in the table.
func (c *caller) String() string {
	return fmt.Sprintf("github_repository=%s environment=%s client_id=%s", c.GitHubRepository, c.Environment, c.ClientID)
}

// printTable prints the table. If the outcome of a call is wrong, printTable returns an
// error.
func printTable(w io.Writer, rows []row) error {
	var out bytes.Buffer
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	line := func(cells ...string) { _, _ = fmt.Fprintln(table, strings.Join(cells, "\t")) } // a write to a Buffer never fails
	line("", "CALL", "TRANSPORT", "EXPECTED", "GOT", "CHALLENGE, STATUS, OR CLAIMS IN THE HANDLER")
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
		for i, text := range wrapLines(r.lastColumn(), detailWidth) {
			if i == 0 {
				line(mark, r.kind, r.transport, r.want.status, got, text)
			} else {
				line("", "", "", "", "", text)
			}
		}
	}
	_ = table.Flush() // a write to a Buffer never fails
	fmt.Fprintf(&out, "\n%d of %d calls as expected", right, made)
	if skipped := len(rows) - made; skipped > 0 {
		fmt.Fprintf(&out, ", %d skipped", skipped)
	}
	out.WriteByte('\n')
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

// wrapLines breaks text at spaces into lines. A line has at most width bytes, except if the
// line is one word that is longer than width. wrapLines returns at least one line.
func wrapLines(text string, width int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(text) {
		current := &lines[len(lines)-1]
		switch {
		case *current == "":
			*current = word
		case len(*current)+1+len(word) <= width:
			*current += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}
