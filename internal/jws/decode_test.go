package jws_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/jws"
)

// TestDecodeEveryByte puts every byte into every place of parts of every length up
// to three groups of sixteen characters, and wants what encoding/base64 says of
// them, but for what has a second spelling.
func TestDecodeEveryByte(t *testing.T) {
	for length := 1; length <= 48; length++ {
		for _, around := range []string{"A", "g"} {
			part := []byte(strings.Repeat(around, length))
			for place := range part {
				for c := range 256 {
					part[place] = byte(c)
					compareDecode(t, part)
				}
				part[place] = around[0]
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
	got, err := jws.Decode([]byte("before"), part)
	rest, kept := bytes.CutPrefix(got, []byte("before"))
	if (err == nil) != ok || !kept || ok && !bytes.Equal(rest, want) {
		t.Fatalf("%q: got %q, %v, want %q, ok %v", part, got, err, want, ok)
	}
}
