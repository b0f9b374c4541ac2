package main

import (
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/incident"
	"github.com/bearerkit/bearer/internal/terminal"
	"github.com/bearerkit/bearer/internal/testkit/pty"
)

// colors matches the sequences of the colors.
var colors = regexp.MustCompile("\x1b\\[[0-9;]*m")

// checkLines requires lines of at most width columns without trailing spaces.
func checkLines(t *testing.T, text string, width int) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if columns := terminal.Columns(line); columns > width || strings.TrimRight(line, " ") != line {
			t.Errorf("got a line of %d columns, want at most %d and no trailing spaces: %q", columns, width, line)
		}
	}
}

// TestFitsScreen prints the text above the table and rows of all kinds, on screens of several widths.
func TestFitsScreen(t *testing.T) {
	story := strings.Repeat("the issuer withdraws a key; ", 8) + "the end"
	rows := []row{
		{name: "issuer is down at restart", result: incident.Result{Story: story, Requests: 1209, Unavailable: 1209, Fetches: 12, Slowest: 90300 * time.Microsecond}, why: why{status503: "not asked"}},
		{name: "lookups", result: incident.Result{Story: "a story"}},
		{name: "both", result: incident.Result{Story: story, Requests: 1000, Refused: 300, Unavailable: 500}, problems: []string{"want: a known reason for each refused valid request"}},
		{name: "cannot open", problems: []string{"cannot open"}},
	}
	for _, width := range []int{40, 60, 80, 100, 120} {
		s := terminal.Screen{Width: width}
		for _, r := range rows {
			text := r.text(s)
			checkLines(t, text, width)
			first, _, _ := strings.Cut(text, "\n")
			if width >= 80 && (r.name == "lookups" && strings.Count(text, "\n") != 2 || !strings.Contains(first, r.name)) {
				t.Errorf("width %d: got row\n%s\nwant the name and the counts in one line", width, text)
			}
			if painted := r.text(terminal.Screen{Width: width, Color: true}); colors.ReplaceAllString(painted, "") != text || painted == text {
				t.Errorf("width %d: got a row with colors\n%s\nwant\n%s", width, painted, text)
			}
		}
		checkLines(t, heading(s), width)
		if got := heading(s); width >= 80 && strings.Count(got, "\n") != 1 {
			t.Errorf("width %d: got heading\n%s\nwant one line", width, got)
		}
	}
	if got := rows[0].text(terminal.Screen{Width: 80}); !strings.HasPrefix(got, "ok    issuer is down at restart  1,209 of 1,209; 503: not asked 12       90.3ms\n      the issuer") {
		t.Errorf("got row\n%s", got)
	}
	if got := rows[2].text(terminal.Screen{Width: 80}); !strings.Contains(got, "\n      300 × 401: WRONG\n      500 × 503: WRONG\n") {
		t.Errorf("got row\n%s\nwant each status in its own line", got)
	}
}

// TestInTerminal runs the program in a terminal and requires colors, unless NO_COLOR has a value.
func TestInTerminal(t *testing.T) {
	for _, noColor := range []string{"", "1"} {
		for _, columns := range []int{80, 160} {
			tty, output := pty.Open(t, columns)
			env := func(name string) string { return map[string]string{"NO_COLOR": noColor, "TERM": "xterm"}[name] }
			d := drill{env: env, stdout: tty, stderr: io.Discard, subject: incident.Bearer, lines: lines()}
			err := d.run(t.Context(), []string{"-run", "^odd documents"})
			out := output()
			if err != nil || colors.MatchString(out) != (noColor == "") {
				t.Errorf("NO_COLOR=%q: got error %v and output %q, want no error and colors: %v", noColor, err, out, noColor == "")
			}
			checkLines(t, colors.ReplaceAllString(out, ""), columns)
		}
	}
	out, err := runDrill(t, incident.Bearer, "-run", quickLines)
	if err != nil || colors.MatchString(out) {
		t.Errorf("got error %v and output %q, want no error and no colors", err, out)
	}
	checkLines(t, out, terminal.DefaultWidth)
	all := drill{env: noVariables, stdout: io.Discard, lines: lines()}
	checkLines(t, all.introduction(len(all.lines)), terminal.DefaultWidth)
}

// TestErrorOfIncident requires that an error is printed without control characters.
func TestErrorOfIncident(t *testing.T) {
	broken := incident.Subject{Name: "broken", Open: func(incident.Setup) (incident.Verifier, error) {
		return nil, errors.New("cannot open\x1b[2J\nok    forged")
	}}
	out, err := runDrill(t, broken, "-run", "odd keys")
	if err == nil || strings.Contains(out, "\x1b") || strings.Contains(out, "\nok    forged") {
		t.Errorf("got error %v and output %q, want an error, and no control characters in the output", err, out)
	}
}
