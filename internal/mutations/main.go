// Command mutations runs mutation tests. It works on a copy of the packages that decide
// whether a request is allowed. It switches off one check and runs tests. A test must fail. It
// does this for every check. Run it by hand:
//
//	go -C internal/mutations run .                  try all checks; takes about 60 minutes
//	go -C internal/mutations run . -only jwks       try the checks of one folder
//	go -C internal/mutations run . -match crit      try the checks with this text in their name
//	go -C internal/mutations run . -list            print the names of all checks
//	go -C internal/mutations run . -resume FILE     skip the checks that were red in an earlier run
//	go -C internal/mutations run . -hints FILE      first run the tests that failed in an earlier run
//
// FILE contains the output of the earlier run. A check is red if a test fails without the
// check. A check survives if no test fails without the check. The program exits with an error
// if a check survives and README.md does not list the check.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

func main() {
	var c choice
	flag.StringVar(&c.root, "root", "../..", "the folder of the module whose checks are switched off")
	flag.StringVar(&c.only, "only", "", "try only the checks of this folder, for example jwks, or . for the root (default: all folders)")
	flag.StringVar(&c.match, "match", "", "try only the checks with this text in their name")
	flag.StringVar(&c.resume, "resume", "", "a file with the output of an earlier run; skip the checks that are red in this output")
	flag.StringVar(&c.hints, "hints", "", "a file with the output of an earlier run; for each red check, run the test that failed in the earlier run first")
	flag.BoolVar(&c.list, "list", false, "only print the names of the checks")
	flag.Parse()
	if err := c.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "mutations:", err)
		os.Exit(1)
	}
}

// choice holds the values of the flags.
type choice struct {
	root, only, match, resume, hints string
	list                             bool
}

func (c choice) run(ctx context.Context) error {
	targets, err := findTargets(ctx, c.root)
	if err != nil {
		return err
	}
	mutants, tests, err := c.findMutants(targets)
	if err != nil {
		return err
	}
	if c.list {
		for _, m := range mutants {
			fmt.Println(m.file+":"+strconv.Itoa(m.line), m.name()) //nolint:forbidigo // output of a command
		}
		return nil
	}
	allowed, err := parseSurvivors(readme)
	if err != nil {
		return err
	}
	known, err := readResults(c.resume)
	if err != nil {
		return err
	}
	hints, err := readResults(c.hints)
	if err != nil {
		return err
	}
	b, err := newTestbed(c.root, mutants)
	if err != nil {
		return err
	}
	defer b.close() //nolint:errcheck // the folder is temporary
	results, err := b.tryAll(ctx, mutants, tests, known, hints)
	if err != nil {
		return err
	}
	if c.match != "" {
		return compareSurvivors(results, allowed, nil)
	}
	whole := func(dir string) bool { return c.only == "" || c.only == dir }
	return compareSurvivors(results, allowed, whole)
}

// findMutants returns the mutants that the flags select. For each mutant, it also returns the
// packages whose tests run.
func (c choice) findMutants(targets []target) ([]*mutant, map[*mutant][]string, error) {
	var mutants []*mutant
	tests := make(map[*mutant][]string)
	found := false
	for _, t := range targets {
		if c.only != "" && t.dir != c.only {
			continue
		}
		found = true
		for _, file := range t.files {
			list, err := mutantsOf(c.root, file)
			if err != nil {
				return nil, nil, err
			}
			for _, m := range list {
				if strings.Contains(m.name(), c.match) {
					mutants = append(mutants, m)
					tests[m] = t.tests
				}
			}
		}
	}
	if !found {
		return nil, nil, fmt.Errorf("-only %s: this program does not switch off checks in this folder; -list prints all checks with their folders", c.only)
	}
	return mutants, tests, nil
}

// redLine matches the line that tryAll prints for a mutant if a test failed.
var redLine = regexp.MustCompile(`(?m)^red \S+ (\S+ \S+: .* -> (?:true|false|nil|another name)) (\S+) (.*)$`)

// readResults reads the output of an earlier run from a file. It returns the result of each
// mutant that was red. The key of the map is the name of the mutant. If file is "",
// readResults returns nil.
func readResults(file string) (map[string]result, error) {
	if file == "" {
		return nil, nil
	}
	output, err := os.ReadFile(file) //nolint:gosec // the user names the file
	if err != nil {
		return nil, err
	}
	found := make(map[string]result)
	for _, m := range redLine.FindAllStringSubmatch(string(output), -1) {
		found[m[1]] = result{red: m[2], test: m[3]}
	}
	return found, nil
}
