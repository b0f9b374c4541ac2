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

// readme lists the survivors: checks that can be switched off without a test that
// could notice, each with the reason.
//
//go:embed README.md
var readme string

// place is a function of a package: "scopes Table.Rule".
type place struct{ dir, function string }

func (p place) String() string { return p.dir + " " + p.function }

// survivorsHeading is the heading in README.md under which the list stands.
const survivorsHeading = "## Survivors\n"

var (
	survivorLine  = regexp.MustCompile(`^- (.+?): \S`)
	survivorPlace = regexp.MustCompile(`^([\w.]+)(?: \((\d+)\))?$`)
)

// parseSurvivors returns how many survivors each function may have. A line of the
// list is "- folder Function, Type.method (2); other/folder Function: the reason".
func parseSurvivors(document string) (map[place]int, error) {
	_, list, ok := strings.Cut(document, survivorsHeading)
	if !ok {
		return nil, fmt.Errorf("no line %q", survivorsHeading)
	}
	allowed := make(map[place]int)
	for line := range strings.Lines(list) {
		if !strings.HasPrefix(line, "- ") {
			continue
		}
		m := survivorLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("%q: want %q", line, "- folder Function: the reason")
		}
		for group := range strings.SplitSeq(m[1], "; ") {
			dir, functions, _ := strings.Cut(group, " ")
			for function := range strings.SplitSeq(functions, ", ") {
				parts := survivorPlace.FindStringSubmatch(function)
				if parts == nil {
					return nil, fmt.Errorf("%q: %q is no function", line, function)
				}
				n := 1
				if parts[2] != "" {
					n, _ = strconv.Atoi(parts[2]) // digits, by the expression
				}
				allowed[place{dir, parts[1]}] += n
			}
		}
	}
	return allowed, nil
}

// judge returns an error that names each function with more survivors than allowed
// lists. In folders of which all checks were tried, it also names functions with
// fewer; whole tells which folders those are, and nil means none.
func judge(results []result, allowed map[place]int, whole func(dir string) bool) error {
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
			problems = append(problems, fmt.Errorf("%s: %d survived, README.md lists %d:\n%s", p, len(names), allowed[p], strings.Join(names, "\n")))
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(allowed), byName) {
		if whole != nil && whole(p.dir) && len(survived[p]) < allowed[p] {
			problems = append(problems, fmt.Errorf("%s: README.md lists %d, %d survived", p, allowed[p], len(survived[p])))
		}
	}
	return errors.Join(problems...)
}
