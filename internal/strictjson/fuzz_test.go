package strictjson_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/internal/conformance"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// FuzzParse requires that Parse and Record.Read accept exactly the inputs that mustAccept
// accepts. Parse and Record.Read must return the values that encoding/json returns.
func FuzzParse(f *testing.F) {
	vectors, err := conformance.Load("../../testdata/vectors")
	if err != nil {
		f.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, row := range vectors.Rows {
		for part := range strings.SplitSeq(row.Text(), ".") {
			if text, err := base64.RawURLEncoding.DecodeString(part); err == nil && len(text) < 4096 && bytes.ContainsAny(text, "{[") && !seen[part] {
				seen[part] = true
				f.Add(text)
			}
		}
	}
	for _, text := range []string{`{}`, `{"a":{"b":[1,{"c":null}]}}`, `{"a":"\ud83d\ude00"}`, `{"a":"\ude00"}`, `{"\u0061":1,"a":2}`, `[]`, `{"a":1}{}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		members, err := strictjson.Parse(bytes.Clone(data))
		if accept := mustAccept(data); (err == nil) != accept {
			t.Fatalf("Parse: accepted the text = %v, want %v; error: %v", err == nil, accept, err)
		}
		var record strictjson.Record
		recordErr := record.Read(bytes.Clone(data))
		if (recordErr == nil) != (err == nil && len(data) <= strictjson.MaxRecord) {
			t.Fatalf("got error %v from Read and error %v from Parse, want both or neither to accept a text of at most MaxRecord bytes", recordErr, err)
		}
		if err != nil {
			return
		}
		compareRecord(t, &record, members)
		var want map[string]json.RawMessage
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("got no error from Parse and error %v from encoding/json, want no error from either", err)
		}
		if len(members) != len(want) {
			t.Errorf("got %d members, want %d", len(members), len(want))
		}
		for name, value := range want {
			got := members.Lookup(name)
			if !bytes.Equal(bytes.TrimSpace(got), value) {
				t.Errorf("%q: got %s, want %s", name, got, value)
			}
			var text string
			isText := json.Unmarshal(value, &text) == nil && value[0] == '"'
			if s, ok := strictjson.String(got); ok != isText || s != text {
				t.Errorf("%q: String: got %q and ok=%v, want %q and ok=%v", name, s, ok, text, isText)
			}
			var list []json.RawMessage
			isList := value[0] == '[' && json.Unmarshal(value, &list) == nil
			elements, ok := strictjson.Array(got)
			if ok != isList || len(elements) != len(list) {
				t.Errorf("%q: Array: got %d elements and ok=%v, want %d elements and ok=%v", name, len(elements), ok, len(list), isList)
			}
			var texts []string
			if isTexts := isList && !bytes.Contains(value, []byte("null")) && json.Unmarshal(value, &texts) == nil; isTexts {
				if got, ok := strictjson.Strings(got); !ok || len(texts) > 0 && !reflect.DeepEqual(got, texts) {
					t.Errorf("%q: Strings: got %q and ok=%v, want %q and ok=true", name, got, ok, texts)
				}
			}
		}
	})
}

// compareRecord requires that the Record has the members that Parse returned, and that
// Members and Elements yield the same names, values and elements.
func compareRecord(t *testing.T, record *strictjson.Record, members strictjson.Object) {
	t.Helper()
	var all, walked strictjson.Object
	for name, value := range record.All() {
		all = append(all, strictjson.Member{Name: name, Value: jsontext.Value(value)})
	}
	for name, value := range strictjson.Members(strings.TrimLeft(record.Text(), " \t\r\n")) {
		walked = append(walked, strictjson.Member{Name: name, Value: jsontext.Value(value)})
	}
	if len(all) != len(members) || len(walked) != len(members) || record.Len() != len(members) {
		t.Fatalf("got %d members from All, %d from Members and %d from Len, want %d", len(all), len(walked), record.Len(), len(members))
	}
	for i, m := range members {
		want := string(bytes.TrimSpace(m.Value))
		for _, got := range []strictjson.Member{all[i], walked[i], {Name: m.Name, Value: jsontext.Value(record.Lookup(m.Name))}} {
			if got.Name != m.Name || string(got.Value) != want {
				t.Errorf("got member %q with value %s, want member %q with value %s", got.Name, got.Value, m.Name, want)
			}
		}
		elements, _ := strictjson.Array(m.Value)
		var found []string
		for element := range strictjson.Elements(want) {
			found = append(found, element)
		}
		if len(found) != len(elements) {
			t.Fatalf("%q: got %d elements, want %d", m.Name, len(found), len(elements))
		}
		for i := range elements {
			if found[i] != string(bytes.TrimSpace(elements[i])) {
				t.Errorf("%q: got element %s, want %s", m.Name, found[i], elements[i])
			}
		}
	}
}

// mustAccept reports whether Parse must accept data. It uses encoding/json. In addition, it
// checks UTF-8, surrogates, depth and duplicate names.
func mustAccept(data []byte) bool {
	if !json.Valid(data) || !utf8.Valid(data) || bytes.TrimLeft(data, " \t\r\n")[0] != '{' || hasLoneSurrogate(data) {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	type level struct {
		names map[string]bool // the names that were read; nil in an array
		value bool            // the next token is a value, not a name
	}
	var levels []level
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return true
		}
		if err != nil {
			return false
		}
		top := len(levels) - 1
		if d, ok := token.(json.Delim); ok {
			switch d {
			case '{', '[':
				if top >= 0 {
					levels[top].value = false
				}
				next := level{}
				if d == '{' {
					next.names = make(map[string]bool)
				}
				if levels = append(levels, next); len(levels) > strictjson.MaxDepth {
					return false
				}
			default:
				levels = levels[:top]
			}
			continue
		}
		if l := &levels[top]; l.names != nil && !l.value {
			name, _ := token.(string)
			if l.names[name] {
				return false
			}
			l.names[name], l.value = true, true
		} else {
			l.value = false
		}
	}
}

var (
	escape = regexp.MustCompile(`\\(?:u[0-9a-fA-F]{4}|.)`)
	pair   = regexp.MustCompile(`\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})`)
)

// hasLoneSurrogate reports whether data has an escaped surrogate that is not part of a
// pair.
func hasLoneSurrogate(data []byte) bool {
	// The function first replaces all escapes except \u with spaces. Without this step,
	// \\ud800 looks like a surrogate, but is an escaped backslash before the text "ud800".
	text := escape.ReplaceAllFunc(data, func(e []byte) []byte {
		if e[1] != 'u' {
			return []byte("  ")
		}
		return e
	})
	text = pair.ReplaceAll(text, nil)
	for _, e := range escape.FindAll(text, -1) {
		if n, err := strconv.ParseUint(string(e[2:]), 16, 16); err == nil && 0xd800 <= n && n < 0xe000 {
			return true
		}
	}
	return false
}
