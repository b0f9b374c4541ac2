package quote_test

import (
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/bearerkit/bearer/internal/quote"
)

func TestCut(t *testing.T) {
	long := strings.Repeat("a", quote.Max)
	for s, want := range map[string]string{
		"": "", "a": "a", long: long, long + "a": long + "...",
		long[1:] + "é":          long[1:] + "...",       // the character's second byte is past the limit
		long[2:] + "é":          long[2:] + "é",         // the character ends at the limit
		long[2:] + "é!":         long[2:] + "é...",      // the character ends at the limit, and one more byte follows
		long[3:] + "😀":          long[3:] + "...",       // the character's fourth byte is past the limit
		long[4:] + "😀" + long:   long[4:] + "😀...",      // the character ends at the limit
		long + "\x80\x80\x80":   long[1:] + "...",       // not UTF-8
		"é" + long:              "é" + long[2:] + "...", // a two-byte character first
		strings.Repeat("é", 33): strings.Repeat("é", 32) + "...",
	} {
		if got := quote.Cut(s); got != want {
			t.Errorf("Cut(%q): got %q, want %q", s, got, want)
		}
	}
}

func TestCutAll(t *testing.T) {
	given := []string{"a", strings.Repeat("b", 100), "c", "d", "e"}
	got := quote.CutAll(given)
	if len(got) != quote.MaxList || got[0] != "a" || got[1] != strings.Repeat("b", quote.Max)+"..." {
		t.Errorf("got %q, want the first %d values, each shortened by Cut", got, quote.MaxList)
	}
	if got[0] = "changed"; given[0] != "a" {
		t.Error("a change of the result changed the argument, want a copy")
	}
}

func TestList(t *testing.T) {
	if got, want := quote.List([]string{"a", "b\n", strings.Repeat("c", 65)}), `"a", "b\n", "`+strings.Repeat("c", 64)+`..."`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLine(t *testing.T) {
	for text, want := range map[string]string{"a\nb\nc": "a; b; c", "a\r\x1b[2J\u202eb\u2028": "a  [2J b ", "é \"b\"": "é \"b\""} {
		if got := quote.Line(text); got != want {
			t.Errorf("Line(%q): got %q, want %q", text, got, want)
		}
	}
}

// FuzzEscape requires that Escape returns printable text of limited length. If the argument
// of Cut is valid UTF-8, the result of Cut must be valid UTF-8 too.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", `a"b\c`, "a\r\nb", "\x1b[2J", "\u202etxt.exe", strings.Repeat("é", 40), "\xff\xfe", strings.Repeat("\x00", 33), strings.Repeat("\u202e", 22), strings.Repeat("\U000e0001", 16), strings.Repeat("\x80", 80)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		escaped := quote.Escape(s)
		if strings.ContainsFunc(escaped, func(r rune) bool { return !unicode.IsPrint(r) }) || !utf8.ValidString(escaped) {
			t.Errorf("Escape(%q): got %q, want printable text", s, escaped)
		}
		if limit := quote.MaxQuoted + len("..."); len(escaped) > limit {
			t.Errorf("Escape(%q): got %d bytes, want at most %d", s, len(escaped), limit)
		}
		cut := quote.Cut(s)
		if utf8.ValidString(s) && !utf8.ValidString(cut) {
			t.Errorf("Cut(%q): got %q, want valid UTF-8", s, cut)
		}
		body := strings.TrimSuffix(cut, "...")
		if len(cut) > quote.Max+len("...") || !strings.HasPrefix(s, body) {
			t.Errorf("Cut(%q): got %q, want the beginning of the value", s, cut)
		}
		if cut != s && len(body) <= quote.Max-utf8.UTFMax && len(strconv.Quote(body)) < quote.MaxQuoted-len(`\U0010ffff`) {
			t.Errorf("Cut(%q): got %q, want a longer prefix", s, cut)
		}
	})
}

// TestLimits checks that CutTo and EscapeTo keep at most the given number of bytes, and at
// most twice this number after escaping.
func TestLimits(t *testing.T) {
	for _, row := range []struct {
		s           string
		limit       int
		cut, escape string
	}{
		{"", 4, "", ""},
		{"abcd", 4, "abcd", "abcd"},
		{"abcde", 4, "abcd...", "abcd..."},
		{"GET", 32, "GET", "GET"},
		{"abcé", 4, "abc...", "abc..."},
		{"😀😀", 4, "😀...", "😀..."},
		{"\x00\x00\x00\x00", 4, "\x00\x00...", `\x00\x00...`},
		{"\"a\\\n", 4, "\"a\\\n", `"a\\\n`},
		{strings.Repeat("y", 200), 128, strings.Repeat("y", 128) + "...", strings.Repeat("y", 128) + "..."},
	} {
		if got := quote.CutTo(row.s, row.limit); got != row.cut {
			t.Errorf("CutTo(%q, %d): got %q, want %q", row.s, row.limit, got, row.cut)
		}
		if got := quote.EscapeTo(row.s, row.limit); got != row.escape {
			t.Errorf("EscapeTo(%q, %d): got %q, want %q", row.s, row.limit, got, row.escape)
		}
	}
}
