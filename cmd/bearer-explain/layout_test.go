package main

import (
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/conformance"
	"github.com/bearerkit/bearer/internal/terminal"
	"github.com/bearerkit/bearer/internal/testkit/pty"
	"github.com/bearerkit/bearer/scopes"
)

// colors matches the sequences of the colors.
var colors = regexp.MustCompile("\x1b\\[[0-9;]*m")

// checkLines requires lines of at most width columns, and no control characters.
func checkLines(t *testing.T, text string, width int) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if columns := terminal.Columns(line); columns > width {
			t.Errorf("got a line of %d columns, want at most %d: %q", columns, width, line)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("got a line with unprintable characters: %q", line)
		}
	}
}

// TestExplainFitsScreen runs the program with a terminal of several widths, and with a pipe. The
// values of the token try to print lines and colors of their own.
func TestExplainFitsScreen(t *testing.T) {
	s := newTestIssuer(t)
	token := s.issuer.Mint(map[string]any{"typ": "JWT", "kid": "\x1b[32m\u202e" + strings.Repeat("漢", 60)}, map[string]any{
		"aud": []string{"x" + strings.Repeat(" ", 40) + "ok    signature", "\u009b32mok\r\n  ok    signature"},
		"exp": time.Now().Add(-time.Hour), "scope": "a b c d e f",
	})
	args := []string{"-issuer", "https://acme.example", "-keys", s.keys, "-audience", "deployment-api", "-rule", "read and write"}
	t.Setenv("TERM", "xterm")
	t.Setenv("COLUMNS", "")
	for _, noColor := range []string{"", "1"} {
		t.Setenv("NO_COLOR", noColor)
		for _, columns := range []int{40, 80, 100, 160} {
			tty, output := pty.Open(t, columns)
			code, err := run(t.Context(), args, strings.NewReader(token), tty, io.Discard)
			out := output()
			if code != exitRefused || err != nil {
				t.Errorf("got exit status %d and error %v, want %d and no error", code, err, exitRefused)
			}
			if got, want := colors.MatchString(out), noColor == ""; got != want {
				t.Errorf("NO_COLOR=%q: got colors %v, want %v", noColor, got, want)
			}
			out = colors.ReplaceAllString(out, "")
			checkLines(t, out, columns)
			checkMarks(t, out)
		}
	}
	t.Setenv("NO_COLOR", "")
	_, out, _ := runExplain(t, token, args...)
	checkLines(t, out, terminal.DefaultWidth)
	checkMarks(t, out)
	t.Setenv("COLUMNS", "60")
	_, out, _ = runExplain(t, token, args...)
	checkLines(t, out, 60)
}

// checkMarks requires the mark of a check only at the start of a row of the program.
func checkMarks(t *testing.T, out string) {
	t.Helper()
	rows := regexp.MustCompile(`(?m)^  ok    signature(  |$)`).FindAllString(out, -1)
	if len(rows) != 0 || !strings.Contains(out, "\n  skip  signature ") {
		t.Errorf("want no row that says that the signature is valid, got %q in\n%s", rows, out)
	}
}

// TestLayoutKeepsText compares the lines of the program with Explanation.String, for each fourth test
// vector. The lines contain the whole text.
func TestLayoutKeepsText(t *testing.T) {
	vectors, err := conformance.Load("../../testdata/vectors")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler)) // some configurations of the vectors log a warning
	defer slog.SetDefault(log)
	compared := 0
	for i, row := range vectors.Rows {
		if i%4 != 0 {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			v, err := vectors.Verifier(row.Verifier)
			if err != nil {
				t.Fatal(err)
			}
			x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: row.Values(), Rule: scopes.All("read:things")})
			for _, width := range []int{40, 80, 1 << 20} {
				out := layout(x, terminal.Screen{Width: width})
				checkLines(t, out, width)
				if got, want := withoutSpaces(out), withoutSpaces(x.String()); got != want {
					t.Errorf("%s, width %d: got\n%s\nwant the text of\n%s", row.Name, width, out, x)
				}
				if width == 1<<20 && out != x.String() {
					t.Errorf("%s: got\n%s\nwant\n%s", row.Name, out, x)
				}
			}
			painted := layout(x, terminal.Screen{Width: 80, Color: true})
			if got, want := colors.ReplaceAllString(painted, ""), layout(x, terminal.Screen{Width: 80}); got != want || got == painted {
				t.Errorf("%s: got a text with colors\n%s\nwant the text without colors\n%s", row.Name, painted, want)
			}
			compared++
		})
	}
	if compared < 300 {
		t.Errorf("got %d explanations, want at least 300", compared)
	}
}

func withoutSpaces(text string) string { return strings.Join(strings.Fields(text), "") }

// TestUsageFitsScreen requires lines of at most 80 columns in the text of -h.
func TestUsageFitsScreen(t *testing.T) {
	t.Setenv("COLUMNS", "80")
	_, out, _ := runExplain(t, "", "-h")
	checkLines(t, strings.ReplaceAll(out, "\t", "    "), 80)
}
