package main

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// readme contains the list of survivors. A check is a survivor if it is impossible to write a
// test that fails without the check. The list explains why it is impossible.
//
//go:embed README.md
var readme string

// A place is the folder and the name of a function, for example "scopes Table.Rule".
type place struct{ dir, function string }

func (p place) String() string { return p.dir + " " + p.function }

// survivorsHeading is the heading of the list in README.md.
const survivorsHeading = "## Survivors\n"

var (
	survivorLine  = regexp.MustCompile(`^- (.+?): \S`)
	survivorPlace = regexp.MustCompile(`^([\w.]+)(?: \((\d+)\))?$`)
)

// parseSurvivors parses the list in README.md. It returns the number of survivors that each
// function may have. A line of the list has this form:
//
//   - folder Function, Type.method (2); other/folder Function: Explanation.
func parseSurvivors(document string) (map[place]int, error) {
	_, list, ok := strings.Cut(document, survivorsHeading)
	if !ok {
		return nil, fmt.Errorf("README.md has no heading %q", strings.TrimSpace(survivorsHeading))
	}
	allowed := make(map[place]int)
	for line := range strings.Lines(list) {
		if !strings.HasPrefix(line, "- ") {
			continue
		}
		m := survivorLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("README.md: line %q does not have the form %q", line, "- folder Function: Explanation.")
		}
		for group := range strings.SplitSeq(m[1], "; ") {
			dir, functions, _ := strings.Cut(group, " ")
			for function := range strings.SplitSeq(functions, ", ") {
				parts := survivorPlace.FindStringSubmatch(function)
				if parts == nil {
					return nil, fmt.Errorf("README.md: line %q: %q is not the name of a function", line, function)
				}
				n := 1
				if parts[2] != "" {
					n, _ = strconv.Atoi(parts[2]) // parts[2] contains only digits
				}
				allowed[place{dir, parts[1]}] += n
			}
		}
	}
	return allowed, nil
}

// compareSurvivors returns an error that names each function with more survivors than the list
// allows. The function whole reports whether the run tried all checks of a folder. For such a
// folder, the error also names the functions with fewer survivors than the list allows. If
// whole is nil, the run tried no folder completely.
func compareSurvivors(results []result, allowed map[place]int, whole func(dir string) bool) error {
	survived := make(map[place][]string)
	for _, r := range results {
		if p := (place{path.Dir(r.file), r.function}); r.red == "" {
			survived[p] = append(survived[p], "\t"+r.file+":"+strconv.Itoa(r.line)+" "+r.what+" -> "+r.becomes)
		}
	}
	byName := func(a, b place) int { return strings.Compare(a.String(), b.String()) }
	var problems []error
	for _, p := range slices.SortedFunc(maps.Keys(survived), byName) {
		if names := survived[p]; len(names) > allowed[p] {
			problems = append(problems, fmt.Errorf("%s: got the number of survivors %d, but README.md lists %d:\n%s", p, len(names), allowed[p], strings.Join(names, "\n")))
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(allowed), byName) {
		if whole != nil && whole(p.dir) && len(survived[p]) < allowed[p] {
			problems = append(problems, fmt.Errorf("%s: got the number of survivors %d, but README.md lists %d; correct the list", p, len(survived[p]), allowed[p]))
		}
	}
	return errors.Join(problems...)
}
