package claim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/claim"
	"github.com/bearerkit/bearer/internal/strictjson"
)

func TestPath(t *testing.T) {
	const set = `{"a":1,"a.b":2,"https://ns/x":3,"o":{"i":{"n":4},"a/b":5,"t~":6},"null":null,"list":[{"i":7}]}`
	var members strictjson.Record
	if err := members.Read([]byte(set)); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ path, value, text string }{
		{"a", "1", "a"},
		{"a.b", "2", "a.b"},
		{"https://ns/x", "3", "https://ns/x"},
		{"/https:~1~1ns~1x", "3", "https://ns/x"},
		{"/o/i/n", "4", "/o/i/n"},
		{"/o/a~1b", "5", "/o/a/b"},
		{"/o/t~0", "6", "/o/t~"},
		{"null", "null", "null"},
		{"o.i", "", "o.i"},
		{"/o/x/n", "", "/o/x/n"},
		{"/a/b", "", "/a/b"},
		{"/list/0/i", "", "/list/0/i"}, // a pointer cannot select an element of an array
		{"missing", "", "missing"},
	} {
		path, err := claim.ParsePath(row.path)
		if err != nil {
			t.Errorf("%s: %v", row.path, err)
			continue
		}
		if got := path.In(&members); got != row.value || path.String() != row.text {
			t.Errorf("%s: got value %q and path %q, want value %q and path %q", row.path, got, path, row.value, row.text)
		}
		if got := path.Is(row.path); got != !strings.HasPrefix(row.path, "/") {
			t.Errorf("%s: Is: got %v, want %v", row.path, got, !got)
		}
	}
}

func TestDate(t *testing.T) {
	for value, want := range map[string]time.Time{
		"0":                      time.Unix(0, 0),
		"1700000000":             time.Unix(1700000000, 0),
		"1700000000.5":           time.Unix(1700000000, 5e8),
		"1.7e9":                  time.Unix(1700000000, 0),
		"-1":                     time.Unix(-1, 0),
		"253402300799":           time.Unix(253402300799, 0),
		"253402300800":           {},
		"1700000000000":          {}, // milliseconds
		"1e300":                  {},
		`"1700000000"`:           {},
		"null":                   {},
		"true":                   {},
		strings.Repeat("1", 100): {},
	} {
		got, err := claim.Date(value)
		if (err == nil) == want.IsZero() || err == nil && !got.Equal(want) {
			t.Errorf("%s: got time %v and error %v, want time %v (a zero time means an error)", value, got, err, want)
		}
	}
}
