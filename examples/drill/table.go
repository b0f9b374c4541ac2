package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/bearerkit/bearer/internal/incident"
)

// storyWidth is the maximum width of a text in the column WHAT HAPPENED. With this width, the
// table fits into 120 columns.
const storyWidth = 52

// nameWidth is the maximum width of a name in the column INCIDENT.
const nameWidth = 25

// refusedWidth is the maximum width of a text in the column REFUSED.
const refusedWidth = 15

const rowFormat = "%-6s%-26s%-54s%-16s%-9s%s"

var heading = fmt.Sprintf(rowFormat, "", "INCIDENT", "WHAT HAPPENED", "REFUSED", "FETCHES", "SLOWEST")

// A row is the result of a line.
type row struct {
	name     string
	why      why
	result   incident.Result
	problems []string // the conditions that are not met, or an error
}

// measure runs the line and checks its conditions.
func (l line) measure(ctx context.Context, s incident.Subject) row {
	r := row{name: l.name, why: l.why}
	stop := watchLateness()
	result, err := l.run(ctx, s)
	result.Late = stop()
	r.result = result
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		r.problems = []string{oneLine(err.Error())}
		return r
	}
	if result.Refused > 0 && l.why.status401 == "" || result.Unavailable > 0 && l.why.status503 == "" {
		r.problems = append(r.problems, "want: a known reason for each refused valid request")
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
	refused, fetches, slowest := r.refused(), fmt.Sprint(r.result.Fetches), fmt.Sprint(incident.Short(r.result.Slowest))
	if r.result.Requests == 0 {
		refused, fetches, slowest = []string{"-"}, "-", "-"
	}
	story := wrap(r.result.Story, storyWidth)
	for _, problem := range r.problems {
		story = append(story, wrap(problem, storyWidth)...)
	}
	columns := [][]string{{mark}, {r.name}, story, refused, {fetches}, {slowest}}
	var out strings.Builder
	for n := range max(len(story), len(refused)) {
		var cells [6]any
		for c, lines := range columns {
			if cells[c] = ""; n < len(lines) {
				cells[c] = lines[n]
			}
		}
		out.WriteString(strings.TrimRight(fmt.Sprintf(rowFormat, cells[:]...), " ") + "\n")
	}
	return out.String()
}

// refused returns the number of refused valid requests, and the reason for each status. The reason
// "WRONG" means that the incident has no reason for it.
func (r row) refused() []string {
	lines := []string{fmt.Sprintf("%s of %s", incident.Thousands(r.result.Refused+r.result.Unavailable), incident.Thousands(r.result.Requests))}
	for _, status := range []struct {
		code, n int
		why     string
	}{{401, r.result.Refused, r.why.status401}, {503, r.result.Unavailable, r.why.status503}} {
		if status.n == 0 {
			continue
		}
		text := fmt.Sprintf("%d: %s", status.code, cmp.Or(status.why, "WRONG"))
		if status.n < r.result.Refused+r.result.Unavailable {
			text = fmt.Sprintf("%s × %s", incident.Thousands(status.n), text)
		}
		lines = append(lines, wrap(text, refusedWidth)...)
	}
	return lines
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
