package strictjson_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/internal/strictjson"
)

func TestRead(t *testing.T) {
	for _, row := range rows() {
		var record strictjson.Record
		err := record.Read([]byte(row.in))
		var pairs []string
		for name, value := range record.All() {
			pairs = append(pairs, name+"="+value)
			if got := record.Lookup(name); got != value {
				t.Errorf("%.60s: Lookup(%q): got %s, want %s", row.in, name, got, value)
			}
		}
		got := strings.Join(pairs, " ")
		if err != nil {
			got = "error: " + err.Error()
		}
		if word, isErr := strings.CutPrefix(row.want, "error: "); isErr != (err != nil) || (isErr && !strings.Contains(got, word)) || (!isErr && got != row.want) {
			t.Errorf("%.60s: got %s, want %s", row.in, got, row.want)
		}
	}
	if err := new(strictjson.Record).Read([]byte(`{"a":"` + strings.Repeat("a", strictjson.MaxRecord) + `"}`)); err == nil {
		t.Error("text longer than MaxRecord: got no error, want an error")
	}
}

// TestReadMany reads objects with at least 63 members. Read compares the names of the first
// 64 members pairwise. If an object has more members, Read cannot use the fast path.
func TestReadMany(t *testing.T) {
	object := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"n%d":%d`, i, i+1)
		}
		return `{"sub":"s"` + b.String()
	}
	for _, n := range []int{62, 63, 64, 65, 300, 3000} {
		for end, valid := range map[string]bool{`}`: true, `,"iss":"i"}`: true, `,"n0":1}`: false, `,"n60":1}`: false, `,"sub":""}`: false, fmt.Sprintf(`,"n%d":1}`, n-1): false, `,"\u006e0":1}`: false, `,"x":{"a":1,"a":2}}`: false} {
			var record strictjson.Record
			if err := record.Read([]byte(object(n) + end)); (err == nil) != valid {
				t.Errorf("%d members and %s: accepted the text = %v, want %v; error: %v", n, end, err == nil, valid, err)
			}
			last := fmt.Sprintf("n%d", n-1)
			if want := fmt.Sprint(n); valid && (record.Lookup(last) != want || record.Lookup("sub") != `"s"` || (record.Lookup("iss") != "") != (end != "}")) {
				t.Errorf("%d members and %s: got %s, want %s", n, end, record.Lookup(last), want)
			}
		}
	}
}

func TestRecordLookup(t *testing.T) {
	var record strictjson.Record
	err := record.Read([]byte(`{"a":1,"\u0062":null,"":2}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": "1", "b": "null", "": "2", "B": "", `\u0062`: "", "c": ""} {
		if got := record.Lookup(name); got != want {
			t.Errorf("Lookup(%q): got %s, want %s", name, got, want)
		}
	}
	if record.Len() != 3 {
		t.Errorf("got %d members, want 3", record.Len())
	}
}

func TestWalk(t *testing.T) {
	for _, row := range []struct{ in, members, elements string }{
		{`{"a":[1,"]"],"b":{"c":"}"}}`, `a=[1,"]"] b={"c":"}"}`, ""},
		{`[1,"a,b",[2,3],{"d":4},null]`, "", `1|"a,b"|[2,3]|{"d":4}|null`},
		{`[ ]`, "", ""},
		{`{ }`, "", ""},
		{`"[1]"`, "", ""},
		{``, "", ""},
	} {
		var members, elements []string
		for name, value := range strictjson.Members(row.in) {
			members = append(members, name+"="+value)
		}
		for value := range strictjson.Elements(row.in) {
			elements = append(elements, value)
		}
		if got := strings.Join(members, " "); got != row.members {
			t.Errorf("Members(%s): got %s, want %s", row.in, got, row.members)
		}
		if got := strings.Join(elements, "|"); got != row.elements {
			t.Errorf("Elements(%s): got %s, want %s", row.in, got, row.elements)
		}
	}
}

