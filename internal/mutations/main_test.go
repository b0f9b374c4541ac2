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

func ends(s string) (int, error) {
	var err error
	if len(s) > 9 {
		err = errors.New("no")
	}
	if err != nil {
		return 0, err
	}
	return 0, check(s, 1)
}

func search(list []string) *string {
	for i := range list {
		if list[i] == "x" {
			return &list[i]
		}
	}
	return nil
}

const one, two = 1, 2

func name(n int) string {
	switch n {
	case one:
		return "one"
	case two:
		return "two"
	}
	return "more"
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
		`. ends: check(s, 1) -> nil`,
		`. ends: len(s) > 9 -> false`,
		`. ends: err != nil -> false`,
		`. search: list[i] == "x" -> true`,
		`. search: list[i] == "x" -> false`,
		`. name: one -> another name`,
		`. name: two -> another name`,
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
		`case mutantName("a", 5), mutantName("b", 6):`, `return 0, mutantOther[error](check(s, 1), 8)`, `case mutantOther(one, 13):`, `return ((((s != "") || mutantOff == 15) && ((len(s) < 9) || mutantOff == 16)) && mutantOff != 17)`,
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

// TestTable writes a table, reads it, and compares it with sources that are the same
// and with others.
func TestTable(t *testing.T) {
	listed := ""
	for listed = range survivors {
		if strings.HasPrefix(listed, "internal/jws ") {
			break
		}
	}
	function, rest, _ := strings.Cut(strings.TrimPrefix(listed, "internal/jws "), ": ")
	what, becomes, _ := strings.Cut(rest, " -> ")
	mutants := []*mutant{
		{file: "internal/jws/header.go", function: function, what: what, becomes: becomes},
		{file: "internal/jws/header.go", function: "f", what: "a || `b|c` == 1", becomes: "false"},
		{file: "token.go", function: "T.f", what: "a", becomes: "another name"},
		{file: "token.go", function: "T.f", what: "a (2)", becomes: "nil"},
	}
	results := []result{
		{mutant: mutants[0]},
		{mutants[1], "./internal/jws", "TestMethods"},
		{mutants[2], ".", "TestRules/a|b_c/d"},
		{mutants[3], "./middleware", "does not end"},
	}
	document := render(results)
	known := read(document)
	for _, r := range results {
		got, ok := known[r.key()]
		if !ok || got.red != r.red || got.test != r.test {
			t.Errorf("%s: got %+v, %v, want %q %q", r.name(), got, ok, r.red, r.test)
		}
	}
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "internal/jws"), 0o700); err != nil {
		t.Fatal(err)
	}
	for file, test := range map[string]string{"internal/jws/x_test.go": "TestMethods", "x_test.go": "TestRules"} {
		if err := os.WriteFile(filepath.Join(root, file), []byte("package x\n\nfunc "+test+"(t *testing.T) {}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const elsewhere = "listed in survivors.go, and not there" // all others
	for name, row := range map[string]struct {
		document string
		mutants  []*mutant
		want     string
	}{
		"as it is":      {string(document), mutants, elsewhere},
		"a new check":   {string(document), append(mutants[:4:4], &mutant{file: "token.go", function: "g", what: "a", becomes: "true"}), "not in the table: . g: a -> true"},
		"a check less":  {string(document), mutants[:3], "its text is not"},
		"another why":   {strings.Replace(string(document), survivors[listed], "because", 1), mutants, "its text is not"},
		"no such test":  {strings.Replace(string(document), "TestMethods", "TestNone", 1), mutants, "no test TestNone in ./internal/jws"},
		"not a red one": {strings.Replace(string(document), "<details>", "", 1), mutants, "survived: internal/jws f"},
	} {
		err := check(root, []byte(row.document), row.mutants)
		if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "its text is not") == (name == "as it is" || name == "no such test") {
			t.Errorf("%s: got %.300v, want %q", name, err, row.want)
		}
	}
	if got := (result{test: "TestRules/a(b)/c"}).pattern(); got != "^TestRules$" {
		t.Errorf("got the pattern %s", got)
	}
	if got := (result{test: "does not end"}).pattern(); got != "" {
		t.Errorf("got the pattern %q of no test", got)
	}
}
