package jws_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/jws"
)

func TestSplit(t *testing.T) {
	for _, row := range []struct {
		token string
		want  string // header|payload|signature|signed, or "" if Split must return false
	}{
		{"a.b.c", "a|b|c|a.b"},
		{"aA0-_.b.c", "aA0-_|b|c|aA0-_.b"},
		{"a.b.", "a|b||a.b"},
		{"", ""},
		{"abc", ""},
		{"a.b", ""},
		{"a.b.c.d", ""},
		{"a.b.c.d.e", ""},
		{".b.c", ""},
		{"a..c", "a||c|a."},
		{".b.", ""},
		{"..", ""},
		{strings.Repeat(".", 1<<20), ""},
	} {
		got := ""
		if parts, ok := jws.Split(row.token); ok {
			got = parts.Header + "|" + parts.Payload + "|" + parts.Signature + "|" + parts.Signed
		}
		if got != row.want {
			t.Errorf("Split(%.20q): got %q, want %q", row.token, got, row.want)
		}
	}
}

// TestDecode requires that Decode accepts only one encoding of each value.
func TestDecode(t *testing.T) {
	for part, want := range map[string]string{"": "", "Zg": "f", "Zm8": "fo", "Zm9v": "foo", "-_8": "\xfb\xff"} {
		if got, err := jws.Decode(nil, []byte(part)); err != nil || string(got) != want {
			t.Errorf("Decode(%q): got %q and error %v, want %q and no error", part, got, err, want)
		}
	}
	for _, part := range []string{"Z", "Zh", "Zm9", "Zg==", "Zm9vZ", "Zm9v=", "Zm9v ", "Zm\n9v", "Zm9v\r", "\nZg", "Zm9+", "Zm9/", "Zm9v\x00", "Zmé", "Zm9v.", "=", "\n"} {
		if got, err := jws.Decode(nil, []byte(part)); err == nil {
			t.Errorf("Decode(%q): got %q, want an error", part, got)
		}
	}
}

// TestSplitAllocatesNothing requires that Split allocates no memory, even for hostile
// tokens.
func TestSplitAllocatesNothing(t *testing.T) {
	for _, token := range []string{"a.b.c", strings.Repeat(".", 1<<20), strings.Repeat("a", 1<<20)} {
		if n := testing.AllocsPerRun(10, func() { jws.Split(token) }); n != 0 {
			t.Errorf("%.10q: got %v allocations, want 0", token, n)
		}
	}
}

// TestDecodeEveryByte puts each of the 256 bytes at each place of parts of 1 to 48
// characters. Decode must refuse CR and LF. For all other bytes, Decode must return the
// result of encoding/base64 in strict mode.
func TestDecodeEveryByte(t *testing.T) {
	for length := 1; length <= 48; length++ {
		for _, filler := range []string{"A", "g"} {
			part := []byte(strings.Repeat(filler, length))
			for place := range part {
				for c := range 256 {
					part[place] = byte(c)
					compareDecode(t, part)
				}
				part[place] = filler[0]
			}
		}
	}
	for a := range 256 {
		for b := range 256 {
			compareDecode(t, []byte{byte(a), byte(b)})
			compareDecode(t, []byte{'A', byte(a), byte(b)})
			compareDecode(t, []byte{byte(a), 'A', byte(b)})
			compareDecode(t, append(bytes.Repeat([]byte("A"), 16), byte(a), byte(b)))
			compareDecode(t, append(bytes.Repeat([]byte("A"), 20), byte(a), byte(b)))
		}
	}
}

func compareDecode(t *testing.T, part []byte) {
	t.Helper()
	want, wantErr := base64.RawURLEncoding.Strict().DecodeString(string(part))
	ok := wantErr == nil && base64.RawURLEncoding.EncodeToString(want) == string(part)
	got, err := jws.Decode([]byte("prefix"), part)
	rest, kept := bytes.CutPrefix(got, []byte("prefix"))
	switch {
	case !kept:
		t.Fatalf("Decode(%q): got %q, want a result that begins with the bytes of dst", part, got)
	case ok && (err != nil || !bytes.Equal(rest, want)):
		t.Fatalf("Decode(%q): got %q and error %v, want %q and no error", part, rest, err, want)
	case !ok && err == nil:
		t.Fatalf("Decode(%q): got %q, want an error", part, rest)
	}
}
