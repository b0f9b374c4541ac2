package names_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestCompatibilityPage checks docs/compatibility.md. Each line of names.txt must have a kind that
// the table of the page lists, and each listed kind must have a line. The versions of Go and gRPC on
// the page must be the versions in go.mod.
func TestCompatibilityPage(t *testing.T) {
	page := readFile(t, "docs/compatibility.md")
	var kinds []string
	for _, row := range regexp.MustCompile("(?m)^\\| [^|]+ \\| (`[^|]+) \\|").FindAllStringSubmatch(page, -1) {
		for _, kind := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			kinds = append(kinds, kind[1]+" ")
		}
	}
	if len(kinds) < 15 {
		t.Fatalf("got the kinds %q in docs/compatibility.md, want at least 15", kinds)
	}
	used := map[string]bool{}
	for line := range strings.Lines(readFile(t, "testdata/api/names.txt")) {
		longest := ""
		for _, kind := range kinds {
			if strings.HasPrefix(line, kind) && len(kind) > len(longest) {
				longest = kind
			}
		}
		if longest == "" {
			t.Errorf("got no kind of the line %q in docs/compatibility.md, want one", line)
		}
		used[longest] = true
	}
	for _, kind := range kinds {
		if !used[kind] {
			t.Errorf("got the kind %q in docs/compatibility.md, want only kinds of lines in names.txt", kind)
		}
	}

	mod := readFile(t, "go.mod")
	for _, row := range []struct{ pattern, before string }{
		{`(?m)^(go \d+\.\d+\.\d+)$`, "`"},
		{`(?m)^\tgoogle\.golang\.org/grpc v(\S+)$`, "google.golang.org/grpc "},
	} {
		version := regexp.MustCompile(row.pattern).FindStringSubmatch(mod)
		if version == nil || !strings.Contains(page, row.before+version[1]) {
			t.Errorf("got no text %q in docs/compatibility.md, want the version %q of go.mod", row.before, version)
		}
	}
}

// readFile returns the text of a file of the repository.
func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(repository + name) //nolint:gosec // a file of the repository
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
