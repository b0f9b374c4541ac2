package main

import (
	"maps"
	"strings"
	"testing"
)

func TestParseSurvivors(t *testing.T) {
	got, err := parseSurvivors("text\n- not in the list\n\n" + survivorsHeading + "\nMore text.\n\n" +
		"- . check, T.f (2); p/q g: it decides nothing: here\n- p/q g: another reason\n")
	want := map[place]int{{".", "check"}: 1, {".", "T.f"}: 2, {"p/q", "g"}: 2}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, wrong := range []string{
		"no heading", survivorsHeading + "- p f\n", survivorsHeading + "- p f:\n", survivorsHeading + "- p f (x): reason\n", survivorsHeading + "- p: reason\n",
	} {
		if got, err := parseSurvivors(wrong); err == nil {
			t.Errorf("%q: got %v and no error, want one", wrong, got)
		}
	}
	if got, err := parseSurvivors(readme); err != nil || len(got) == 0 {
		t.Errorf("README.md: got %v, %v, want a list", got, err)
	}
}

func TestCompare(t *testing.T) {
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
		{"red", []result{red}, nil, all, ""},
		{"survivor", []result{survivor}, nil, nil, "p f: 1 survived, README.md lists 0:\n\tp/p.go:7 x -> false"},
		{"listed survivor", []result{survivor}, one, all, ""},
		{"more survivors than listed", []result{survivor, survivor}, one, all, "p f: 2 survived, README.md lists 1"},
		{"listed check is red", []result{red}, one, all, "p f: 0 survived, README.md lists 1: correct the list"},
		{"listed check was not tried", nil, one, nil, ""},
		{"listed check in another folder", nil, one, func(dir string) bool { return dir == "q" }, ""},
	} {
		got := ""
		if err := compare(row.results, row.allowed, row.whole); err != nil {
			got = err.Error()
		}
		if (got == "") != (row.want == "") || !strings.HasPrefix(got, row.want) {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}
