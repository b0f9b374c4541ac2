package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// moveSection gives the section of unreleased changes of a page a new heading, except if the
// section is empty. It returns the text of the section.
func moveSection(file, unreleased, heading string) (section string, err error) {
	page, err := os.ReadFile(file) //nolint:gosec // a page of the clone
	if err != nil {
		return "", err
	}
	moved, section, err := moveUnreleased(string(page), unreleased, heading, today())
	if err != nil {
		return "", fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	if section == "" {
		return "", nil
	}
	return section, writeFile(file, moved)
}

// moveUnreleased gives the section of unreleased changes a new heading, and adds an empty section
// in front. It returns the new page, and the text of the section. The text is empty if the
// section has only headings.
func moveUnreleased(page, unreleased, heading, date string) (moved, section string, err error) {
	before, rest, found := strings.Cut(page, "\n"+unreleased+"\n")
	if !found {
		return "", "", fmt.Errorf("there is no heading %q", unreleased)
	}
	for line := range strings.Lines(page) {
		if line = strings.TrimSpace(line); line == heading || strings.HasPrefix(line, heading+" ") {
			return "", "", fmt.Errorf("there is a heading %q already", heading)
		}
	}
	section, _, _ = strings.Cut("\n"+rest, "\n## ")
	section = strings.TrimSpace(section)
	moved = before + "\n" + unreleased + "\n\n" + heading + " - " + date + "\n" + rest
	if onlyHeadings(section) {
		section = ""
	}
	return moved, section, nil
}

// relativeLink matches the start of a link from a page in the root folder to a file of the
// repository.
var relativeLink = regexp.MustCompile(`\]\(([^)#:/][^)#:]*[)#])`)

// absoluteLinks changes the links in the text of a release, because the page of a release has a
// different address than the files.
func absoluteLinks(text, version string) string {
	return relativeLink.ReplaceAllString(text, "](https://"+modulePath+"/blob/"+version+"/$1")
}

func onlyHeadings(text string) bool {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return true
}

// today returns the date in UTC, so that it does not depend on the machine.
func today() string { return time.Now().UTC().Format(time.DateOnly) }

func writeFile(name, text string) error {
	return os.WriteFile(name, []byte(text), 0o644) //nolint:gosec // the files of a release are public
}
