package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
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

// check compares a document with the sources, without a run: it must have their
// checks, no others, the reasons of survivors.go, and tests that there are.
func check(root string, document []byte, mutants []*mutant) error {
	known := read(document)
	results := make([]result, 0, len(mutants))
	var wrong []string
	for _, m := range mutants {
		r, ok := known[m.key()]
		r.mutant = m
		results = append(results, r)
		switch {
		case !ok:
			wrong = append(wrong, "not in the table: "+m.name())
		case r.red != "" && !r.exists(root):
			wrong = append(wrong, "no test "+r.test+" in "+r.red+" any more, for "+m.name())
		}
	}
	if err := judge(results, true); err != nil {
		wrong = append(wrong, err.Error())
	}
	if !bytes.Equal(render(results), document) {
		wrong = append(wrong, "its text is not what follows from all that")
	}
	if len(wrong) > 0 {
		return fmt.Errorf("the table is not that of the sources:\n%s\nrun go run ./internal/mutations -new", strings.Join(wrong, "\n"))
	}
	return nil
}

// exists reports whether the test that caught a mutant is still there; what ended
// without the name of one cannot be told.
func (r result) exists(root string) bool {
	name, _, _ := strings.Cut(r.test, "/")
	if !isTest.MatchString(name) {
		return true
	}
	files, _ := filepath.Glob(filepath.Join(root, r.red, "*_test.go")) // the pattern is not malformed
	for _, file := range files {
		source, err := os.ReadFile(file) //nolint:gosec // a file of the tree
		if err == nil && bytes.Contains(source, []byte("\nfunc "+name+"(")) {
			return true
		}
	}
	return false
}
