package strictjson_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/strictjson"
)

// texts returns JSON strings without their quotes.
func texts() []string {
	return []string{
		``, `a`, `aa`, `ab`, `\u0061`, `a\u0061`, `\u0061a`, `\u0061b`, `\n`, `\b\f\n\r\t`, `\"\\\/`, `/`, `\u002f`, `\u00e9`, `\u00E9`, `é`,
		`\ud83d\ude00`, `\uD83D\uDE00`, `😀`, `😀a`, `\ud83d\ude00a`, `\udbff\udfff`, `\uffff`, `\ufffd`, `\u0000`, `\\u0061`, `\\\u0061`, `u0061`, `n`,
		strings.Repeat("a", 200), strings.Repeat(`\u0061`, 200), strings.Repeat(`a\u0061`, 100), strings.Repeat("a", 199),
	}
}

// decodeText returns the text of a JSON string without its quotes. It uses encoding/json.
func decodeText(t *testing.T, text string) (decoded string) {
	t.Helper()
	if err := json.Unmarshal([]byte(`"`+text+`"`), &decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

// TestEscapes compares the functions that decode escapes with encoding/json. Two texts are the
// same name if and only if they decode to the same string.
func TestEscapes(t *testing.T) {
	for _, a := range texts() {
		want := decodeText(t, a)
		if got, ok := strictjson.String(`"` + a + `"`); got != want || !ok {
			t.Errorf("String(%q): got %q and ok=%v, want %q", a, got, ok, want)
		}
		for _, b := range texts() {
			other := decodeText(t, b)
			if got := strictjson.IsText(`"`+a+`"`, other); got != (want == other) {
				t.Errorf("IsText(%q, %q): got %v, want %v", a, other, got, want == other)
			}
			if got := strictjson.SameTexts(`"`+a+`"`, `"`+b+`"`); got != (want == other) {
				t.Errorf("SameTexts(%q, %q): got %v, want %v", a, b, got, want == other)
			}
			var record strictjson.Record
			err := record.Read(fmt.Appendf(nil, `{"%s":1,"x\n":2,"%s":3}`, a, b))
			if (err == nil) != (want != other) {
				t.Errorf("object with the names %q and %q: got error %v, want an error if the names are equal", a, b, err)
			}
			if want := map[bool]string{true: "3"}[want != other]; record.Lookup(other) != want {
				t.Errorf("object with the names %q and %q: got %q for the second name, want %q", a, b, record.Lookup(other), want)
			}
			if got, want := strictjson.Find(fmt.Sprintf(`{"%s":1,"y":2}`, a), other), map[bool]string{true: "1"}[want == other]; got != want {
				t.Errorf("Find in an object with the name %q: got %q for %q, want %q", a, got, other, want)
			}
		}
	}
}

func TestSameTexts(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want bool
	}{
		{`["a","b"]`, `[ "a" , "\u0062" ]`, true},
		{`[]`, `[ ]`, true},
		{`["a"]`, `["a","a"]`, false},
		{`["a","a"]`, `["a"]`, false},
		{`["a"]`, `"a"`, false},
		{`"a"`, `["a"]`, false},
		{`["a","b"]`, `["b","a"]`, false},
		{`[1]`, `[1]`, false},
		{`[123]`, `["2"]`, false},
		{`["2"]`, `[123]`, false},
		{`[]`, `"a"`, false},
		{`[]`, `"]"`, false},
		{`"]"`, `[]`, false},
		{`"a"`, `[]`, false},
		{`["a",["b"]]`, `["a",["b"]]`, false},
		{`1`, `1`, false},
		{`null`, `null`, false},
		{`{"a":"b"}`, `{"a":"b"}`, false},
		{``, ``, false},
		{`"a"`, ``, false},
		{``, `"a"`, false},
	} {
		if got := strictjson.SameTexts(row.a, row.b); got != row.want {
			t.Errorf("SameTexts(%s, %s): got %v, want %v", row.a, row.b, got, row.want)
		}
	}
	for _, v := range []string{``, `"`, `1`, `null`, `["a"]`, `{"a":1}`} {
		if strictjson.IsText(v, "a") || strictjson.IsText(v, "") {
			t.Errorf("IsText(%s): got true, want false", v)
		}
		if got := strictjson.Find(v, "b"); got != "" {
			t.Errorf("Find(%s): got %q, want no value", v, got)
		}
	}
}

// TestNames has names in the same object, in objects beside it and in objects inside it. Only
// two equal names of one object are duplicates.
func TestNames(t *testing.T) {
	for _, row := range []struct {
		text   string
		unique bool
	}{
		{`{"a":{"a":{"a":-1}},"b":[{"a":1},{"a":2},["a","a"]],"c":{"a":1}}`, true},
		{`{"x":-1,"b":[{"a":1},{"a":2,"b":3,"a":4}]}`, false},
		{`{"x":-1,"b":{"c":{"d":1},"e":1,"c":2}}`, false},
		{`{"x":-1,"b":{"c":{"d":1}},"b":1}`, false},
		{`{"x":-1,"b":[[{"c":1}],"c"],"c":{"c":["c",{"c":"c"}]}}`, true},
		{`{"x":-1,"b":["b","b",{"b":["x"],"\u0062":1}]}`, false},
		{"{\n\"a\" : [ \"a\" , \"a\" ] , \"b\" : \"a\" , \"a:\" : \"a,a\" }", true},
		{"{\n\"a\" : \"a\",\n\"a\" : \"b\" }", false},
	} {
		var record strictjson.Record
		if err := record.Read([]byte(row.text)); (err == nil) != row.unique {
			t.Errorf("%s: got error %v, want unique names = %v", row.text, err, row.unique)
		}
	}
}
