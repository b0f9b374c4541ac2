package pages_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// stranger is the folder of the tests that run commands with a release of this tree.
const stranger = "internal/release/stranger"

// elsewhere has the sections whose commands a test of another package runs. The files of the test must
// contain all of names, such as the name of the page and the title of the section. An empty section
// stands for the whole page.
var elsewhere = []struct {
	page, section string
	fragment      string // if it is not empty, the row is only for blocks with this text
	files         string // a pattern
	names         []string
}{
	{"README.md", "Ten minutes", "", stranger + "/*_test.go", []string{`"README.md"`, `"Ten minutes"`}},
	{"docs/install.md", "An issuer to try a program", "", stranger + "/*_test.go", []string{`"docs/install.md"`, `"An issuer to try a program"`}},
	{"docs/install.md", "net/http", "", stranger + "/programs_test.go", []string{"[]string{\"net/http\", "}},
	{"docs/install.md", "chi", "", stranger + "/programs_test.go", []string{`"chi", "gin"`}},
	{"docs/install.md", "gin", "", stranger + "/programs_test.go", []string{`"chi", "gin"`}},
	{"docs/install.md", "echo v4", "", stranger + "/programs_test.go", []string{`"echo v4"`}},
	{"docs/install.md", "echo v5", "", stranger + "/programs_test.go", []string{`"echo v5"`}},
	{"docs/install.md", "gRPC", "", stranger + "/programs_test.go", []string{`"gRPC", "Metrics"`}},
	{"docs/install.md", "Metrics", "", stranger + "/programs_test.go", []string{`"Metrics", "Tracing"`}},
	{"docs/install.md", "Tracing", "", stranger + "/programs_test.go", []string{`"Metrics", "Tracing"`}},
	{"docs/install.md", "Tests of your own service", "", stranger + "/programs_test.go", []string{`"Tests of your own service"`}},
	{"examples/README.md", "With the issuer bearer-issuer", "", stranger + "/withissuer_test.go", []string{`"With the issuer bearer-issuer"`}},
	{"examples/README.md", "Copy an example", "git clone ", stranger + "/examples_test.go", []string{`"Copy an example"`, `"git clone "`}},
	{"docs/first-endpoint.md", "", "", "cmd/bearer-issuer/endpoint_test.go", []string{"docs/first-endpoint.md", "len(commands) != 5"}},
	{"cmd/bearer-issuer/README.md", "Call the endpoints with curl", "", "examples/quickstart/readme_test.go", []string{`"cmd/bearer-issuer/README.md"`, `"CLIENT_ID=skc_"`}},
}

// ranElsewhere reports whether a test of another package runs the commands of a block.
func ranElsewhere(b block) bool {
	for _, row := range elsewhere {
		if row.page == b.page && (row.section == "" || row.section == b.section) && strings.Contains(b.text, row.fragment) {
			return true
		}
	}
	return false
}

// TestElsewhere checks that the pages have the sections in elsewhere, and that the tests name them.
func TestElsewhere(t *testing.T) {
	needsRepository(t)
	for _, row := range elsewhere {
		found := false
		for _, b := range blocks(t, row.page) {
			found = found || b.language == "sh" && (row.section == "" || b.section == row.section)
		}
		if !found {
			t.Errorf("%s: got no commands in section %q, want some; otherwise remove the row", row.page, row.section)
		}
		files, err := filepath.Glob(filepath.Join(root, row.files))
		if err != nil || len(files) == 0 {
			t.Errorf("%s: got no file and error %v, want some", row.files, err)
			continue
		}
		var sources strings.Builder
		for _, name := range files {
			sources.WriteString(read(t, strings.TrimPrefix(filepath.ToSlash(name), root+"/")))
		}
		for _, name := range row.names {
			if !strings.Contains(sources.String(), name) {
				t.Errorf("%s, section %q: got no %s in %s, want a test that runs the commands", row.page, row.section, name, row.files)
			}
		}
	}
}
