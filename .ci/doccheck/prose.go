package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// A passage is one piece of text: a comment, a paragraph, a cell of a table, or a string.
type passage struct {
	file    string
	line    int // the line where the text begins
	text    string
	heading bool // whether the text is a heading, which need not be a sentence
}

// listFiles returns the files under version control below dir. The paths are relative to dir.
func listFiles(dir string) ([]string, error) {
	cmd := exec.Command("git", "ls-files", "-z")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimRight(string(out), "\x00"), "\x00"), nil
}

// passages returns the passages of a file. It returns no passages for a generated Go file, and
// for a file whose extension is not in the switch.
func passages(name string, source []byte) ([]passage, error) {
	switch filepath.Ext(name) {
	case ".go":
		return goPassages(name, source)
	case ".md":
		return markdown(name, source), nil
	case ".html":
		return html(name, source), nil
	case ".yml", ".yaml", ".conf", ".proto", ".mjs":
		return comments(name, source), nil
	case "":
		if base := filepath.Base(name); name == ".ci/run" || base == "Caddyfile" {
			return comments(name, source), nil
		}
	}
	return nil, nil
}

// severalWords matches a text of three or more words. Shorter strings are names or values.
var severalWords = regexp.MustCompile(`[A-Za-z]{2,}[ ,]+(\S+ )*[A-Za-z]{2,}[ ,:]+\S`)

// nolintComment matches a linter exception. The group is the explanation.
var nolintComment = regexp.MustCompile(`^//nolint\S*\s*//\s*(.*)`)

func goPassages(name string, source []byte) ([]passage, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil || ast.IsGenerated(file) {
		return nil, err
	}
	var found []passage
	add := func(pos token.Pos, text string) {
		if strings.TrimSpace(text) != "" {
			found = append(found, passage{file: name, line: fset.Position(pos).Line, text: text})
		}
	}
	for _, group := range file.Comments {
		add(group.Pos(), removeCode(group.Text()))
		for _, c := range group.List {
			if m := nolintComment.FindStringSubmatch(c.Text); m != nil {
				add(c.Pos(), m[1])
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			n.Tag = nil // a struct tag is data
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				if s, err := strconv.Unquote(n.Value); err == nil && severalWords.MatchString(s) {
					add(n.Pos(), s)
				}
			}
		}
		return true
	})
	return found, nil
}

// removeCode makes the indented lines of a doc comment empty, because these lines are code.
func removeCode(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "    ") {
			lines[i] = ""
		}
	}
	return strings.Join(lines, "\n")
}

// listItem matches the beginning of an item in a list.
var listItem = regexp.MustCompile(`^ *([-*+]|\d+\.) `)

// codeSpan matches code within a line of Markdown. The group is the text of the code.
var codeSpan = regexp.MustCompile("`([^`]+)`")

func markdown(name string, source []byte) []passage {
	var found []passage
	var current *passage
	fenced := false
	for i, line := range strings.Split(string(source), "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			current = nil
			continue
		}
		switch trimmed := strings.TrimSpace(line); {
		case fenced || trimmed == "" || strings.HasPrefix(line, "    ") && current == nil:
			current = nil
			continue
		case strings.HasPrefix(trimmed, "#"):
			found = append(found, passage{file: name, line: i + 1, text: strings.TrimLeft(trimmed, "# "), heading: true})
			current = nil
			continue
		case strings.HasPrefix(trimmed, "|"):
			for cell := range strings.SplitSeq(strings.Trim(trimmed, "|"), "|") {
				if cell = strings.TrimSpace(cell); strings.Trim(cell, "-: ") != "" {
					found = append(found, passage{file: name, line: i + 1, text: cell})
				}
			}
			current = nil
			continue
		case current == nil || listItem.MatchString(line):
			found = append(found, passage{file: name, line: i + 1})
			current = &found[len(found)-1]
		}
		current.text += listItem.ReplaceAllString(line, "") + "\n"
	}
	for i := range found {
		found[i].text = codeSpan.ReplaceAllString(found[i].text, "`…`")
	}
	return found
}

var (
	invisible = regexp.MustCompile(`(?s)<(script|style)\b.*?</(script|style)>|<!--.*?-->`)
	inline    = regexp.MustCompile(`</?(a|b|code|em|i|kbd|span|strong|small)\b[^>]*>`)
	block     = regexp.MustCompile(`<[^>]*>`)
)

func html(name string, source []byte) []passage {
	blank := func(b []byte) []byte { return bytes.Repeat([]byte("\n"), bytes.Count(b, []byte("\n"))) }
	source = invisible.ReplaceAllFunc(source, blank)
	source = inline.ReplaceAllFunc(source, blank)
	source = block.ReplaceAllFunc(source, func(b []byte) []byte { return append(blank(b), 0) })
	var found []passage
	line := 1
	for text := range strings.SplitSeq(string(source), "\x00") {
		if severalWords.MatchString(text) {
			start := line + strings.Count(text[:len(text)-len(strings.TrimLeft(text, " \t\n"))], "\n")
			found = append(found, passage{file: name, line: start, text: text})
		}
		line += strings.Count(text, "\n")
	}
	return found
}

var (
	comment = regexp.MustCompile(`(^|\s)(#|//) (.*)`)
	value   = regexp.MustCompile(`(?:: |^ *- |['"])([^#]*)$`)
)

// comments returns the comments of a file in which # or // begins a comment. It also returns
// the values that are text of three or more words. Comments on consecutive lines are one
// passage.
func comments(name string, source []byte) []passage {
	var found []passage
	last := -1 // the line of the last comment
	for i, line := range strings.Split(string(source), "\n") {
		if m := comment.FindStringSubmatch(line); m != nil {
			if whole := strings.TrimSpace(line) == strings.TrimSpace(m[0]); whole && last == i-1 && last >= 0 {
				found[len(found)-1].text += "\n" + m[3]
			} else {
				found = append(found, passage{file: name, line: i + 1, text: m[3]})
			}
			last = i
			continue
		}
		if m := value.FindStringSubmatch(line); m != nil && severalWords.MatchString(m[1]) {
			found = append(found, passage{file: name, line: i + 1, text: strings.Trim(m[1], `"'`)})
		}
	}
	return found
}

// sentenceEnd matches the end of a sentence and the space after the sentence.
var sentenceEnd = regexp.MustCompile(`[.!?]["')\]*_]*\s+|\n\s*\n`)

var (
	abbreviation = regexp.MustCompile(`\b(e\.g|i\.e|vs|cf)\.$`)
	lower        = regexp.MustCompile(`^[ \n][a-z]`) // the text after a full stop that does not end a sentence
)

// sentences splits p into passages of one sentence. A line break in a sentence becomes a space.
func sentences(p passage) []passage {
	var found []passage
	add := func(from, to int) {
		text := p.text[from:to]
		lead := text[:len(text)-len(strings.TrimLeft(text, " \t\n"))]
		if text = strings.Join(strings.Fields(text), " "); text != "" {
			s := p
			s.line += strings.Count(p.text[:from]+lead, "\n")
			s.text = text
			found = append(found, s)
		}
	}
	from := 0
	for _, at := range sentenceEnd.FindAllStringIndex(p.text, -1) {
		if abbreviation.MatchString(p.text[:at[0]+1]) || lower.MatchString(p.text[at[1]-1:]) {
			continue
		}
		add(from, at[1])
		from = at[1]
	}
	add(from, len(p.text))
	return found
}
