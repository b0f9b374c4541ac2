// Command mutations runs mutation tests. It switches off each check of the packages that
// decide about requests, one at a time, in a copy of the source, and expects a test to
// fail. Run it by hand:
//
//	go -C internal/mutations run .                  all checks, about 60 minutes
//	go -C internal/mutations run . -only jwks       the checks of one folder
//	go -C internal/mutations run . -match crit      the checks with this text in their name
//	go -C internal/mutations run . -list            print the names of all checks
//	go -C internal/mutations run . -resume FILE     skip the checks that an earlier run found red
//	go -C internal/mutations run . -hints FILE      begin with the tests that failed in an earlier run
//
// FILE is the output of the earlier run. The program fails if a check is switched off and
// no test fails, unless README.md gives the reason.
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
	flag.StringVar(&c.only, "only", "", "try only the checks of this folder, e.g. jwks, or . for the root; empty: all folders")
	flag.StringVar(&c.match, "match", "", "try only the checks with this text in their name")
	flag.StringVar(&c.resume, "resume", "", "a file with the output of an earlier run: skip the checks that it found red")
	flag.StringVar(&c.hints, "hints", "", "a file with the output of an earlier run: for each check, begin with the test that failed then")
	flag.BoolVar(&c.list, "list", false, "print the names of the checks and exit")
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
	mutants, tests, err := c.find(targets)
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
	known, err := earlier(c.resume)
	if err != nil {
		return err
	}
	hints, err := earlier(c.hints)
	if err != nil {
		return err
	}
	b, err := newBench(c.root, mutants)
	if err != nil {
		return err
	}
	defer b.close() //nolint:errcheck // the folder is temporary
	results, err := b.tryAll(ctx, mutants, tests, known, hints)
	if err != nil {
		return err
	}
	if c.match != "" {
		return compare(results, allowed, nil)
	}
	whole := func(dir string) bool { return c.only == "" || c.only == dir }
	return compare(results, allowed, whole)
}

// find returns the mutants that the flags select, and for each mutant the packages whose
// tests run.
func (c choice) find(targets []target) ([]*mutant, map[*mutant][]string, error) {
	var mutants []*mutant
	tests := make(map[*mutant][]string)
	found := false
	for _, t := range targets {
		if c.only != "" && t.dir != c.only {
			continue
		}
		found = true
		for _, file := range t.files {
			list, err := find(c.root, file)
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
		return nil, nil, fmt.Errorf("-only %s: this folder has no checks to switch off; -list prints the folders", c.only)
	}
	return mutants, tests, nil
}

// redLine matches the line that tryAll prints for a mutant if a test failed.
var redLine = regexp.MustCompile(`(?m)^red \S+ (\S+ \S+: .* -> (?:true|false|nil|another name)) (\S+) (.*)$`)

// earlier reads the output of an earlier run from a file. It returns the red results by
// the name of the mutant, or nil if file is "".
func earlier(file string) (map[string]result, error) {
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
