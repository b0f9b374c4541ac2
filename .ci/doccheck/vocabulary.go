package main

import (
	"cmp"
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

// vocabularyFile contains the table of the words that the project avoids.
const vocabularyFile = "CONTRIBUTING.md"

// A vocabulary finds the words that the project avoids.
type vocabulary struct {
	anywhere *regexp.Regexp // words that are avoided everywhere
	start    *regexp.Regexp // words that are avoided at the start of a statement
}

// readVocabulary reads the table below the heading "Words we avoid". Each code span in the
// first column is an avoided text. If the code span ends with "…", the text is avoided only at
// the start of a statement.
func readVocabulary(page []byte) (*vocabulary, error) {
	_, section, found := strings.Cut(string(page), "\n## Words we avoid\n")
	if !found {
		return nil, errors.New(vocabularyFile + " has no section \"Words we avoid\"")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var anywhere, start []string
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		for _, m := range codeSpan.FindAllStringSubmatch(cells[1], -1) {
			if word, ok := strings.CutSuffix(m[1], " …"); ok {
				start = append(start, regexp.QuoteMeta(word))
				continue
			}
			anywhere = append(anywhere, strings.ReplaceAll(regexp.QuoteMeta(m[1]), " ", `\s+`))
		}
	}
	if len(anywhere) == 0 || len(start) == 0 {
		return nil, errors.New(vocabularyFile + ": the table of the section \"Words we avoid\" contains no words")
	}
	return &vocabulary{
		anywhere: regexp.MustCompile(`(?i)\b(` + strings.Join(anywhere, "|") + `)\b`),
		start:    regexp.MustCompile(`^["(]*(` + strings.Join(start, "|") + `)( \S+){3,}[^?]$`),
	}, nil
}

// quotation matches a text in quotation marks. The check ignores this text, because it may be
// the text of other people.
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

// checkWords returns a line for each avoided word in the files below dir. The file
// vocabularyFile in dir contains the avoided words.
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
	err = forEachPassage(dir, func(p passage) { lines = append(lines, v.check(p)...) })
	return lines, err
}

// forEachPassage calls f for each passage of the files below dir.
func forEachPassage(dir string, f func(passage)) error {
	names, err := listFiles(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		source, err := fs.ReadFile(os.DirFS(dir), name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the file is deleted, but the deletion is not in a commit
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

// allSentences returns the sentences of the files below dir, sorted by file and line.
func allSentences(dir string) ([]passage, error) {
	var all []passage
	err := forEachPassage(dir, func(p passage) { all = append(all, sentences(p)...) })
	slices.SortStableFunc(all, func(a, b passage) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line))
	})
	return all, err
}

// screenLines is the number of lines of a screen.
const screenLines = 50

// screens returns n screens of the files below dir, selected at random. A screen is a part of a
// file with this extension, and contains five or more of the sentences in all. With the same
// seed and the same tree, the result is the same.
func screens(dir string, all []passage, extension string, n int, seed uint64) ([]string, error) {
	type screen struct {
		file  string
		first int
	}
	count := make(map[screen]int)
	var candidates []screen
	for _, s := range all {
		if filepath.Ext(s.file) != extension {
			continue
		}
		at := screen{s.file, (s.line-1)/screenLines*screenLines + 1}
		if count[at]++; count[at] == 5 {
			candidates = append(candidates, at)
		}
	}
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // the same seed must select the same screens
	random.Shuffle(len(candidates), func(i, j int) { candidates[i], candidates[j] = candidates[j], candidates[i] })
	var texts []string
	for _, at := range candidates[:min(n, len(candidates))] {
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
