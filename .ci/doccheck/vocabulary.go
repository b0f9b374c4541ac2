package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// vocabularyFile holds the table of words that this project avoids.
const vocabularyFile = "CONTRIBUTING.md"

// A vocabulary finds the words that the project avoids.
type vocabulary struct {
	anywhere *regexp.Regexp // words, in any case
	start    *regexp.Regexp // words at the start of a statement
}

// span matches the text of a code span.
var span = regexp.MustCompile("`([^`]+)`")

// readVocabulary reads the code spans in the first column of the table below the
// heading "Words we avoid". A span that ends in "…" is avoided only at the start of a
// statement.
func readVocabulary(page []byte) (*vocabulary, error) {
	_, section, found := strings.Cut(string(page), "\n## Words we avoid\n")
	if !found {
		return nil, errors.New(vocabularyFile + ": no section \"Words we avoid\"")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var anywhere, start []string
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		for _, m := range span.FindAllStringSubmatch(cells[1], -1) {
			if word, ok := strings.CutSuffix(m[1], " …"); ok {
				start = append(start, regexp.QuoteMeta(word))
				continue
			}
			anywhere = append(anywhere, strings.ReplaceAll(regexp.QuoteMeta(m[1]), " ", `\s+`))
		}
	}
	if len(anywhere) == 0 || len(start) == 0 {
		return nil, errors.New(vocabularyFile + ": the table of words is empty")
	}
	return &vocabulary{
		anywhere: regexp.MustCompile(`(?i)\b(` + strings.Join(anywhere, "|") + `)\b`),
		start:    regexp.MustCompile(`^["(]*(` + strings.Join(start, "|") + `)( \S+){3,}[^?]$`),
	}, nil
}

// quotation matches a quotation, which others wrote.
var quotation = regexp.MustCompile(`"[^"\n]*"|“[^”]*”`)

// check returns a line for each avoided word in p.
func (v *vocabulary) check(p passage) []string {
	var lines []string
	for _, s := range sentences(p) {
		text := quotation.ReplaceAllString(s.text, `"…"`)
		found := v.anywhere.FindAllString(text, -1)
		if m := v.start.FindStringSubmatch(text); m != nil && !s.heading {
			found = append(found, m[1]+" …")
		}
		for _, word := range found {
			lines = append(lines, fmt.Sprintf("%s:%d: avoid %q (see %s): %s", s.file, s.line, word, vocabularyFile, s.text))
		}
	}
	return lines
}

// checkWords returns a line for each avoided word in the files below dir.
func checkWords(dir string) ([]string, error) {
	page, err := fs.ReadFile(os.DirFS(dir), vocabularyFile)
	if err != nil {
		return nil, err
	}
	v, err := readVocabulary(page)
	if err != nil {
		return nil, err
	}
	var lines []string
	err = each(dir, func(p passage) { lines = append(lines, v.check(p)...) })
	return lines, err
}

// each calls f for each passage of the files below dir.
func each(dir string, f func(passage)) error {
	names, err := files(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		source, err := fs.ReadFile(os.DirFS(dir), name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, but not yet in a commit
		}
		if err != nil {
			return err
		}
		found, err := passages(name, source)
		if err != nil {
			return err
		}
		for _, p := range found {
			f(p)
		}
	}
	return nil
}

// allSentences returns the sentences of the files below dir, in order.
func allSentences(dir string) ([]sentence, error) {
	var all []sentence
	err := each(dir, func(p passage) { all = append(all, sentences(p)...) })
	slices.SortStableFunc(all, sentence.compare)
	return all, err
}

// screenLines is the height of a screen.
const screenLines = 50

// screens returns n screens of Go files and of pages, drawn at random. The same seed
// draws the same screens from the same tree. A screen has five sentences or more.
func screens(dir string, extension string, n int, seed uint64) ([]string, error) {
	all, err := allSentences(dir)
	if err != nil {
		return nil, err
	}
	type screen struct {
		file  string
		first int
	}
	count := make(map[screen]int)
	var drawn []screen
	for _, s := range all {
		if filepath.Ext(s.file) != extension {
			continue
		}
		at := screen{s.file, (s.line-1)/screenLines*screenLines + 1}
		if count[at]++; count[at] == 5 {
			drawn = append(drawn, at)
		}
	}
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // the same seed must draw the same screens
	random.Shuffle(len(drawn), func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })
	var texts []string
	for _, at := range drawn[:min(n, len(drawn))] {
		source, err := fs.ReadFile(os.DirFS(dir), at.file)
		if err != nil {
			return nil, err
		}
		lines := strings.Split(string(source), "\n")
		lines = lines[at.first-1 : min(at.first-1+screenLines, len(lines))]
		texts = append(texts, fmt.Sprintf("== %s:%d (%d sentences)\n%s\n", at.file, at.first, count[at], strings.Join(lines, "\n")))
	}
	return texts, nil
}
