package stranger_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	readmePage   = "README.md"
	installPage  = "docs/install.md"
	examplesPage = "examples/README.md"
)

// page returns the text of a page of the release.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// section is a part of a page with its own heading.
type section struct {
	title, text string
}

// sections returns the sections of a page. The text in front of the first heading of the second
// level is a section too, without a title.
func sections(t *testing.T, name string) []section {
	t.Helper()
	var list []section
	for i, text := range regexp.MustCompile(`(?m)^## `).Split(page(t, name), -1) {
		title := ""
		if i > 0 {
			title, text, _ = strings.Cut(text, "\n")
		}
		list = append(list, section{title, text})
	}
	return list
}

// findSection returns the section with this title.
func findSection(t *testing.T, name, title string) section {
	t.Helper()
	for _, s := range sections(t, name) {
		if s.title == title {
			return s
		}
	}
	t.Fatalf("%s: got no section %q, want one", name, title)
	return section{}
}

// blocks returns the fenced blocks of a language.
func (s section) blocks(language string) []string {
	var blocks []string
	for _, match := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(s.text, -1) {
		blocks = append(blocks, match[1])
	}
	return blocks
}

// block returns the only fenced block of a language that contains a fragment.
func (s section) block(t *testing.T, language, fragment string) string {
	t.Helper()
	var found []string
	for _, block := range s.blocks(language) {
		if strings.Contains(block, fragment) {
			found = append(found, block)
		}
	}
	if len(found) != 1 {
		t.Fatalf("section %q: got %d blocks of language %s with %q, want 1", s.title, len(found), language, fragment)
	}
	return found[0]
}
