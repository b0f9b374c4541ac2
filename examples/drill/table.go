package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/bearerkit/bearer/internal/incident"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/terminal"
)

// nameWidth is the maximum width of a name in the column INCIDENT.
const nameWidth = 25

// refusedWidth is the maximum width of a text in the column REFUSED. With this width, a row has at most
// 80 columns.
const refusedWidth = 30

// markWidth is the width of the first column. The texts below a row begin behind this column.
const markWidth = 6

// rowFormat is the format of a row behind the first column.
const rowFormat = "%-27s%-31s%-9s%s"

// heading returns the first line of the table.
func heading(s terminal.Screen) string {
	titles := fmt.Sprintf(rowFormat, "INCIDENT", "REFUSED", "FETCHES", "SLOWEST")
	return strings.Repeat(" ", markWidth) + s.Paint(terminal.Title, s.Hang(titles, markWidth)) + "\n"
}

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
		r.problems = []string{quote.Line(err.Error())}
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

// text returns the row as text of the table. The description of the incident and the problems are below
// the row.
func (r row) text(s terminal.Screen) string {
	mark, style := "ok", terminal.Good
	if len(r.problems) > 0 {
		mark, style = "WRONG", terminal.Bad
	}
	refused, fetches, slowest := r.refused(), fmt.Sprint(r.result.Fetches), fmt.Sprint(incident.Short(r.result.Slowest))
	if r.result.Requests == 0 {
		refused, fetches, slowest = []string{"-"}, "-", "-"
	}
	below := []string{r.result.Story}
	if all := strings.Join(refused, "; "); terminal.Columns(all) <= refusedWidth {
		refused = []string{all}
	}
	below = append(below, refused[1:]...)
	cells := []string{fmt.Sprintf(rowFormat, r.name, refused[0], fetches, slowest)}
	var out strings.Builder
	out.WriteString(s.Paint(style, mark) + strings.Repeat(" ", markWidth-len(mark)))
	for i, text := range append(append(cells, below...), r.problems...) {
		if text == "" {
			continue
		}
		if i > 0 {
			out.WriteString(strings.Repeat(" ", markWidth))
		}
		out.WriteString(s.Hang(strings.TrimRight(text, " "), markWidth) + "\n")
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
		lines = append(lines, text)
	}
	return lines
}
