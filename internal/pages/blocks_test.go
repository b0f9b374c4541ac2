package pages_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// block is a fenced block of a page.
type block struct {
	page, section string // section is the nearest heading above the block
	line          int    // the line of the page on which the block begins
	language      string
	text          string
	above         string // the last line above the block that is not empty
}

// needsRepository skips a test in the module cache, which does not have the files of other modules.
func needsRepository(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root, stranger)); errors.Is(err, fs.ErrNotExist) {
		t.Skip("this is not the whole repository, but only its root module")
	}
}

// pages returns the names of all pages with commands, relative to the root.
func pages(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, pattern := range []string{
		"README.md", "SECURITY.md", "CONTRIBUTING.md", "RELEASE.md", "UPGRADING.md", "docs/*.md",
		"cmd/*/README.md", "examples/README.md", "examples/*/README.md", "internal/*/README.md",
	} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(names) == 0 && !strings.Contains(pattern, "/") {
			t.Fatalf("%s: got %d pages and error %v, want some", pattern, len(names), err)
		}
		for _, name := range names {
			list = append(list, filepath.ToSlash(strings.TrimPrefix(name, root+string(filepath.Separator))))
		}
	}
	return list
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	fence   = regexp.MustCompile("^( *)```([a-z]*)$")
	heading = regexp.MustCompile("^##* (.*)$")
	// indented matches a line that is a command in an indented block.
	indented = regexp.MustCompile(`^ {4,}(\$ |(go|git|curl|cd|docker|kubectl|promtool|sha256sum|bearer-\w+|grpcurl|openssl|npm) \S|token( [-|]|$)|\.ci/|CGO_ENABLED=)`)
)

// blocks returns the fenced blocks of a page in order. It reports commands that are in no block.
func blocks(t *testing.T, page string) []block {
	t.Helper()
	var list []block
	var open *block
	indent, section, above := "", "", ""
	for i, line := range strings.Split(read(t, page), "\n") {
		found := fence.FindStringSubmatch(line)
		switch {
		case open != nil && found != nil && found[1] == indent && found[2] == "":
			list, open, above = append(list, *open), nil, ""
		case open != nil:
			open.text += strings.TrimPrefix(line, indent) + "\n"
		case found != nil:
			indent = found[1]
			open = &block{page: page, section: section, line: i + 1, language: found[2], above: strings.TrimSpace(above)}
		case indented.MatchString(line):
			t.Errorf("%s:%d: got a command in an indented block, want a block that begins with ```sh", page, i+1)
		case heading.MatchString(line):
			section = heading.FindStringSubmatch(line)[1]
			above = ""
		case line != "":
			above = line
		}
	}
	if open != nil {
		t.Errorf("%s:%d: got a block without an end, want one with an end", page, open.line)
	}
	for _, b := range list {
		if slices.Contains([]string{"", "bash", "shell", "console", "zsh"}, b.language) {
			t.Errorf("%s:%d: got a block of language %q, want sh for commands, and another language for other texts", page, b.line, b.language)
		}
	}
	return list
}

// excuse is the sentence above commands that no test runs.
var excuse = regexp.MustCompile(`^The tests do not run these commands, because they need (.*)\.$`)

// excuses are the accepted reasons. CONTRIBUTING.md lists them.
var excuses = []string{
	"Docker", "kubectl", "a cluster", "Keycloak", "Traefik", "Envoy", "Grafana", "GitHub", "a release",
	"your own issuer", "a token of your issuer", "your proxy", "your own deployment",
}

// excused reports whether the sentence above a block says that no test runs it.
func excused(t *testing.T, b block) bool {
	t.Helper()
	match := excuse.FindStringSubmatch(b.above)
	if match == nil {
		return false
	}
	for _, need := range regexp.MustCompile(`, | and `).Split(match[1], -1) {
		if !slices.Contains(excuses, need) {
			t.Errorf("%s:%d: got the reason %q, want one of %q", b.page, b.line, need, excuses)
		}
	}
	return true
}

// TestExcuses checks that CONTRIBUTING.md lists each accepted reason.
func TestExcuses(t *testing.T) {
	page := strings.Join(strings.Fields(read(t, "CONTRIBUTING.md")), " ")
	if want := strings.Join(excuses[:len(excuses)-1], ", ") + " and " + excuses[len(excuses)-1]; !strings.Contains(page, want) {
		t.Errorf("CONTRIBUTING.md: want a list %q", want)
	}
}
