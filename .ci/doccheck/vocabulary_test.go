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
		name, text, want string // want is the avoided word that check must find, or empty
	}{
		{"text without avoided words", "The issuer signs the token.", ""},
		{"avoided word", "It is frobnicate else.", "frobnicate"},
		{"avoided word that begins with a capital letter", "Frobnicate else signs.", "Frobnicate"},
		{"avoided word as a part of a word", "The frobnicated is high.", ""},
		{"avoided phrase on two lines", "It is in\nsooth an error.", "in sooth"},
		{"start of a statement", "Thus is expired is refused.", "Thus …"},
		{"start of the second sentence", "It fails. Thus is expired is refused.", "Thus …"},
		{"word that is avoided only at the start, inside a statement", "The guard returns Thus it found there.", ""},
		{"start of a question", "Thus does the guard refuse?", ""},
		{"start of a short text", "Thus it does", ""},
		{"avoided word in a quotation", `The issue "frobnicate broke it" is closed.`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := v.check(passage{file: "p.go", line: 1, text: tt.text})
			got := strings.Join(lines, "\n")
			if want := fmt.Sprintf("avoid %q", tt.want); tt.want != "" && !strings.Contains(got, want) {
				t.Errorf("got the lines %q, want a line that contains %q", got, want)
			}
			if tt.want == "" && got != "" {
				t.Errorf("got the lines %q, want no line", got)
			}
		})
	}
}

func TestReadVocabularyError(t *testing.T) {
	for name, source := range map[string]string{
		"page without the section": "# Contributing\n",
		"section without a table":  "\n## Words we avoid\n\nNone.\n",
	} {
		if _, err := readVocabulary([]byte(source)); err == nil {
			t.Errorf("%s: got no error, want an error", name)
		}
	}
}

// TestScreens selects screens from the tree that contains this test.
func TestScreens(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		t.Skip("the tree is not under version control")
	}
	all, err := allSentences(root)
	if err != nil {
		t.Fatal(err)
	}
	one, err := screens(root, all, ".go", 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	again, err := screens(root, all, ".go", 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	other, err := screens(root, all, ".go", 10, 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(one) != 10 || strings.Join(one, "") != strings.Join(again, "") || strings.Join(one, "") == strings.Join(other, "") {
		t.Errorf("got %d screens, equal with the same seed = %t, equal with different seeds = %t; want 10 screens, true and false", len(one),
			strings.Join(one, "") == strings.Join(again, ""), strings.Join(one, "") == strings.Join(other, ""))
	}
	for _, text := range one {
		if !regexp.MustCompile(`^== \S+\.go:\d+ \(\d+ sentences\)\n`).MatchString(text) {
			t.Errorf("got the screen %.60q, want a screen that begins with the file, the line and the number of sentences", text)
		}
	}
}
