package strictjson_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/internal/strictjson"
)

// rows returns texts, each with the expected result. The result has the form name=value for
// each member, or the form "error: " and a part of the error.
func rows() []struct{ in, want string } {
	deep := func(n int) string { return `{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}` }
	return []struct{ in, want string }{
		{`{}`, ""},
		{` {"a":1} `, "a=1"},
		{`{"a":1,"b":"x","c":[1,{"d":null}]}`, `a=1 b="x" c=[1,{"d":null}]`},
		{`{"\u0061":1}`, "a=1"},
		{`{"a":1,"A":2,"ſ":3}`, "a=1 A=2 ſ=3"},
		{`{"":1}`, "=1"},
		{deep(strictjson.MaxDepth), "a=" + deep(strictjson.MaxDepth)[5:][:2*(strictjson.MaxDepth-1)]},
		{`{"a":"[[[[[[[[[[[[[[[[[[[[\"["}`, `a="[[[[[[[[[[[[[[[[[[[[\"["`},
		{deep(strictjson.MaxDepth + 1), "error: deep"},
		{``, "error: object"},
		{`null`, "error: object"},
		{`[]`, "error: object"},
		{`"a"`, "error: object"},
		{`{"a":1`, "error: early"},
		{`{"a"`, "error: early"},
		{`{"a":1}{}`, "error: data after"},
		{"{\"a\":1}\x00", "error: data after"},
		{`{"a":1,"a":2}`, "error: twice"},
		{`{"a":1,"\u0061":2}`, "error: twice"},
		{`{"b":{"a":1,"a":2}}`, "error: twice"},
		{`{"b":[{"a":1,"a":2}]}`, "error: twice"},
		{"{\"a\":\"\xff\"}", "error: UTF-8"},
		{"{\"\xc0\xaf\":1}", "error: UTF-8"},
		{`{"a":"\ud800"}`, "error: UTF-8"},
		{"\ufeff{}", "error: "},
		{`{"a":01}`, "error: JSON"},
		{`{"a":+1}`, "error: JSON"},
		{`{"a":NaN}`, "error: JSON"},
		{`{"a":1,}`, "error: JSON"},
		{`{"a":1/**/}`, "error: JSON"},
		{`{a:1}`, "error: JSON"},
		{"{\"a\":\"\n\"}", "error: JSON"},
		{" { \n\"a\" : [ 1 , [ ] , { } ] ,\t\"b\":\"\\\\\" , \"c\":-1.5e3 } ", "a=[ 1 , [ ] , { } ] b=\"\\\\\" c=-1.5e3"},
		{`{"\"}":"]","\\":true}`, `"}="]" \=true`},
	}
}

func TestParse(t *testing.T) {
	for _, row := range rows() {
		object, err := strictjson.Parse([]byte(row.in))
		var pairs []string
		for _, m := range object {
			pairs = append(pairs, m.Name+"="+string(m.Value))
		}
		got := strings.Join(pairs, " ")
		if err != nil {
			got = "error: " + err.Error()
		}
		if word, isErr := strings.CutPrefix(row.want, "error: "); isErr != (err != nil) || (isErr && !strings.Contains(got, word)) || (!isErr && got != row.want) {
			t.Errorf("%.60s: got %s, want %s", row.in, got, row.want)
		}
	}
}

func TestValues(t *testing.T) {
	for _, row := range []struct {
		in      string
		text    string
		isText  bool
		texts   []string
		isTexts bool
	}{
		{`"a"`, "a", true, nil, false},
		{`"\u0061\n"`, "a\n", true, nil, false},
		{`""`, "", true, nil, false},
		{`["a","\u0062"]`, "", false, []string{"a", "b"}, true},
		{`[]`, "", false, []string{}, true},
		{`[null]`, "", false, nil, false},
		{`["a",1]`, "", false, nil, false},
		{`[["a"]]`, "", false, nil, false},
		{`null`, "", false, nil, false},
		{`1`, "", false, nil, false},
		{`{"a":"b"}`, "", false, nil, false},
		{``, "", false, nil, false},
	} {
		v := jsontext.Value(row.in)
		if got, ok := strictjson.String(v); got != row.text || ok != row.isText {
			t.Errorf("String(%s): got %q and ok=%v, want %q and ok=%v", row.in, got, ok, row.text, row.isText)
		}
		if got, ok := strictjson.Strings(v); !slices.Equal(got, row.texts) || ok != row.isTexts {
			t.Errorf("Strings(%s): got %q and ok=%v, want %q and ok=%v", row.in, got, ok, row.texts, row.isTexts)
		}
	}
}

func TestArray(t *testing.T) {
	for in, want := range map[string]int{`[1,"a",{}]`: 3, `[]`: 0, ``: -1, `{"a":1}`: -1, `"a"`: -1, `1`: -1, `null`: -1} {
		got, ok := strictjson.Array(jsontext.Value(in))
		if ok != (want >= 0) || ok && len(got) != want {
			t.Errorf("Array(%s): got %d elements and ok=%v, want %d elements and ok=%v", in, len(got), ok, max(want, 0), want >= 0)
		}
	}
	for range strictjson.Members(`["a",1]`) {
		t.Error("Members of an array: got a member, want none")
	}
	for range strictjson.Elements(`{"a":1}`) {
		t.Error("Elements of an object: got an element, want none")
	}
}

func TestLookup(t *testing.T) {
	object, err := strictjson.Parse([]byte(`{"a":1,"b":null}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := object.Lookup("b"); string(got) != "null" {
		t.Errorf("got %s, want null", got)
	}
	if object.Lookup("B") != nil || object.Lookup("") != nil {
		t.Error("Lookup of a missing member: got a value, want nil")
	}
}
