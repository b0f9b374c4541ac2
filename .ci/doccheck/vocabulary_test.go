package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const page = `# Contributing

## Words we avoid

| avoid | write | reason |
|---|---|---|
| ` + "`frobnicate`, `in sooth`" + ` | the client | why |
| ` + "`Thus …`" + ` | the noun | why |

## Next

| ` + "`issuer`" + ` | is | allowed |
`

func TestVocabulary(t *testing.T) {
	v, err := readVocabulary([]byte(page))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, text, want string // want: the word that is found, or empty
	}{
		{"plain", "The issuer signs the token.", ""},
		{"word", "It is frobnicate else.", "frobnicate"},
		{"word in capitals", "Frobnicate else signs.", "Frobnicate"},
		{"part of a word", "The frobnicated is high.", ""},
		{"phrase over two lines", "It is in\nsooth an error.", "in sooth"},
		{"start of a statement", "Thus is expired is refused.", "Thus …"},
		{"start of the second sentence", "It fails. Thus is expired is refused.", "Thus …"},
		{"inside a statement", "The guard returns Thus it found there.", ""},
		{"question", "Thus does the guard refuse?", ""},
		{"label", "Thus it does", ""},
		{"quotation", `The issue "frobnicate broke it" is closed.`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := v.check(passage{file: "p.go", line: 1, text: tt.text})
			got := strings.Join(lines, "\n")
			if want := fmt.Sprintf("avoid %q", tt.want); tt.want != "" && !strings.Contains(got, want) {
				t.Errorf("got %q, want %s", got, want)
			}
			if tt.want == "" && got != "" {
				t.Errorf("got %q, want nothing", got)
			}
		})
	}
}

func TestVocabularyIsMissing(t *testing.T) {
	for name, source := range map[string]string{
		"no section": "# Contributing\n",
		"no table":   "\n## Words we avoid\n\nNone.\n",
	} {
		if _, err := readVocabulary([]byte(source)); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// TestScreens draws from the tree that this test belongs to.
func TestScreens(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		t.Skip("this tree is not under version control")
	}
	one, err := screens(root, ".go", 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	again, err := screens(root, ".go", 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	other, err := screens(root, ".go", 10, 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(one) != 10 || strings.Join(one, "") != strings.Join(again, "") || strings.Join(one, "") == strings.Join(other, "") {
		t.Errorf("got %d screens, equal for one seed: %t, for two: %t; want 10, true, false", len(one),
			strings.Join(one, "") == strings.Join(again, ""), strings.Join(one, "") == strings.Join(other, ""))
	}
	for _, text := range one {
		if !regexp.MustCompile(`^== \S+\.go:\d+ \(\d+ sentences\)\n`).MatchString(text) {
			t.Errorf("got a screen without its place: %.60q", text)
		}
	}
}
