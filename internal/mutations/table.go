package main

import (
	"bytes"
	"fmt"
	"path"
	"strings"
)

// judge fails where a check can be switched off and nobody notices, where the list
// of those that may says so of one that is noticed, and, after a whole run, where
// it names one that there is not.
func judge(results []result, whole bool) error {
	var wrong []string
	seen := make(map[string]bool)
	for _, r := range results {
		name := r.name()
		seen[name] = true
		_, listed := survivors[name]
		switch {
		case r.verdict() == "SURVIVED" && !listed:
			wrong = append(wrong, "survived: "+name)
		case r.verdict() == "red" && listed:
			wrong = append(wrong, "listed in survivors.go, and not one: "+name)
		}
	}
	for name := range survivors {
		if whole && !seen[name] {
			wrong = append(wrong, "listed in survivors.go, and not there: "+name)
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%d are wrong:\n%s", len(wrong), strings.Join(wrong, "\n"))
	}
	return nil
}

const intro = `# Do the tests bite?

Each line is a check of the verifier, of a guard or of what they read with, that was
switched off by itself in a copy of its file: the condition became true or false,
whichever lets more pass, or both where that cannot be told. Then the tests ran, those
of the same folder first, and had to fail. The table is written by a program:

    go run ./internal/mutations

It takes half an hour, so it is run by hand, before a release and after a change of
what is checked; a few of the mutants run with the other tests. A check that can be
switched off without a test that fails is a missing test, and fails the program,
unless its list says why it makes no difference.
`

// render makes the document.
func render(results []result) []byte {
	var b, table bytes.Buffer
	red := 0
	var left []result
	dir := ""
	for _, r := range results {
		if here := path.Dir(r.file); here != dir {
			dir = here
			title := dir
			if title == "." {
				title = "bearer (the root)"
			}
			fmt.Fprintf(&table, "\n## %s\n\n| function | check | became | red in |\n|---|---|---|---|\n", title)
		}
		switch r.verdict() {
		case "red":
			red++
			fmt.Fprintf(&table, "| %s | `%s` | %s | %s %s |\n", r.function, cell(r.what), r.becomes, strings.TrimPrefix(r.red, "./"), cell(r.test))
		default:
			left = append(left, r)
		}
	}
	b.WriteString(intro)
	fmt.Fprintf(&b, "\nOf %d checks, %d turn the tests red, and %d make no difference.\n", red+len(left), red, len(left))
	b.WriteString("\n## Those that make no difference\n\n| function | check | became | why |\n|---|---|---|---|\n")
	for _, r := range left {
		why := survivors[r.name()]
		if why == "" {
			why = "**a test is missing**"
		}
		fmt.Fprintf(&b, "| %s %s | `%s` | %s | %s |\n", path.Dir(r.file), r.function, cell(r.what), r.becomes, why)
	}
	b.Write(table.Bytes())
	return b.Bytes()
}

// cell makes text fit into a cell of a table.
func cell(text string) string {
	if len(text) > 110 {
		text = text[:110] + "..."
	}
	return strings.NewReplacer("|", `\|`, "`", "'", "\n", " ").Replace(text)
}
