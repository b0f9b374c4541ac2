package main

import (
	"os"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/bench/peers"
)

// TestOurs tests the verdicts of bearer. The other libraries are compared by hand.
func TestOurs(t *testing.T) {
	t.Chdir("..") // the command runs in internal/bench
	r, err := measure(t.Context(), compared()[0])
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, c := range r.cases {
		if names[c.name] {
			t.Errorf("got two cases with the name %q, want one", c.name)
		}
		names[c.name] = true
		if got, want := r.reached[c.name], c.valid(); got != want {
			t.Errorf("%s, %s: got accepted=%t, want %t", c.group, c.name, got, want)
		}
	}
	if len(names) < 100 {
		t.Errorf("got %d cases, want at least 100", len(names))
	}
}

// TestPage tests that docs/comparison.md has a row for each library, with its version and with the
// ratio of docs/speed.md. So the page must be written again if go.mod or docs/speed.md changes.
func TestPage(t *testing.T) {
	t.Chdir("..") // the command runs in internal/bench
	page, err := os.ReadFile("../../docs/comparison.md")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	ratios, err := ratios()
	if err != nil {
		t.Fatal(err)
	}
	for name := range service {
		found := 0
		for line := range strings.Lines(string(page)) {
			if cells := strings.Split(strings.ReplaceAll(line, "**", ""), " | "); cells[0] == "| "+name && len(cells) > 1 {
				found++
				if version := cells[1]; len(cells) == 8 && name != peers.Ours && !strings.Contains(string(mod), " "+version+"\n") {
					t.Errorf("%s: got version %s, want the version in go.mod", name, version)
				}
				if len(cells) == 8 && cells[3] != ratios[name] {
					t.Errorf("%s: got ratio %s, want %s", name, cells[3], ratios[name])
				}
			}
		}
		if found < 2 {
			t.Errorf("%s: got %d rows, want at least 2", name, found)
		}
	}
	rows, err := incidents()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if !strings.Contains(string(page), "| "+strings.Join(row, " | ")+" |\n") {
			t.Errorf("got no row %q as in docs/incidents.md, want one", row[0])
		}
	}
}
