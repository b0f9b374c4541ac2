package bearer_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// excerpts lists the pages whose Go code is a part of tested files, with these files.
var excerpts = map[string][]string{
	"docs/testing.md": {"bearertest/example_handlers_test.go", "interceptor/example_handlers_test.go"},
}

// TestGuideExcerpts tests that each block of Go code in the pages of excerpts is a part of one of
// the page's files, byte for byte. Directives for the linter do not count.
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
			if !strings.Contains(all, "\n"+block[1]) {
				t.Errorf("%s: got code that is not in %s:\n%s", page, strings.Join(files, ", "), block[1])
			}
		}
	}
}
