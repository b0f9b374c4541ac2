package quote_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/quote"
)

// printed is a type whose secret Format hides.
type printed struct{ secret string }

// Format implements [fmt.Formatter].
func (printed) Format(s fmt.State, verb rune) { quote.Print(s, verb, "text") }

func TestPrint(t *testing.T) {
	for format, want := range map[string]string{
		"%v": "text", "%+v": "text", "%s": "text", "%6s|": "  text|", "%-6v|": "text  |", "%.2v": "te",
		"%q": `"text"`, "%#v": `"text"`, "%x": "74657874", "%X": "74657874", "% x": "74 65 78 74", "%d": "%!d(string=text)",
	} {
		if got := fmt.Sprintf(format, printed{"secret"}); got != want {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
		if got := fmt.Sprintf(format, &printed{"secret"}); got != want {
			t.Errorf("pointer, %s: got %q, want %q", format, got, want)
		}
	}
	if got := fmt.Sprint((*printed)(nil)); got != "<nil>" {
		t.Errorf("nil: got %q, want <nil>", got)
	}
}

func TestStruct(t *testing.T) {
	type kind string
	for _, row := range []struct {
		want   string
		fields []any
	}{
		{"T{}", nil},
		{"T{}", []any{"A", "", "B", 0, "C", nil, "D", []string(nil), "E", false, "F", time.Duration(0), "G", (*int)(nil), "H", quote.Verbatim("")}},
		{`T{A: "a\nb", B: 3, C: true, D: 1.5s, E: "k", F: 1 value}`, []any{"A", "a\nb", "B", 3, "C", true, "D", 1500 * time.Millisecond, "E", kind("k"), "F", quote.Verbatim("1 value")}},
		{`T{A: ["a", "b"], B: ["1", "2", "3", "4" and 2 more]}`, []any{"A", []string{"a", "b"}, "B", strings.Split("123456", "")}},
		{`T{A: *errors.errorString, B: quote_test.printed}`, []any{"A", errors.New("secret"), "B", printed{"secret"}}},
		{`T{A: "` + strings.Repeat("x", quote.Max) + `..."}`, []any{"A", strings.Repeat("x", 1000)}},
	} {
		if got := quote.Struct("T", row.fields...); got != row.want {
			t.Errorf("got %s, want %s", got, row.want)
		}
	}
}

func TestRedacted(t *testing.T) {
	for n, want := range map[int]quote.Verbatim{0: "", 1: "1 value (redacted)", 2: "2 values (redacted)"} {
		if got := quote.Redacted(n, "value"); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}
