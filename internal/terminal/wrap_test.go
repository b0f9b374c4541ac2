package terminal_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/terminal"
)

func TestWrap(t *testing.T) {
	for _, row := range []struct {
		text  string
		width int
		want  []string
	}{
		{"", 10, []string{""}},
		{"one", 10, []string{"one"}},
		{"exactly 10", 10, []string{"exactly 10"}},
		{"exactly 10 and more", 10, []string{"exactly 10", "and more"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"a  b", 10, []string{"a  b"}},
		{"abcdef  b", 6, []string{"abcdef", " b"}},
		{"a ", 10, []string{"a "}},
		{"abcdefghij", 4, []string{"abcd", "efgh", "ij"}},
		{"ab cdefghij", 4, []string{"ab", "cdef", "ghij"}},
		{" abcdef", 4, []string{" abc", "def"}},
		{"漢字漢字", 4, []string{"漢字", "漢字"}},
		{"漢字", 1, []string{"漢", "字"}},
		{"e\u0301e\u0301e\u0301", 2, []string{"e\u0301e\u0301", "e\u0301"}},
		{"217µs 3 × 401", 8, []string{"217µs 3", "× 401"}},
	} {
		if got := terminal.Wrap(row.text, row.width); !slices.Equal(got, row.want) {
			t.Errorf("%q, width %d: got %q, want %q", row.text, row.width, got, row.want)
		}
	}
}

// TestWrapKeepsText breaks random texts. No line is too long, and the lines contain the whole
// text except spaces.
func TestWrapKeepsText(t *testing.T) {
	alphabet := []rune("ab  \"\\é漢\u0301\u1100×")
	random := rand.New(rand.NewPCG(22, 1)) //nolint:gosec // the texts must be the same in each run
	for range 5_000 {
		runes := make([]rune, random.IntN(60))
		for i := range runes {
			runes[i] = alphabet[random.IntN(len(alphabet))]
		}
		text, width := string(runes), 2+random.IntN(20)
		lines := terminal.Wrap(text, width)
		for _, line := range lines {
			if columns := terminal.Columns(line); columns > width {
				t.Fatalf("%q, width %d: got line %q of %d columns", text, width, line, columns)
			}
		}
		if all := strings.Join(lines, ""); strings.ReplaceAll(all, " ", "") != strings.ReplaceAll(text, " ", "") {
			t.Fatalf("%q, width %d: got lines %q, want the whole text except spaces", text, width, lines)
		}
	}
}

func TestHang(t *testing.T) {
	screen := terminal.Screen{Width: 40}
	for _, row := range []struct {
		text   string
		indent int
		want   string
	}{
		{"short", 10, "short"},
		{"a text of more than thirty columns, which needs two lines", 10, "a text of more than thirty\n          columns, which needs two lines"},
		{"a text behind a wide margin", 30, "a text\n             behind a wide margin"},
		{"x y", 50, "x\n             y"},
	} {
		got := screen.Hang(row.text, row.indent)
		if got != row.want {
			t.Errorf("%q, indent %d: got\n%s\nwant\n%s", row.text, row.indent, got, row.want)
		}
	}
}

func TestPad(t *testing.T) {
	for text, want := range map[string]string{"": "    ", "a": "a   ", "µs": "µs  ", "漢": "漢  ", "abcde": "abcde"} {
		if got := terminal.Pad(text, 4); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
