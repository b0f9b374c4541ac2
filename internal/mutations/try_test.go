package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sample returns the files of a module. The tests of p fail without most checks of p, the
// test of q fails without the check of 99, and no test fails without the check of 50.
func sample() map[string]string {
	return map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.26\n",
		"p/p.go": `package p

func Allowed(n int) bool {
	if n < 0 {
		return false
	}
	if n > 99 {
		return false
	}
	if n == 50 {
		return false
	}
	return n != 7
}
`,
		"p/p_test.go": `package p

import "testing"

func TestAllowed(t *testing.T) {
	if !Allowed(1) || Allowed(-1) || Allowed(7) {
		t.Error("1 is allowed; -1 and 7 are not")
	}
}
`,
		"q/q.go": `// Package q calls p.
package q

import "example.com/m/p"

// Both reports whether two numbers are allowed.
func Both(a, b int) bool { return p.Allowed(a) && p.Allowed(b) }
`,
		"q/q_test.go": `package q

import "testing"

func TestBoth(t *testing.T) {
	if !Both(1, 2) {
		t.Error("1 and 2 are allowed")
	}
	t.Run("large", func(t *testing.T) {
		if Both(1, 101) {
			t.Error("101 is not allowed")
		}
	})
}
`,
	}
}

// write writes the files of a module to a new folder.
func write(t *testing.T, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for file, text := range files {
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// TestTry tries all mutants of the sample, and requires the name of the test that fails.
func TestTry(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command")
	}
	root := write(t, sample())
	mutants, err := find(root, "p/p.go")
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBench(root, mutants)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close() //nolint:errcheck // the folder is temporary
	tests := make(map[*mutant][]string)
	for _, m := range mutants {
		tests[m] = []string{"./p", "./q"}
	}
	want := map[string]string{
		"p Allowed: n < 0 -> false":   "red ./p TestAllowed",
		"p Allowed: n > 99 -> false":  "red ./q TestBoth/large",
		"p Allowed: n == 50 -> false": "SURVIVED",
		"p Allowed: n != 7 -> true":   "red ./p TestAllowed",
		"p Allowed: n != 7 -> false":  "red ./p TestAllowed",
	}
	results, err := b.tryAll(t.Context(), mutants, tests, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := verdicts(results); !maps.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}

	// A known mutant is not tried, and the test that a hint names runs first.
	known := map[string]result{"p Allowed: n == 50 -> false": {red: "./p", test: "TestKnown"}}
	hints := map[string]result{"p Allowed: n < 0 -> false": {red: "./q", test: "TestBoth/none"}, "p Allowed: n != 7 -> false": {red: "./q", test: "TestBoth"}}
	want["p Allowed: n == 50 -> false"] = "red ./p TestKnown"
	want["p Allowed: n != 7 -> false"] = "red ./q TestBoth"
	results, err = b.tryAll(t.Context(), mutants, tests, known, hints)
	if err != nil {
		t.Fatal(err)
	}
	if got := verdicts(results); !maps.Equal(got, want) {
		t.Errorf("with an earlier run: got\n%q, want\n%q", got, want)
	}
}

func verdicts(results []result) map[string]string {
	got := make(map[string]string)
	for _, r := range results {
		got[r.name()] = strings.TrimSpace(r.verdict() + " " + r.red + " " + r.test)
	}
	return got
}

// TestTryBroken requires an error, and no verdict, if the tests cannot be built or fail
// without a mutant.
func TestTryBroken(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command")
	}
	red := sample()
	red["p/p.go"] = "package p\n\nfunc Allowed(n int) bool { return n != 1 }\n"
	for _, row := range []struct {
		name  string
		files map[string]string
		after string // unless empty, the text to insert after the condition
		want  string
	}{
		{"not Go", sample(), ") not Go", "build the tests of ./p"},
		{"red without a mutant", red, "", "fail without a mutant"},
	} {
		root := write(t, row.files)
		mutants, err := find(root, "p/p.go")
		if err != nil {
			t.Fatal(err)
		}
		if row.after != "" {
			mutants[0].after = row.after
		}
		b, err := newBench(root, mutants[:1])
		if err != nil {
			t.Fatal(err)
		}
		if r, err := b.try(t.Context(), mutants[0], []string{"./p"}, result{}); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %s and error %v, want %q", row.name, r.verdict(), err, row.want)
		}
		if err := b.close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPattern(t *testing.T) {
	for test, want := range map[string]string{"TestRules/a(b)/c": "^TestRules$", "FuzzX": "^FuzzX$", "timeout": "", "": ""} {
		if got := (result{test: test}).pattern(); got != want {
			t.Errorf("%q: got %q, want %q", test, got, want)
		}
	}
}
