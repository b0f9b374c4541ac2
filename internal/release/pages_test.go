package main

import (
	"strings"
	"testing"
)

func TestMoveUnreleased(t *testing.T) {
	const start = "# Changelog\n\nText.\n\n"
	for _, test := range []struct{ name, page, moved, section, err string }{
		{
			"first", start + "## [Unreleased]\n\n### Added\n\n- a\n",
			start + "## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n### Added\n\n- a\n", "### Added\n\n- a", "",
		},
		{
			"second", start + "## [Unreleased]\n\n- b\n\n## [0.1.0] - 2026-11-01\n\n- a\n",
			start + "## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n- b\n\n## [0.1.0] - 2026-11-01\n\n- a\n", "- b", "",
		},
		{
			"empty", start + "## [Unreleased]\n\n## [0.1.0] - 2026-11-01\n\n- a\n",
			start + "## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n## [0.1.0] - 2026-11-01\n\n- a\n", "", "",
		},
		{
			"only a heading", start + "## [Unreleased]\n\n### Added\n\n## [0.1.0]\n",
			start + "## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n### Added\n\n## [0.1.0]\n", "", "",
		},
		{"no heading", start + "## Unreleased\n\n- a\n", "", "", "there is no heading"},
		{"released already", start + "## [Unreleased]\n\n- a\n\n## [0.2.0] - 2026-11-01\n", "", "", "there is a heading \"## [0.2.0]\" already"},
	} {
		moved, section, err := moveUnreleased(test.page, "## [Unreleased]", "## [0.2.0]", "2026-12-01")
		checkError(t, test.name, err, test.err)
		if moved != test.moved || section != test.section {
			t.Errorf("%s: got the section %q of the page\n%s\nwant %q of\n%s", test.name, section, moved, test.section, test.moved)
		}
	}
	if _, _, err := moveUnreleased("# U\n\n## Unreleased\n\n## 0.2.0\n", "## Unreleased", "## 0.2.0", "x"); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("got the error %v, want an error for a heading without a date", err)
	}
}

func TestAbsoluteLinks(t *testing.T) {
	const at = "https://" + modulePath + "/blob/v0.1.0/"
	for text, want := range map[string]string{
		"[a](docs/a.md)":             "[a](" + at + "docs/a.md)",
		"[a](A.md#b), [c](C.md)":     "[a](" + at + "A.md#b), [c](" + at + "C.md)",
		"[a](https://example.com/a)": "[a](https://example.com/a)",
		"[a](#b)":                    "[a](#b)",
		"[0.1.0] (a.md)":             "[0.1.0] (a.md)",
	} {
		if got := absoluteLinks(text, "v0.1.0"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
