package main

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// change is the largest difference between two releases.
type change int

const (
	none         change = iota // the API and the names are the same
	compatible                 // there are new names
	incompatible               // a program that uses the last release may not compile or work
)

// checkSuccessor returns an error if version cannot follow the release last. last is empty
// before the first release. No number may be skipped, because a tag cannot be taken back: the
// public module proxies keep it.
func checkSuccessor(last, version string) error {
	if !semver.IsValid(version) || semver.Canonical(version) != version || semver.Prerelease(version) != "" {
		return fmt.Errorf("version %q: want a version such as v0.1.0, without a suffix", version)
	}
	want := []string{"v0.1.0"}
	if last != "" {
		major, minor, patch := numbers(last)
		want = []string{fmt.Sprintf("v%d.%d.%d", major, minor, patch+1), fmt.Sprintf("v%d.%d.0", major, minor+1)}
		if major == 0 { // v2 needs new module paths, so this program must change first
			want = append(want, "v1.0.0")
		}
	}
	if slices.Contains(want, version) {
		return nil
	}
	after := "as the first release"
	if last != "" {
		after = "after " + last
	}
	return fmt.Errorf("version %s: want %s %s", version, strings.Join(want, " or "), after)
}

// checkChange returns an error if the version is too small for the change since the release last.
// docs/compatibility.md has the rules. Before v1, a minor release may have the changes of a major
// release.
func checkChange(last, version string, c change) error {
	major, minor, _ := numbers(last)
	newMajor, newMinor, _ := numbers(version)
	isMajor, isMinor := newMajor > major, newMajor > major || newMinor > minor
	kind := "the new names above"
	if c == incompatible {
		kind = "the incompatible changes above"
	}
	switch {
	case c == none, isMajor, isMinor && (c == compatible || major == 0):
		return nil
	case c == compatible, major == 0:
		return fmt.Errorf("version %s is too small for %s; after %s, the next version is v%d.%d.0", version, kind, last, major, minor+1)
	}
	return fmt.Errorf("version %s is too small for %s; after %s, the next version is v%d.0.0, with new module paths", version, kind, last, major+1)
}

// numbers returns the three numbers of a canonical version.
func numbers(version string) (major, minor, patch int) {
	_, _ = fmt.Sscanf(version, "v%d.%d.%d", &major, &minor, &patch) // callers have checked the version
	return major, minor, patch
}

// lastRelease returns the largest version among the tags. It ignores pre-releases and the tags
// of nested modules. If there is no release, it returns an empty string.
func lastRelease(tags []string) string {
	last := ""
	for _, tag := range tags {
		if semver.Canonical(tag) == tag && semver.Prerelease(tag) == "" && semver.Compare(tag, last) > 0 {
			last = tag
		}
	}
	return last
}
