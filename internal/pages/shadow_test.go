package pages_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// constructed matches a statement such as "health := health.NewServer()", whose variable hides the
// package if both names are equal.
var constructed = regexp.MustCompile(`\b(\w+)(?:, \w+)* := (\w+)\.New`)

// TestShadowedPackages checks that no variable in the pages and the comments hides the package whose
// function returns it. The following lines of a reader's program may need the package.
func TestShadowedPackages(t *testing.T) {
	needsRepository(t)
	statements := 0
	check := func(where, text string) {
		for _, match := range constructed.FindAllStringSubmatch(text, -1) {
			if statements++; match[1] == match[2] {
				t.Errorf("%s: got %q, want a variable with a different name than the package", where, match[0])
			}
		}
	}
	for _, page := range pages(t) {
		check(page, read(t, page))
	}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != root && slices.Contains([]string{".git", ".ci", "internal", "testdata"}, entry.Name()) {
			return fs.SkipDir
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		text, err := os.ReadFile(name) //nolint:gosec // a file of the repository
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "//\t") {
				check(name, line)
			}
		}
		return err
	})
	if err != nil || statements < 10 {
		t.Errorf("got %d statements and error %v, want at least 10 and no error", statements, err)
	}
}
