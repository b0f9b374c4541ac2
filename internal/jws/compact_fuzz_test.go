package jws_test

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/conformance"
	"github.com/bearerkit/bearer/internal/jws"
)

// parted and form are RFC 7515, section 7.1 once more: what Split looks for, and
// what it looks like where its parts can be decoded.
var (
	parted = regexp.MustCompile(`\A[^.]+\.[^.]*\.[^.]*\z`)
	form   = regexp.MustCompile(`\A[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\z`)
)

// FuzzSplit compares the reader with a regular expression and with the text that
// its parts make when they are encoded again: what is read has one spelling.
func FuzzSplit(f *testing.F) {
	vectors, err := conformance.Load("../../testdata/vectors")
	if err != nil {
		f.Fatal(err)
	}
	for i, row := range vectors.Rows {
		if (i%20 == 0 || strings.HasPrefix(row.Name, "form/")) && row.Authorization == nil && len(row.Text()) < 1<<12 {
			f.Add(row.Text())
		}
	}
	f.Fuzz(func(t *testing.T, token string) {
		parts, ok := jws.Split(token)
		if want := parted.MatchString(token); ok != want {
			t.Fatalf("got %v, want %v", ok, want)
		}
		if !ok {
			return
		}
		if got := parts.Header + "." + parts.Payload; got != parts.Signed {
			t.Errorf("got %q signed, want %q", parts.Signed, got)
		}
		if got := parts.Signed + "." + parts.Signature; got != token {
			t.Errorf("got parts of %q, want %q", got, token)
		}
		good := true
		for part := range strings.SplitSeq(token, ".") {
			decoded, err := jws.Decode(nil, []byte(part))
			good = good && err == nil
			if err == nil && base64.RawURLEncoding.EncodeToString(decoded) != part {
				t.Errorf("%q was decoded, and is another spelling of %q", part, base64.RawURLEncoding.EncodeToString(decoded))
			}
			if lax, laxErr := base64.RawURLEncoding.DecodeString(part); err != nil && laxErr == nil && base64.RawURLEncoding.EncodeToString(lax) == part {
				t.Errorf("%q was refused: %v", part, err)
			}
		}
		if good && !form.MatchString(token) {
			t.Error("all parts were decoded, and there are characters that do not belong")
		}
	})
}
