package stranger_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCopiedExamples copies each example that examples/README.md allows to copy, as the page says.
// Each copy must build, and go vet must accept it with its tests.
func TestCopiedExamples(t *testing.T) {
	needsRelease(t)
	commands := findSection(t, examplesPage, "Copy an example").block(t, "sh", "git clone ")
	_, commands, found := strings.Cut(commands, "\ncd api\n")
	if !found || !strings.Contains(commands, "go mod init ") {
		t.Fatalf("%s: want commands after cd api, got %q", examplesPage, commands)
	}
	copied := 0
	for folder, how := range exampleRows(t) {
		if !strings.HasPrefix(how, "yes") {
			continue
		}
		copied++
		t.Run(folder, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "api")
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(released.tree, "examples", folder))); err != nil {
				t.Fatal(err)
			}
			if how == "yes, without the tests" {
				removeTests(t, dir)
			}
			_, missing := os.Stat(filepath.Join(dir, "go.mod"))
			for line := range strings.Lines(commands) {
				switch words := strings.Fields(line); {
				case words[1] == "run": // some programs need flags, and go vet below compiles all of them
				case slices.Contains(words, "init") && missing == nil: // the folder has a go.mod
				default:
					command(t, dir, words...)
				}
			}
			command(t, dir, "go", "vet", "./...")
			mod, err := os.ReadFile(filepath.Join(dir, "go.mod")) //nolint:gosec // a file of the test
			if err != nil || !strings.Contains(string(mod), "bearer "+version) || strings.Contains(string(mod), "replace") {
				t.Errorf("want a go.mod with the release and without replacements, got error %v and\n%s", err, mod)
			}
		})
	}
	if copied < 8 {
		t.Errorf("%s: got %d examples to copy, want at least 8", examplesPage, copied)
	}
}

// exampleRows returns the last column of the table in examples/README.md by folder. Each folder
// of the examples must have a row.
func exampleRows(t *testing.T) map[string]string {
	t.Helper()
	rows := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`.+`) \\| .* \\| (yes|no) \\| (.+) \\|$").FindAllStringSubmatch(page(t, examplesPage), -1) {
		for name := range strings.SplitSeq(row[1], ", ") {
			folder := strings.Trim(name, "`")
			rows[folder] = row[3]
			_, err := os.Stat(filepath.Join(released.tree, "examples", folder, "go.mod"))
			if want := map[bool]string{true: "yes", false: "no"}[err == nil]; row[2] != want {
				t.Errorf("%s: %s: got %q in the column of the module, want %q", examplesPage, folder, row[2], want)
			}
		}
	}
	entries, err := os.ReadDir(filepath.Join(released.tree, "examples"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if rows[entry.Name()] == "" && entry.IsDir() {
			t.Errorf("%s: got no row for the folder %s, want one", examplesPage, entry.Name())
		}
	}
	return rows
}

func removeTests(t *testing.T, dir string) {
	t.Helper()
	tests, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		if err := os.Remove(test); err != nil {
			t.Fatal(err)
		}
	}
}
