package main

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// typed returns packages with the given source texts, by import path.
func typed(t *testing.T, sources map[string]string) map[string]*types.Package {
	t.Helper()
	packages := map[string]*types.Package{}
	for path, source := range sources {
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, "p.go", "package p\n"+source, 0)
		if err != nil {
			t.Fatal(err)
		}
		config := types.Config{Importer: importer.Default()}
		if packages[path], err = config.Check(path, files, []*ast.File{file}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return packages
}

func TestCompareTypes(t *testing.T) {
	for _, test := range []struct{ name, before, after, want string }{
		{"same", "func F(int)", "func F(n int)", ""},
		{"unexported", "func f(int)", "func f(string)", ""},
		{"new function", "", "func F()", "compatible: a: F: added"},
		{"removed function", "func F()", "", "INCOMPATIBLE: a: F: removed"},
		{"new parameter", "func F()", "func F(...int)", "INCOMPATIBLE: a: F: changed from func() to func(...int)"},
		{"new field", "type T struct{ A int }", "type T struct{ A, B int }", "compatible: a: T.B: added"},
		{"new method of an interface", "type T interface{ A() }", "type T interface{ A(); B() }", "INCOMPATIBLE: a: T.B: added"},
		{"struct is no longer comparable", "type T struct{ A int }", "type T struct{ A int; B []int }", "INCOMPATIBLE: a: T: old is comparable, new is not\ncompatible: a: T.B: added"},
	} {
		var got []string
		for _, d := range compareTypes(typed(t, map[string]string{"a": test.before}), typed(t, map[string]string{"a": test.after})) {
			got = append(got, d.String())
		}
		if strings.Join(got, "\n") != test.want {
			t.Errorf("%s: got\n%s\nwant\n%s", test.name, strings.Join(got, "\n"), test.want)
		}
	}
	report := compareTypes(typed(t, map[string]string{"a": ""}), typed(t, map[string]string{"b": ""}))
	if len(report) != 2 || report[0].String() != "INCOMPATIBLE: a: package removed" || report[1].String() != "compatible: b: package added" {
		t.Errorf("got %v, want a removed and a new package", report)
	}
}

func TestCompareNames(t *testing.T) {
	const file = "testdata/api/names.txt"
	tree := func(text string) string {
		dir := t.TempDir()
		if text == "" {
			return dir
		}
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := writeFile(filepath.Join(dir, file), text); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	for _, test := range []struct{ before, after, want string }{
		{"", "alert A\n", "compatible: " + file + ": alert A: added"},
		{"alert A\nalert B\n", "alert A\nalert B\n", ""},
		{"alert A\nalert B\n", "alert B\n", "INCOMPATIBLE: " + file + ": alert A: removed"},
		{"alert A\n", "alert B\n", "INCOMPATIBLE: " + file + ": alert A: removed compatible: " + file + ": alert B: added"},
		{"alert A\n", "", "INCOMPATIBLE: " + file + ": alert A: removed"},
	} {
		report, err := compareNames(tree(test.before), tree(test.after))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range report {
			got = append(got, d.String())
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%q and %q: got %s, want %s", test.before, test.after, strings.Join(got, " "), test.want)
		}
	}
}

func TestIsPublic(t *testing.T) {
	for path, want := range map[string]bool{
		modulePath: true, modulePath + "/jwks": true, modulePath + "/middleware/chibearer": true, modulePath + "/internalx": true,
		modulePath + "/internal/jws": false, modulePath + "/examples/demo": false, modulePath + "/tracing/internal/x": false, modulePath + "/x/testdata/y": false,
	} {
		if got := isPublic(path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}
