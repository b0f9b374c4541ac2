package jws_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/conformance"
	"github.com/bearerkit/bearer/internal/jws"
)

// FuzzReadHeader compares the members of each header that ReadHeader accepts with the
// members that encoding/json reads. ReadHeader must refuse a header with a member that
// changes the meaning of the signed bytes.
func FuzzReadHeader(f *testing.F) {
	vectors, err := conformance.Load("../../testdata/vectors")
	if err != nil {
		f.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, row := range vectors.Rows {
		part, _, _ := strings.Cut(row.Text(), ".")
		if text, err := base64.RawURLEncoding.DecodeString(part); err == nil && len(text) < 4096 && !seen[part] {
			seen[part] = true
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		header, err := jws.ReadHeader(raw)
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatalf("got no error from ReadHeader and error %v from encoding/json, want no error from either", err)
		}
		for _, name := range []string{"crit", "b64", "enc"} {
			if want[name] != nil {
				t.Errorf("ReadHeader accepted a header with %q, want an error", name)
			}
		}
		for name, got := range map[string]string{"alg": header.Alg, "kid": header.Kid, "typ": header.Typ, "cty": header.Cty} {
			var text string
			isText := want[name] != nil && want[name][0] == '"' && json.Unmarshal(want[name], &text) == nil
			if got != text {
				t.Errorf("%s: got %q, want %q", name, got, text)
			}
			if (name == "kid" || name == "typ") && want[name] != nil && !isText {
				t.Errorf("ReadHeader accepted %q with the value %s, want an error, because the value is not a string", name, want[name])
			}
		}
		if header.HasTyp != (want["typ"] != nil) {
			t.Errorf("got HasTyp=%v, want HasTyp=%v", header.HasTyp, !header.HasTyp)
		}
		if header.Members.Len() != len(want) {
			t.Errorf("got %d members, want %d", header.Members.Len(), len(want))
		}
	})
}