// FuzzRead compares Read with Parse, which uses jsontext. If Read and Parse accept the text,
// compareNested compares the other functions.
func FuzzRead(f *testing.F) {
	for _, row := range rows() {
		f.Add([]byte(row.in))
	}
	f.Add([]byte(`{"a":{"b":[1,{"c":"\ud83d\ude00"}]},"d":["\\\"",""]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		object, want := strictjson.Parse(bytes.Clone(data))
		var record strictjson.Record
		err := record.Read(data)
		if (err == nil) != (want == nil) {
			t.Fatalf("%q: got error %v from Read and error %v from Parse, want two errors or none", data, err, want)
		}
		if err != nil {
			return
		}
		if record.Len() != len(object) {
			t.Fatalf("%q: got %d members, want %d", data, record.Len(), len(object))
		}
		i := 0
		for name, value := range record.All() {
			if object[i].Name != name || string(object[i].Value) != value || record.Lookup(name) != value {
				t.Errorf("%q: got member %q with value %q, want member %q with value %q", data, name, value, object[i].Name, object[i].Value)
			}
			compareNested(t, object[i].Value)
			i++
		}
	})
}

// compareNested compares Members with Parse, and Elements with Array. It does this for the
// valid value v and for every value inside v.
func compareNested(t *testing.T, v jsontext.Value) {
	t.Helper()
	if elements, ok := strictjson.Array(v); ok {
		i := 0
		for element := range strictjson.Elements(string(v)) {
			if i == len(elements) || element != string(elements[i]) {
				t.Fatalf("%s: element %d: got %s, want the element that Array returns", v, i, element)
			}
			compareNested(t, elements[i])
			i++
		}
		if i != len(elements) {
			t.Errorf("%s: got %d elements, want %d", v, i, len(elements))
		}
	}
	if v.Kind() != '{' {
		return
	}
	object, err := strictjson.Parse(v)
	if err != nil {
		t.Fatalf("%s: %v", v, err)
	}
	i := 0
	for name, value := range strictjson.Members(string(v)) {
		if i == len(object) || name != object[i].Name || value != string(object[i].Value) {
			t.Fatalf("%s: member %d: got name %q and value %s, want the member that Parse returns", v, i, name, value)
		}
		if got := strictjson.Find(string(v), name); got != value {
			t.Errorf("%s: Find(%q): got %s, want %s", v, name, got, value)
		}
		compareNested(t, object[i].Value)
		i++
	}
	if i != len(object) {
		t.Errorf("%s: got %d members, want %d", v, i, len(object))
	}
}

// TestReadNearlyPlain changes a plain object at each place in many ways. Read and Parse must
// return the same result for each changed text.
func TestReadNearlyPlain(t *testing.T) {
	const claims = `{"aud":["a","b"], "exp":1767225900,"x":{"y":"z","w":[true,null,{"n":10}]},"custom_claims":{"a":false,"b":"c"}, "iss":"https://a.example","e":[],"o":{}}`
	compare := func(text string) {
		t.Helper()
		object, want := strictjson.Parse([]byte(text))
		var record strictjson.Record
		err := record.Read([]byte(text))
		if (err == nil) != (want == nil) || record.Len() != len(object) {
			t.Errorf("%s: got error %v and %d members, want error %v and %d members", text, err, record.Len(), want, len(object))
			return
		}
		for _, m := range object {
			if got := record.Lookup(m.Name); got != string(m.Value) {
				t.Errorf("%s: %q: got %s, want %s", text, m.Name, got, m.Value)
			}
		}
	}
	compare(claims)
	for i := range claims {
		compare(claims[:i])
		compare(claims[:i] + claims[i+1:])
		for _, c := range "\x00\n\x1f !\"#+,-./019:;EA[\\]eftnx{|}~\x7f\u0080é" {
			compare(claims[:i] + string(c) + claims[i:])
			compare(claims[:i] + string(c) + claims[i+1:])
		}
		for _, s := range []string{`"`, `":`, `,"x":1`, `,"a":1`, `{}`, `[]`, `[[[[[`, `]]]]`, `\"`, `\u0061`, "\xff", "\xc3", ",,", "1.5", "1e5", "-1", "00", "true", "nul"} {
			compare(claims[:i] + s + claims[i:])
		}
	}
}
