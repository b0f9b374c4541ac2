package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/bearerkit/bearer/internal/incident"
)

// storyWidth is the maximum width of a text in the column WHAT HAPPENED. With this width, the
// table fits into 120 columns.
const storyWidth = 56

const rowFormat = "%-6s%-26s%-58s%-12s%-9s%s"

var heading = fmt.Sprintf(rowFormat, "", "INCIDENT", "WHAT HAPPENED", "REFUSED", "FETCHES", "SLOWEST")

// A row is the result of a line.
type row struct {
	name     string
	result   incident.Result
	problems []string // the conditions that are not met, or an error
}

// measure runs the line and checks its conditions.
func (l line) measure(ctx context.Context, s incident.Subject) row {
	r := row{name: l.name}
	result, err := l.run(ctx, s)
	r.result = result
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		r.problems = []string{oneLine(err.Error())}
		return r
	}
	for _, want := range l.wants {
		if !want.ok(result) {
			r.problems = append(r.problems, "want: "+want.text)
		}
	}
	return r
}

func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }

// String returns the row as text of the table.
func (r row) String() string {
	mark := "ok"
	if len(r.problems) > 0 {
		mark = "WRONG"
	}
	cells := []string{mark, r.name, "", r.refused(), fmt.Sprint(r.result.Fetches), fmt.Sprint(incident.Short(r.result.Slowest))}
	if r.result.Requests == 0 {
		cells[3], cells[4], cells[5] = "-", "-", "-"
	}
	var out strings.Builder
	story := wrap(r.result.Story, storyWidth)
	for _, problem := range r.problems {
		story = append(story, wrap(problem, storyWidth)...)
	}
	for n, text := range story {
		if n > 0 {
			cells = make([]string, 6)
		}
		cells[2] = text
		line := fmt.Sprintf(rowFormat, cells[0], cells[1], cells[2], cells[3], cells[4], cells[5])
		out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return out.String()
}

// refused returns the number of refused valid requests for each status.
func (r row) refused() string {
	switch {
	case r.result.Refused > 0 && r.result.Unavailable > 0:
		return fmt.Sprintf("%d + %d × 503", r.result.Refused, r.result.Unavailable)
	case r.result.Unavailable > 0:
		return fmt.Sprintf("%d × 503", r.result.Unavailable)
	}
	return fmt.Sprintf("%d of %d", r.result.Refused, r.result.Requests)
}

// wrap splits text at spaces into lines of at most width characters. A longer word gets a line
// of its own.
func wrap(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
