package main

import (
	"os"
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

var table = []func(int) bool{
	func(n int) bool { return n > 1 },
}
`

// TestMutantsOf tests that every check of the constant source has its mutants, and that there
// are no other mutants.
func TestMutantsOf(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	mutants, err := mutantsOf(dir, "p.go")
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
		`. table: n > 1 -> true`,
		`. table: n > 1 -> false`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got the mutants\n%q, want\n%q", got, want)
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
			t.Errorf("the mutated source does not contain %s:\n%s", want, mutated)
		}
	}
}
