package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const source = `package p

import "errors"

func check(s string, n int) error {
	if s == "" || n < 0 {
		return errors.New("no")
	}
	if n == 7 && s == "seven" {
		return nil
	}
	switch s {
	case "a", "b":
		return errors.New("no")
	}
	switch {
	case n > 9:
		return errors.New("no")
	case n > 5:
		n = 5
	}
	if n == 3 {
		n = 4
	}
	return nil
}

func valid(s string) bool { return s != "" && len(s) < 9 }

func count(list []string) (n int) {
	for _, s := range list {
		if !valid(s) {
			continue
		}
		n++
	}
	return n
}
`

// TestFind wants every check of a source, and nothing else of it.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	mutants, err := find(dir, "p.go")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range mutants {
		got = append(got, m.name())
	}
	want := []string{
		`. check: s == "" -> false`,
		`. check: n < 0 -> false`,
		`. check: n == 7 -> true`,
		`. check: s == "seven" -> true`,
		`. check: "a" -> another name`,
		`. check: "b" -> another name`,
		`. check: n > 9 -> false`,
		`. valid: s != "" -> true`,
		`. valid: len(s) < 9 -> true`,
		`. valid: s != "" && len(s) < 9 -> false`,
		`. count: !valid(s) -> false`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
	numbers := make(map[*mutant]int)
	for i, m := range mutants {
		numbers[m] = i + 1
	}
	mutated := string(mutate([]byte(source), mutants, numbers))
	for _, want := range []string{
		`if ((s == "") && mutantOff != 1) || ((n < 0) && mutantOff != 2) {`, `if ((n == 7) || mutantOff == 3) && ((s == "seven") || mutantOff == 4) {`,
		`case mutantName("a", 5), mutantName("b", 6):`, `return ((((s != "") || mutantOff == 8) && ((len(s) < 9) || mutantOff == 9)) && mutantOff != 10)`,
	} {
		if !strings.Contains(mutated, want) {
			t.Errorf("got\n%s\nwant %s in it", mutated, want)
		}
	}
}

// TestTry switches off three checks of the reader of tokens, and one that nothing
// depends on: the whole way, with the few that are quick. The rest is run by hand.
func TestTry(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds packages again")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command")
	}
	const root = "../.."
	mutants, err := find(root, "internal/compact/compact.go")
	if err != nil {
		t.Fatal(err)
	}
	packages := []string{"./internal/compact"}
	none := &mutant{file: "internal/compact/compact.go", function: "none", what: "nothing", becomes: "the same", after: "/* %d */"}
	b, err := newBench(root, append(mutants[:3:3], none))
	if err != nil {
		t.Fatal(err)
	}
	defer b.close() //nolint:errcheck // a folder of the system for such things
	for _, m := range mutants[:3] {
		got, err := b.try(t.Context(), m, packages, result{})
		if err != nil {
			t.Fatal(err)
		}
		if got.verdict() != "red" || got.test == "" {
			t.Errorf("%s: got %s %q, want red", m.name(), got.verdict(), got.test)
		}
	}
	if got, err := b.try(t.Context(), none, packages, result{}); err != nil || got.verdict() != "SURVIVED" {
		t.Errorf("without a change: got %s, %v, want that it survived", got.verdict(), err)
	}
	mutants[0].after = ") not Go"
	broken, err := newBench(root, mutants[:1])
	if err != nil {
		t.Fatal(err)
	}
	defer broken.close() //nolint:errcheck // as above
	if _, err := broken.try(t.Context(), mutants[0], packages, result{}); err == nil {
		t.Error("not Go: got no error")
	}
}

// TestJudge wants a survivor that is not listed, and one that is none, to fail.
func TestJudge(t *testing.T) {
	m := &mutant{file: "p/p.go", function: "f", what: "x", becomes: "false"}
	if err := judge([]result{{mutant: m, red: "./p"}}, false); err != nil {
		t.Errorf("a mutant that is red: got %v", err)
	}
	if judge([]result{{mutant: m}}, false) == nil {
		t.Error("a mutant that survived: got no error")
	}
	for name := range survivors {
		if err := judge(nil, true); err == nil {
			t.Errorf("a list that names %q, which was not run: got no error", name)
		}
		break
	}
}
