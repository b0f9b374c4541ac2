// Command mutations finds out whether the tests notice a missing check. It switches
// off each check of the packages that decide about requests, one at a time, in copies
// of their files, and expects a test to fail. It is run by hand:
//
//	go -C internal/mutations run .                  all checks, which takes about an hour
//	go -C internal/mutations run . -only jwks       those of one folder
//	go -C internal/mutations run . -match crit      those with a text in their name
//	go -C internal/mutations run . -list            their names
//	go -C internal/mutations run . -resume FILE     skip what an earlier run found
//	go -C internal/mutations run . -hints FILE      begin with the tests that failed in an earlier run
//
// FILE is the output of the earlier run. The program fails if a check can be switched
// off without a test that fails, unless README.md lists it with the reason.
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
	flag.StringVar(&c.only, "only", "", "the folder whose checks are tried, e.g. jwks or . for the root; empty: all")
	flag.StringVar(&c.match, "match", "", "try only the checks with this text in their name")
	flag.StringVar(&c.resume, "resume", "", "the output of an earlier run: do not repeat what it found red")
	flag.StringVar(&c.hints, "hints", "", "the output of an earlier run: begin with the tests that failed then")
	flag.BoolVar(&c.list, "list", false, "print the names of the checks, and try nothing")
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
	rooms, err := findRooms(ctx, c.root)
	if err != nil {
		return err
	}
	mutants, tests, err := c.find(rooms)
	if err != nil {
		return err
	}
	if c.list {
		for _, m := range mutants {
			fmt.Println(m.file+":"+strconv.Itoa(m.line), m.name()) //nolint:forbidigo // for the terminal
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
	defer b.close() //nolint:errcheck // a temporary folder
	results, err := b.tryAll(ctx, mutants, tests, known, hints)
	if err != nil {
		return err
	}
	if c.match != "" {
		return judge(results, allowed, nil)
	}
	whole := func(dir string) bool { return c.only == "" || c.only == dir }
	return judge(results, allowed, whole)
}

// find returns the mutants that the flags choose, and the packages whose tests are
// run for each.
func (c choice) find(rooms []room) ([]*mutant, map[*mutant][]string, error) {
	var mutants []*mutant
	tests := make(map[*mutant][]string)
	found := false
	for _, r := range rooms {
		if c.only != "" && r.dir != c.only {
			continue
		}
		found = true
		for _, file := range r.files {
			list, err := find(c.root, file)
			if err != nil {
				return nil, nil, err
			}
			for _, m := range list {
				if strings.Contains(m.name(), c.match) {
					mutants = append(mutants, m)
					tests[m] = r.tests
				}
			}
		}
	}
	if !found {
		return nil, nil, fmt.Errorf("-only %s: no such folder is mutated", c.only)
	}
	return mutants, tests, nil
}

// redLine matches what tryAll prints of a mutant that a test noticed.
var redLine = regexp.MustCompile(`(?m)^red \S+ (\S+ \S+: .* -> (?:true|false|nil|another name)) (\S+) (.*)$`)

// earlier returns what an earlier run found red, by the name of the mutant, from the
// file that has its output. Without a file it returns nothing.
func earlier(file string) (map[string]result, error) {
	if file == "" {
		return nil, nil
	}
	output, err := os.ReadFile(file) //nolint:gosec // a file that the caller names
	if err != nil {
		return nil, err
	}
	found := make(map[string]result)
	for _, m := range redLine.FindAllStringSubmatch(string(output), -1) {
		found[m[1]] = result{red: m[2], test: m[3]}
	}
	return found, nil
}
