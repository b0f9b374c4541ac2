package claim_test

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/claim"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// TestPathOfObject checks names that mean a member of a well-known object. Such a name is
// refused, and the error has the JSON pointer and the way to name a top-level claim.
func TestPathOfObject(t *testing.T) {
	for _, row := range []struct{ path, pointer, top string }{
		{"realm_access.roles", "/realm_access/roles", "/realm_access.roles"},
		{"realm_access/roles", "/realm_access/roles", "/realm_access~1roles"},
		{`realm_access["roles"]`, "/realm_access/roles", `/realm_access["roles"]`},
		{"realm_access[roles]", "/realm_access/roles", "/realm_access[roles]"},
		{"resource_access.api.roles", "/resource_access/api/roles", "/resource_access.api.roles"},
		{"resource_access.a/b.roles", "/resource_access/a~1b/roles", "/resource_access.a~1b.roles"},
		{"resource_access.a~b.roles", "/resource_access/a~0b/roles", "/resource_access.a~0b.roles"},
		{"resource_access.https://api.roles", "/resource_access/https:~1~1api/roles", "/resource_access.https:~1~1api.roles"},
		{`resource_access["api"].roles`, "/resource_access/api/roles", `/resource_access["api"].roles`},
		{"app_metadata.role", "/app_metadata/role", "/app_metadata.role"},
		{"app_metadata.", "/app_metadata/...", "/app_metadata."},
		{"app_metadata..role", "/app_metadata/...", "/app_metadata..role"},
	} {
		_, err := claim.ParsePath(row.path)
		if err == nil {
			t.Errorf("%s: got no error, want one", row.path)
			continue
		}
		for _, want := range []string{"JSON pointer " + strconv.Quote(row.pointer), "write " + strconv.Quote(row.top)} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got error %q, want the text %q", row.path, err, want)
			}
		}
		set, _ := json.Marshal(map[string]int{row.path: 7})
		if got := valueAt(t, row.top, set); got != "7" {
			t.Errorf("%s: the pointer %s finds %q, want 7", row.path, row.top, got)
		}
	}
	for _, name := range []string{"realm_access", "realm_access_roles", "realm_access:roles", "my.realm_access.roles", "Realm_Access.roles", "app_metadata-x"} {
		if _, err := claim.ParsePath(name); err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
		}
	}
}

// TestHint checks which names get a hint, and the JSON pointer in the hint.
func TestHint(t *testing.T) {
	for name, want := range map[string]string{
		"a.b":            "/a/b",
		"a.b.c":          "/a/b/c",
		"a~.b":           "/a~0/b",
		"a/b":            "/a/b",
		"kubernetes.io":  "/kubernetes/io",
		"a":              "",
		"/a.b":           "", // a pointer is explicit
		"/a/b":           "",
		"a..b":           "",
		".a":             "",
		"a.":             "",
		"a/":             "",
		"https://ns/x":   "",
		"https://a.b/x":  "",
		"custom:a.b":     "",
		"acme.com/roles": "",
	} {
		path, err := claim.ParsePath(name)
		if err != nil {
			t.Fatal(err)
		}
		got := claim.Hint{Path: &path}.String()
		if want == "" && got != "" || want != "" && !strings.HasSuffix(got, " "+strconv.Quote(want)) {
			t.Errorf("%s: got hint %q, want the pointer %q", name, got, want)
		}
	}
	if got := (claim.Hint{}).String(); got != "" {
		t.Errorf("no path: got hint %q, want none", got)
	}
}

// TestHintFindsMember builds objects in objects, joins the names with dots or with slashes as
// people do by mistake, and reads the value with the JSON pointer in the error or in the hint.
func TestHintFindsMember(t *testing.T) {
	rnd := rand.New(rand.NewPCG(20, 7)) //nolint:gosec // the names must be the same in each run
	names := []string{"a", "roles", "realm_access", "resource_access", "app_metadata", "é", "t~", "~1", "~", "x[0]", "q'", "sp ace", "$x"}
	refused, hinted := 0, 0
	for range 20_000 {
		list := make([]string, 2+rnd.IntN(3))
		var value any = 7
		for i := len(list) - 1; i >= 0; i-- {
			list[i] = names[rnd.IntN(len(names))]
			value = map[string]any{list[i]: value}
		}
		set, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.Join(list, []string{".", "/"}[rnd.IntN(2)])
		path, err := claim.ParsePath(name)
		text := ""
		if err != nil {
			refused++
			text = err.Error()
		} else {
			hinted++
			text = claim.Hint{Path: &path}.String()
		}
		_, text, ok := strings.Cut(text, "the JSON pointer ")
		quoted, prefixErr := strconv.QuotedPrefix(text)
		pointer, unquoteErr := strconv.Unquote(quoted)
		if !ok || prefixErr != nil || unquoteErr != nil {
			t.Fatalf("%q: got the text %q, want a JSON pointer", name, text)
		}
		if got := valueAt(t, pointer, set); got != "7" {
			t.Fatalf("%q: the pointer %q finds %q in %s, want 7", name, pointer, got, set)
		}
	}
	if refused < 2000 || hinted < 2000 {
		t.Errorf("got %d refused names and %d hints, want at least 2,000 of each", refused, hinted)
	}
}

// valueAt returns the value that a path finds in a claims set.
func valueAt(t *testing.T, pointer string, set []byte) string {
	t.Helper()
	var record strictjson.Record
	if err := record.Read(set); err != nil {
		t.Fatal(err)
	}
	path, err := claim.ParsePath(pointer)
	if err != nil {
		t.Fatalf("%q: %v", pointer, err)
	}
	return path.In(&record)
}
