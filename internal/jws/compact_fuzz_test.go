package jws_test

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/conformance"
	"github.com/bearerkit/bearer/internal/jws"
)

// These expressions describe the compact serialization (RFC 7515, section 7.1).
var (
	splittable = regexp.MustCompile(`\A[^.]+\.[^.]*\.[^.]*\z`)                            // matches the tokens that Split accepts
	decodable  = regexp.MustCompile(`\A[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\z`) // matches the tokens whose parts Decode may accept
)

// FuzzSplit compares Split with a regular expression. It also encodes each decoded part
// again. The result must be the original text, because Decode must accept only one encoding
// of each value.
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
		if want := splittable.MatchString(token); ok != want {
			t.Fatalf("Split: got ok=%v, want ok=%v", ok, want)
		}
		if !ok {
			return
		}
		if got := parts.Header + "." + parts.Payload; got != parts.Signed {
			t.Errorf("Signed: got %q, want %q", parts.Signed, got)
		}
		if got := parts.Signed + "." + parts.Signature; got != token {
			t.Errorf("joined parts: got %q, want %q", got, token)
		}
		allDecoded := true
		for part := range strings.SplitSeq(token, ".") {
			decoded, err := jws.Decode(nil, []byte(part))
			allDecoded = allDecoded && err == nil
			if err == nil && base64.RawURLEncoding.EncodeToString(decoded) != part {
				t.Errorf("Decode(%q): got no error, want an error, because the canonical encoding is %q", part, base64.RawURLEncoding.EncodeToString(decoded))
			}
			if lax, laxErr := base64.RawURLEncoding.DecodeString(part); err != nil && laxErr == nil && base64.RawURLEncoding.EncodeToString(lax) == part {
				t.Errorf("Decode(%q): got %v, want no error", part, err)
			}
		}
		if allDecoded && !decodable.MatchString(token) {
			t.Error("Decode accepted all parts, want an error, because the token has characters that are not base64url")
		}
	})
}
