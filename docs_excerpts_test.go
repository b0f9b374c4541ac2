package bearer_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// excerpts lists the pages whose Go code is a part of tested files, with these files.
var excerpts = map[string][]string{
	"docs/testing.md":      {"bearertest/example_handlers_test.go", "interceptor/example_handlers_test.go"},
	"docs/reasons.md":      {"bearertest/example_client_test.go"},
	"docs/bound-tokens.md": {"middleware/example_bound_test.go", "interceptor/example_bound_test.go", "dpop/example_transport_test.go"},
}

// TestGuideExcerpts tests that each block with a Go function in the pages of excerpts is a part of one
// of the page's files, byte for byte. Directives for the linter do not count.
func TestGuideExcerpts(t *testing.T) {
	needsRepository(t)
	directive := regexp.MustCompile(`(?m) *//nolint:.*$`)
	for page, files := range excerpts {
		var sources []string
		for _, file := range files {
			sources = append(sources, directive.ReplaceAllString(readText(t, filepath.FromSlash(file)), ""))
		}
		blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(readText(t, filepath.FromSlash(page)), -1)
		if len(blocks) == 0 {
			t.Errorf("%s: got no Go code, want some", page)
		}
		all := "\n" + strings.Join(sources, "\n")
		for _, block := range blocks {
			if strings.Contains("\n"+block[1], "\nfunc ") && !strings.Contains(all, "\n"+block[1]) {
				t.Errorf("%s: got code that is not in %s:\n%s", page, strings.Join(files, ", "), block[1])
			}
		}
	}
}

// TestGuideProfiles tests docs/profiles.md: the flow chart and the table contain only profiles that
// exist, and the table contains every profile.
func TestGuideProfiles(t *testing.T) {
	page := guidePages(t)["docs/profiles.md"]
	chart := regexp.MustCompile("(?s)```mermaid\n(.*?)```").FindString(page)
	_, table, _ := strings.Cut(page, "\n## Profiles by product\n")
	name := regexp.MustCompile(`bearer\.(\w+)`)
	if !name.MatchString(chart) {
		t.Error("docs/profiles.md: got no profile in the flow chart, want some")
	}
	known := map[string]bool{"ProfileByName": true}
	for _, profile := range regexp.MustCompile(`(?m)^var (\w+) = Profile\(`).FindAllStringSubmatch(readText(t, "testdata/api/bearer.txt"), -1) {
		known[profile[1]] = true
		if !strings.Contains(table, "| `bearer."+profile[1]+"` |") {
			t.Errorf("docs/profiles.md: got no row with bearer.%s, want one", profile[1])
		}
	}
	if len(known) < 20 {
		t.Errorf("got %d profiles in testdata/api/bearer.txt, want at least 20", len(known))
	}
	for _, profile := range name.FindAllStringSubmatch(chart+table, -1) {
		if !known[profile[1]] {
			t.Errorf("docs/profiles.md: got %s, want a profile that exists", profile[0])
		}
	}
}
