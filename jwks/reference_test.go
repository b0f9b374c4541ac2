package jwks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"testing"

	"github.com/bearerkit/bearer/internal/strictjson"
	"github.com/bearerkit/bearer/jwks"
)

// strictElements is the reader of key sets that this package had before it tolerated mistakes. It
// returns the elements of "keys".
func strictElements(text []byte) (found []json.RawMessage, ok bool) {
	if len(text) > 1<<20 {
		return nil, false
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if token, err := dec.Token(); err != nil || token != json.Delim('{') {
		return nil, false
	}
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		name, isName := token.(string)
		if err != nil || !isName || seen[name] || len(seen) == 100 {
			return nil, false
		}
		seen[name] = true
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return nil, false
		}
		if name == "keys" && (value[0] != '[' || json.Unmarshal(value, &found) != nil || len(found) > 1000) {
			return nil, false
		}
	}
	if token, err := dec.Token(); err != nil || token != json.Delim('}') {
		return nil, false
	}
	_, err := dec.Token()
	return found, errors.Is(err, io.EOF) && seen["keys"]
}

var (
	// jsonString matches a JSON string that may contain control characters.
	jsonString = regexp.MustCompile(`(?s)"(?:[^"\\]|\\.)*"`)
	// escapeOrControl matches an escape, or a control character.
	escapeOrControl = regexp.MustCompile(`(?s)\\.|[\x00-\x1f]`)
)

// plainDocument returns the document without its byte order mark, with a space in place of each
// control character in a string.
func plainDocument(document []byte) []byte {
	document = bytes.TrimPrefix(document, []byte(bom))
	return jsonString.ReplaceAllFunc(document, func(text []byte) []byte {
		return escapeOrControl.ReplaceAllFunc(text, func(part []byte) []byte {
			if part[0] == '\\' {
				return part
			}
			return []byte{' '}
		})
	})
}

// compareStrict requires that a document which the strict reader accepts has the same keys as a
// document that has only the elements which the strict reader of keys accepts. The keys that the
// strict reader did not use do not count.
func compareStrict(t *testing.T, document []byte, set *jwks.Set) {
	t.Helper()
	elements, ok := strictElements(document)
	if !ok {
		return
	}
	var strict [][]byte
	left := map[int]bool{} // the indexes of the elements that the strict reader left out
	for i, element := range elements {
		if object, err := strictjson.Parse(element); err != nil || len(object) > 100 {
			element, left[i] = []byte("0"), true
		}
		strict = append(strict, element)
	}
	wanted, err := jwks.Parse([]byte(`{"keys":[` + string(bytes.Join(strict, []byte(","))) + "]}"))
	if err != nil {
		return // no usable key
	}
	if set == nil {
		t.Fatalf("document that the strict reader accepts: got no set, want the keys %v", wanted.Keys())
	}
	if len(left) > 0 && len(set.Keys()) != len(wanted.Keys()) {
		return // a key that is usable now may be the duplicate of another one, or use up a limit
	}
	for i, key := range wanted.Keys() {
		got := set.Keys()[i]
		if got.ID() != key.ID() || got.Thumbprint() != key.Thumbprint() || got.Issuer() != key.Issuer() || got.Type() != key.Type() {
			t.Errorf("key %d: got %q with the thumbprint %s, want %q with the thumbprint %s", i, got.ID(), got.Thumbprint(), key.ID(), key.Thumbprint())
		}
	}
}

// The tolerant reader accepts what the strict reader accepted, with the same keys.
func TestStrictReaderAgrees(t *testing.T) {
	accepted := 0
	check := func(document []byte) {
		set, err := jwks.Parse(document)
		if _, ok := strictElements(document); ok && err == nil {
			accepted++
		}
		compareStrict(t, document, set)
	}
	for _, odd := range oddKeys() {
		check(rawDocument(t, odd, ecKey("good")))
	}
	for _, rows := range keysOfRules() {
		for _, key := range rows {
			check(document(key, ecKey("good")))
		}
	}
	for _, odd := range oddDocuments() {
		check([]byte(odd))
	}
	for _, odd := range toleratedDocuments() {
		check([]byte(odd))
	}
	if accepted < 100 {
		t.Errorf("documents that both readers accept: got %d, want at least 100", accepted)
	}
}
