package bearer_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThreatModel tests that every promise in docs/threat-model.md names existing tests, and
// that the page has a section for each attacker. SECURITY.md must have a link to the page.
func TestThreatModel(t *testing.T) {
	needsRepository(t)
	page := readText(t, "docs/threat-model.md")
	if lines := strings.Count(page, "\n"); lines > 150 {
		t.Errorf("got %d lines, want at most 150", lines)
	}
	for _, section := range []string{"Assets", "Hostile client", "Hostile issuer", "Neighbouring tenant", "Careless proxy", "Reader of a store", "Mistake of the operator", "Not promised"} {
		if !strings.Contains(page, "\n## "+section+"\n") {
			t.Errorf("got no section %q, want one", section)
		}
	}
	rows := regexp.MustCompile(`(?m)^\| (.+) \| (.+) \|$`).FindAllStringSubmatch(page, -1)
	named := regexp.MustCompile("`([a-z0-9/]+) (Test\\w+)`")
	promises := 0
	for _, row := range rows {
		if row[1] == "promise" {
			continue
		}
		promises++
		tests := named.FindAllStringSubmatch(row[2], -1)
		if rest := named.ReplaceAllString(row[2], ""); len(tests) == 0 || strings.Trim(rest, ", ") != "" {
			t.Errorf("%s: got tests %q, want a list of packages and tests", row[1], row[2])
		}
		for _, test := range tests {
			if !hasTest(t, test[1], test[2]) {
				t.Errorf("%s: got %s %s, want the name of an existing test", row[1], test[1], test[2])
			}
		}
	}
	if promises < 30 {
		t.Errorf("got %d promises, want at least 30", promises)
	}
	if !strings.Contains(readText(t, "SECURITY.md"), "](docs/threat-model.md)") {
		t.Error("SECURITY.md: got no link to docs/threat-model.md, want one")
	}
}

// hasTest reports whether the test files in the folder of a package declare the test. The
// package bearer is in the root folder.
func hasTest(t *testing.T, dir, name string) bool {
	t.Helper()
	if dir == "bearer" {
		dir = "."
	}
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(dir), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file) //nolint:gosec // a file of the repository
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(source), "func "+name+"(t *testing.T)") {
			return true
		}
	}
	return false
}
