package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sampleModule returns the files of a module. The test of package q fails without the check of
// p for 99. No test fails without the check of p for 50. The test of package p fails without
// the other checks of p.
func sampleModule() map[string]string {
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
		t.Error("1 must be allowed; -1 and 7 must not be allowed")
	}
}
`,
		"q/q.go": `// Package q calls p.
package q

import "example.com/m/p"

// Both reports whether a and b are allowed.
func Both(a, b int) bool { return p.Allowed(a) && p.Allowed(b) }
`,
		"q/q_test.go": `package q

import "testing"

func TestBoth(t *testing.T) {
	if !Both(1, 2) {
		t.Error("1 and 2 must be allowed")
	}
	t.Run("large", func(t *testing.T) {
		if Both(1, 101) {
			t.Error("101 must not be allowed")
		}
	})
}
`,
	}
}

// writeModule writes the files of a module to a new folder.
func writeModule(t *testing.T, files map[string]string) (root string) {
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

// TestTryAll tries all mutants of package p in sampleModule. It tests which test fails for each
// mutant.
func TestTryAll(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the go command is not installed")
	}
	root := writeModule(t, sampleModule())
	mutants, err := mutantsOf(root, "p/p.go")
	if err != nil {
		t.Fatal(err)
	}
	b, err := newTestbed(root, mutants)
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
		t.Errorf("got the verdicts\n%q, want\n%q", got, want)
	}

	// A mutant with a known result is not tried. For a mutant with a hint, the test in the hint runs
	// first.
	known := map[string]result{"p Allowed: n == 50 -> false": {red: "./p", test: "TestKnown"}}
	hints := map[string]result{"p Allowed: n < 0 -> false": {red: "./q", test: "TestBoth/none"}, "p Allowed: n != 7 -> false": {red: "./q", test: "TestBoth"}}
	want["p Allowed: n == 50 -> false"] = "red ./p TestKnown"
	want["p Allowed: n != 7 -> false"] = "red ./q TestBoth"
	results, err = b.tryAll(t.Context(), mutants, tests, known, hints)
	if err != nil {
		t.Fatal(err)
	}
	if got := verdicts(results); !maps.Equal(got, want) {
		t.Errorf("with the results of an earlier run: got the verdicts\n%q, want\n%q", got, want)
	}
}

func verdicts(results []result) map[string]string {
	got := make(map[string]string)
	for _, r := range results {
		got[r.name()] = strings.TrimSpace(r.verdict() + " " + r.red + " " + r.test)
	}
	return got
}

// TestTryMutantError tests that tryMutant returns an error if it cannot build the tests, or if
// the tests fail without an active mutant.
func TestTryMutantError(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the go command is not installed")
	}
	failing := sampleModule()
	failing["p/p.go"] = "package p\n\nfunc Allowed(n int) bool { return n != 1 }\n"
	for _, row := range []struct {
		name   string
		files  map[string]string
		suffix string // the text to insert after the condition; empty means the text of the mutant
		want   string
	}{
		{"mutant is not valid Go", sampleModule(), ") not Go", "cannot build the tests of ./p"},
		{"tests fail without a mutant", failing, "", "fail without an active mutant"},
	} {
		root := writeModule(t, row.files)
		mutants, err := mutantsOf(root, "p/p.go")
		if err != nil {
			t.Fatal(err)
		}
		if row.suffix != "" {
			mutants[0].suffix = row.suffix
		}
		b, err := newTestbed(root, mutants[:1])
		if err != nil {
			t.Fatal(err)
		}
		if r, err := b.tryMutant(t.Context(), mutants[0], []string{"./p"}, result{}); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got the verdict %s and the error %v, want an error that contains %q", row.name, r.verdict(), err, row.want)
		}
		if err := b.close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPattern(t *testing.T) {
	for test, want := range map[string]string{"TestRules/a(b)/c": "^TestRules$", "FuzzX": "^FuzzX$", "timeout": "", "": ""} {
		if got := (result{test: test}).pattern(); got != want {
			t.Errorf("failed test %q: got the pattern %q, want %q", test, got, want)
		}
	}
}
