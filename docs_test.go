package bearer_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestIssuersPage wants docs/issuers.md to name only tests that there are.
func TestIssuersPage(t *testing.T) {
	page, err := os.ReadFile("docs/issuers.md")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, dir := range []string{".", "jwks", "internal/realissuers"} {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file) //nolint:gosec // a file of the tree
			if err != nil {
				t.Fatal(err)
			}
			tests.Write(source)
		}
	}
	named := regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(string(page), -1)
	if len(named) < 50 {
		t.Errorf("got %d names of tests in docs/issuers.md, want some for each quirk", len(named))
	}
	for _, name := range named {
		if !strings.Contains(tests.String(), "func "+name+"(t *testing.T)") {
			t.Errorf("docs/issuers.md names %s, and there is no such test", name)
		}
	}
}
