package main

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseSurvivors(t *testing.T) {
	got, err := parseSurvivors("text\n- not in the list\n\n" + survivorsHeading + "\nMore text.\n\n" +
		"- . check, T.f (2); p/q g: It decides nothing: here.\n- p/q g: A second explanation.\n")
	want := map[place]int{{".", "check"}: 1, {".", "T.f"}: 2, {"p/q", "g"}: 2}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v and the error %v, want %v and no error", got, err, want)
	}
	for _, wrong := range []string{
		"no heading", survivorsHeading + "- p f\n", survivorsHeading + "- p f:\n", survivorsHeading + "- p f (x): reason\n", survivorsHeading + "- p: reason\n",
	} {
		if got, err := parseSurvivors(wrong); err == nil {
			t.Errorf("%q: got %v and no error, want an error", wrong, got)
		}
	}
	if got, err := parseSurvivors(readme); err != nil || len(got) == 0 {
		t.Errorf("README.md: got %v and the error %v, want a list with elements and no error", got, err)
	}
}

func TestCompareSurvivors(t *testing.T) {
	survivor := result{mutant: &mutant{file: "p/p.go", function: "f", what: "x", becomes: "false", line: 7}}
	red := result{mutant: survivor.mutant, red: "./p", test: "TestF"}
	one := map[place]int{{"p", "f"}: 1}
	all := func(string) bool { return true }
	for _, row := range []struct {
		name    string
		results []result
		allowed map[place]int
		whole   func(string) bool
		want    string
	}{
		{"red check", []result{red}, nil, all, ""},
		{"survivor that is not listed", []result{survivor}, nil, nil, "p f: got the number of survivors 1, but README.md lists 0:\n\tp/p.go:7 x -> false"},
		{"listed survivor", []result{survivor}, one, all, ""},
		{"more survivors than listed", []result{survivor, survivor}, one, all, "p f: got the number of survivors 2, but README.md lists 1"},
		{"listed check that is red", []result{red}, one, all, "p f: got the number of survivors 0, but README.md lists 1; correct the list"},
		{"listed check in a folder that was not tried completely", nil, one, nil, ""},
		{"listed check in a different folder", nil, one, func(dir string) bool { return dir == "q" }, ""},
	} {
		got := ""
		if err := compareSurvivors(row.results, row.allowed, row.whole); err != nil {
			got = err.Error()
		}
		if (got == "") != (row.want == "") || !strings.HasPrefix(got, row.want) {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}

// TestSurvivorsExist tests that each function in the list of README.md exists and has enough
// checks. If a function has a new name, the list must have the new name too.
func TestSurvivorsExist(t *testing.T) {
	allowed, err := parseSurvivors(readme)
	if err != nil {
		t.Fatal(err)
	}
	const root = "../.."
	targets, err := findTargets(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	mutants, _, err := choice{root: root}.findMutants(targets)
	if err != nil {
		t.Fatal(err)
	}
	checks := make(map[place]int)
	for _, m := range mutants {
		checks[place{filepath.Dir(m.file), m.function}]++
	}
	for p, n := range allowed {
		if checks[p] < n {
			t.Errorf("%s: README.md lists %d checks, but the function has %d checks", p, n, checks[p])
		}
	}
}
