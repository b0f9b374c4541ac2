package terminal_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/terminal"
	"github.com/bearerkit/bearer/internal/testkit/pty"
)

// environment returns a function like os.Getenv. The arguments are names and values of variables.
func environment(variables ...string) func(string) string {
	return func(name string) string {
		for i := 0; i+1 < len(variables); i += 2 {
			if variables[i] == name {
				return variables[i+1]
			}
		}
		return ""
	}
}

func TestOfTerminal(t *testing.T) {
	for _, row := range []struct {
		columns   int
		variables []string
		width     int
		color     bool
	}{
		{80, nil, 80, true},
		{100, []string{"TERM", "xterm-256color"}, 100, true},
		{120, nil, 120, true},
		{160, nil, 120, true},
		{10, nil, terminal.MinWidth, true},
		{0, nil, 80, true}, // a serial line, or a container without a size
		{80, []string{"NO_COLOR", "1"}, 80, false},
		{80, []string{"NO_COLOR", "0"}, 80, false},
		{80, []string{"NO_COLOR", ""}, 80, true},
		{80, []string{"TERM", "dumb"}, 80, false},
		{80, []string{"COLUMNS", "132"}, 132, true},
		{80, []string{"COLUMNS", "1000"}, 1000, true},
		{80, []string{"COLUMNS", "0"}, 80, true},
		{80, []string{"COLUMNS", "-5"}, 80, true},
		{80, []string{"COLUMNS", "wide"}, 80, true},
		{80, []string{"COLUMNS", "1"}, terminal.MinWidth, true},
	} {
		tty, _ := pty.Open(t, row.columns)
		want := terminal.Screen{Width: row.width, Color: row.color}
		if got := terminal.Of(tty, environment(row.variables...)); got != want {
			t.Errorf("%d columns, %q: got %+v, want %+v", row.columns, row.variables, got, want)
		}
	}
}

// TestOfOther requires 100 columns and no colors for files, pipes and devices that are not
// terminals. No variable switches the colors on.
func TestOfOther(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer writer.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	forced := environment("TERM", "xterm-256color", "CLICOLOR_FORCE", "1", "FORCE_COLOR", "3")
	want := terminal.Screen{Width: terminal.DefaultWidth}
	for _, file := range []*os.File{file, writer, null} {
		if got := terminal.Of(file, forced); got != want {
			t.Errorf("%s: got %+v, want %+v", file.Name(), got, want)
		}
	}
	if got := terminal.Of(new(bytes.Buffer), forced); got != want {
		t.Errorf("buffer: got %+v, want %+v", got, want)
	}
	want.Width = 72
	if got := terminal.Of(writer, environment("COLUMNS", "72")); got != want {
		t.Errorf("pipe with COLUMNS: got %+v, want %+v", got, want)
	}
}

func TestPaint(t *testing.T) {
	for _, row := range []struct {
		color      bool
		text, want string
	}{
		{false, "ok", "ok"},
		{true, "ok", "\x1b[32mok\x1b[0m"},
		{true, "", ""},
	} {
		if got := (terminal.Screen{Color: row.color}).Paint(terminal.Good, row.text); got != row.want {
			t.Errorf("color %v: got %q, want %q", row.color, got, row.want)
		}
	}
}

func TestPrintFlags(t *testing.T) {
	flags := flag.NewFlagSet("program", flag.ContinueOnError)
	flags.String("name", "none", "the `title` of a thing, with a text that is longer than one line of the screen")
	flags.Bool("v", false, "short")
	const want = `  -name title
        the title of a thing, with a
        text that is longer than one
        line of the screen (default
        "none")
  -v    short
`
	var out, unused strings.Builder
	flags.SetOutput(&unused)
	err := terminal.Screen{Width: 40}.PrintFlags(&out, flags)
	if got := strings.ReplaceAll(out.String(), "\t", "    "); err != nil || got != want {
		t.Errorf("got error %v and\n%s\nwant no error and\n%s", err, got, want)
	}
	if flags.Output() != &unused || unused.String() != "" {
		t.Errorf("want flags with the same output as before, and no text there, got %q", unused.String())
	}
}
