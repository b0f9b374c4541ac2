package main

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"strings"
)

const intro = `# Do the tests bite?

Each check of the verifier, of the guards and of what they read with is switched off
by itself, in a copy of its file, and the tests must fail then: those of the same
folder first, and those of the packages that use it. A check that can be switched off
without a test that fails is a missing test, and fails the program that tries, unless
its list says why nobody could tell.

What is a check, and what becomes of it:

- The condition of a branch that refuses, or keeps an error for later, becomes false,
  and each alternative of an "or" by itself.
- The condition of a branch that accepts becomes true, and each part of an "and" by
  itself.
- What a function answers with yes or no, and what a search returns where it found
  something, becomes the one and the other.
- The error with which a function ends becomes nil.
- A name or a constant that a switch tells apart becomes another one: a reason and
  its status, an algorithm, a kind of rule.

What is not tried: when keys are fetched again (jwks has tests and a drill for that,
with the time they take), the adapters of routers, what only explains or prints, and that a limit is one
higher or lower, which the vectors of testdata ask. Tests of allocations and of memory
are left out, since the switches themselves weigh.

This file is written by a program, and a step of .ci/run fails where its list of
checks is not that of the sources:

    go run ./internal/mutations -new      try what the file does not have, which takes a minute
    go run ./internal/mutations           try all, which takes twenty
    go run ./internal/mutations -check    compare, which takes a second
`

// key tells the rows of the table apart.
type key struct{ dir, function, what, becomes string }

func (m *mutant) key() key {
	return key{path.Dir(m.file), m.function, cell(m.what), m.becomes}
}

// caught is a check that turned tests red; those of a function are in one row.
const (
	caught  = "`%s` → %s: %s %s"
	between = "<br>"
)

// render makes the document.
func render(results []result) []byte {
	var b bytes.Buffer
	var order []string
	folders := make(map[string][]result)
	total, red := 0, 0
	for _, r := range results {
		dir := path.Dir(r.file)
		if folders[dir] == nil {
			order = append(order, dir)
		}
		folders[dir] = append(folders[dir], r)
		if total++; r.red != "" {
			red++
		}
	}
	fmt.Fprintf(&b, "%s\nOf %d checks, %d turn the tests red, and %d make no difference.\n", intro, total, red, total-red)
	b.WriteString("\n| package | checks | red | no difference |\n|---|---:|---:|---:|\n")
	for _, dir := range order {
		left := survived(folders[dir])
		fmt.Fprintf(&b, "| [%s](#%s) | %d | %d | %d |\n", title(dir), anchor(title(dir)), len(folders[dir]), len(folders[dir])-len(left), len(left))
	}
	for _, dir := range order {
		writeFolder(&b, title(dir), folders[dir])
	}
	return b.Bytes()
}

func writeFolder(b *bytes.Buffer, title string, results []result) {
	fmt.Fprintf(b, "\n## %s\n", title)
	left := survived(results)
	if len(left) > 0 {
		b.WriteString("\nMakes no difference:\n\n| function | check | became | why |\n|---|---|---|---|\n")
	}
	for _, r := range left {
		why := survivors[r.name()]
		if why == "" {
			why = "**a test is missing**"
		}
		fmt.Fprintf(b, "| %s | `%s` | %s | %s |\n", r.function, cell(r.what), r.becomes, why)
	}
	if len(left) == len(results) {
		return
	}
	fmt.Fprintf(b, "\n<details><summary>%d that turn the tests red</summary>\n\n| function | check → what it became: the test that failed |\n|---|---|\n", len(results)-len(left))
	function := ""
	for _, r := range results {
		if r.red == "" {
			continue
		}
		if r.function == function {
			b.WriteString(between)
		} else {
			if function != "" {
				b.WriteString(" |\n")
			}
			function = r.function
			fmt.Fprintf(b, "| %s | ", function)
		}
		fmt.Fprintf(b, caught, cell(r.what), r.becomes, strings.TrimPrefix(r.red, "./"), cell(r.test))
	}
	b.WriteString(" |\n\n</details>\n")
}

func survived(results []result) []result {
	var left []result
	for _, r := range results {
		if r.red == "" {
			left = append(left, r)
		}
	}
	return left
}

func title(dir string) string {
	if dir == "." {
		return "bearer"
	}
	return dir
}

// anchor is where a title is on the page.
func anchor(title string) string { return strings.ReplaceAll(title, "/", "") }

var (
	folderLine = regexp.MustCompile(`^## (\S+)$`)
	leftRow    = regexp.MustCompile("^\\| (\\S+) \\| `(.*)` \\| (true|false|nil|another name) \\| .+ \\|$")
	redRow     = regexp.MustCompile("^\\| (\\S+) \\| (`.*) \\|$")
	redCheck   = regexp.MustCompile("^`(.*)` → (true|false|nil|another name): (\\S+) (.+)$")
)

// read returns what a document says, which render made: the red ones, and those that
// made no difference.
func read(document []byte) map[key]result {
	known := make(map[key]result)
	dir, folded := "", false
	for line := range strings.Lines(string(document)) {
		line = strings.TrimSuffix(line, "\n")
		if m := folderLine.FindStringSubmatch(line); m != nil {
			if dir, folded = m[1], false; dir == "bearer" {
				dir = "."
			}
		}
		folded = folded || strings.HasPrefix(line, "<details>")
		if m := leftRow.FindStringSubmatch(line); m != nil && !folded {
			known[key{dir, m[1], m[2], m[3]}] = result{}
		}
		if m := redRow.FindStringSubmatch(line); m != nil && folded {
			for check := range strings.SplitSeq(m[2], between) {
				if c := redCheck.FindStringSubmatch(check); c != nil {
					known[key{dir, m[1], c[1], c[2]}] = result{red: packageOf(c[3]), test: strings.ReplaceAll(c[4], `\|`, "|")}
				}
			}
		}
	}
	return known
}

// packageOf is a package as the go command takes it, of the name that the page has.
func packageOf(name string) string {
	if name == "." {
		return name
	}
	return "./" + name
}

// cell makes text fit into a cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "`", "'", "\n", " ").Replace(text)
}
