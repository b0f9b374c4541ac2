package pages_test

import (
	"strings"
	"testing"
)

// stranger is the folder of the tests that run commands with a release of this tree.
const stranger = "internal/release/stranger"

// elsewhere has the sections whose commands a test of another package runs. An empty section stands
// for the whole page. The tests of the folder must contain the test, the name of the page and all of
// names, such as the title of the section.
var elsewhere = []struct {
	page, section string
	fragment      string // if it is not empty, the row is only for blocks with this text
	blocks        int    // a new block needs a look at the test
	folder, test  string
	names         []string
}{
	{"README.md", "Ten minutes", "", 3, stranger, "TestReadme", []string{`"Ten minutes"`}},
	{"docs/install.md", "An issuer to try a program", "", 3, stranger, "TestExplain", []string{`"An issuer to try a program"`}},
	{"docs/install.md", "net/http", "", 1, stranger, "TestPrograms", []string{"[]string{\"net/http\", "}},
	{"docs/install.md", "chi", "", 1, stranger, "TestPrograms", []string{`"chi", "gin"`}},
	{"docs/install.md", "gin", "", 1, stranger, "TestPrograms", []string{`"chi", "gin"`}},
	{"docs/install.md", "echo v4", "", 1, stranger, "TestPrograms", []string{`"echo v4"`}},
	{"docs/install.md", "echo v5", "", 1, stranger, "TestPrograms", []string{`"echo v5"`}},
	{"docs/install.md", "gRPC", "", 2, stranger, "TestPrograms", []string{`"gRPC", "Metrics"`}},
	{"docs/install.md", "Metrics", "", 2, stranger, "TestPrograms", []string{`"Metrics", "Tracing"`}},
	{"docs/install.md", "Tracing", "", 1, stranger, "TestPrograms", []string{`"Metrics", "Tracing"`}},
	{"docs/install.md", "Tests of your own service", "", 1, stranger, "TestPrograms", []string{`"Tests of your own service"`}},
	{"examples/README.md", "With the issuer bearer-issuer", "", 4, stranger, "TestExamplesWithIssuer", []string{`"With the issuer bearer-issuer"`}},
	{"examples/README.md", "Copy an example", "git clone ", 1, stranger, "TestCopiedExamples", []string{`"Copy an example"`, `"git clone "`}},
	{"docs/first-endpoint.md", "", "", 5, "cmd/bearer-issuer", "TestFirstEndpoint", []string{"len(commands) != 5"}},
	{"cmd/bearer-issuer/README.md", "Call the endpoints with curl", "", 2, "examples/quickstart", "TestREADMEByHand", []string{`"CLIENT_ID=skc_"`}},
}

// ranElsewhere reports whether a test of another package runs the commands of a block.
func ranElsewhere(b block) bool {
	return rowOf(b) >= 0
}

// rowOf returns the index of the first row for a block, or -1.
func rowOf(b block) int {
	for i, row := range elsewhere {
		if b.language == "sh" && row.page == b.page && (row.section == "" || row.section == b.section) && strings.Contains(b.text, row.fragment) {
			return i
		}
	}
	return -1
}

// TestElsewhere checks that the pages have the blocks of each row in elsewhere, and that the named test
// exists, and that the tests beside it name the page.
func TestElsewhere(t *testing.T) {
	needsRepository(t)
	for i, row := range elsewhere {
		found := 0
		for _, b := range blocks(t, row.page) {
			if rowOf(b) == i {
				found++
			}
		}
		if found != row.blocks {
			t.Errorf("%s, section %q: got %d blocks with commands, want %d; if %s in %s runs all of them, correct the row", row.page, row.section, found, row.blocks, row.test, row.folder)
		}
		where := row.page + ", section " + row.section
		wantTest(t, where, row.folder, row.test)
		tests := sources(t, row.folder, "_test.go")
		for _, name := range append([]string{row.page}, row.names...) {
			if !strings.Contains(tests, name) {
				t.Errorf("%s: got no %s in the tests of %s, want a test that runs the commands", where, name, row.folder)
			}
		}
	}
}
