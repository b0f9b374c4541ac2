// Command mutations finds out whether the tests bite: it switches off the checks of
// the verifier, of the guards and of what they read with, one at a time, in copies
// of their files, and expects the tests to fail each time. It writes docs/mutations.md.
//
//	go run ./internal/mutations                all of them, which takes half an hour
//	go run ./internal/mutations -only jwks     those of one folder
//	go run ./internal/mutations -match crit    those whose name has a text in it
//	go run ./internal/mutations -list          their names
//	go run ./internal/mutations -resume FILE   go on with a run that was cut off
//
// A check that can be switched off without a test that fails is a test that is
// missing, unless the list in survivors.go says why nobody could tell.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// room is a folder with checks, and the tests that are asked about them, the
// nearest first.
type room struct {
	dir   string
	files []string // empty: all that say yes or no
	tests []string
}

// rooms returns what is mutated.
func rooms() []room {
	const conformance = "./internal/conformance"
	return []room{
		{"internal/compact", nil, []string{"./internal/compact", conformance}},
		{"internal/strictjson", nil, []string{"./internal/strictjson", conformance, "./jwks", "."}},
		{"internal/jws", nil, []string{"./internal/jws", conformance, "."}},
		{"internal/guard", nil, []string{"./middleware", "./interceptor", conformance}},
		{"scopes", nil, []string{"./scopes", "./middleware", "./interceptor", conformance}},
		{"jwks", []string{"jwk.go", "set.go", "document.go", "weak.go", "algorithm.go", "discovery.go", "fetch.go", "transport.go", "options.go"}, []string{"./jwks", conformance}},
		{"middleware", nil, []string{"./middleware", conformance}},
		{"interceptor", nil, []string{"./interceptor", conformance}},
		{".", nil, []string{".", conformance, "./middleware", "./interceptor"}},
	}
}

func main() {
	only := flag.String("only", "", "the folder to mutate, e.g. jwks; empty: all")
	match := flag.String("match", "", "mutate only what has this text in its name")
	resume := flag.String("resume", "", "believe the reds of an earlier run, that was printed to this file, and try the rest")
	list := flag.Bool("list", false, "print the names and do nothing")
	file := flag.String("table", "docs/mutations.md", "where to write the table if all are run")
	flag.Parse()
	if err := run(choice{*only, *match, *resume}, *list, *file); err != nil {
		fmt.Fprintln(os.Stderr, "mutations:", err)
		os.Exit(1)
	}
}

// choice is what the flags choose.
type choice struct{ only, match, resume string }

func (c choice) all() bool { return c.only == "" && c.match == "" }

// redLine is what is printed of a mutant that turned the tests red.
var redLine = regexp.MustCompile(`(?m)^red \S+ (.* -> (?:true|false|another name)) (\S+) (.*)$`)

// known returns what an earlier run found red, by name.
func (c choice) known() (map[string]result, error) {
	known := make(map[string]result)
	if c.resume == "" {
		return known, nil
	}
	data, err := os.ReadFile(c.resume)
	if err != nil {
		return nil, err
	}
	for _, m := range redLine.FindAllStringSubmatch(string(data), -1) {
		known[m[1]] = result{red: m[2], test: m[3]}
	}
	return known, nil
}

func run(chosen choice, list bool, file string) error {
	known, err := chosen.known()
	if err != nil {
		return err
	}
	var mutants []*mutant
	tests := make(map[*mutant][]string)
	for _, r := range rooms() {
		if chosen.only != "" && r.dir != chosen.only {
			continue
		}
		found, err := r.find(".")
		if err != nil {
			return err
		}
		for _, m := range found {
			if strings.Contains(m.name(), chosen.match) {
				mutants = append(mutants, m)
				tests[m] = r.tests
			}
		}
	}
	if list {
		for _, m := range mutants {
			fmt.Println(m.file+":"+strconv.Itoa(m.line), m.name()) //nolint:forbidigo // for whoever asked
		}
		return nil
	}
	b, err := newBench(".", mutants)
	if err != nil {
		return err
	}
	defer b.close() //nolint:errcheck // a folder of the system's for such things
	results, err := b.tryAll(context.Background(), mutants, tests, known)
	if err != nil {
		return err
	}
	if chosen.all() {
		if err := os.WriteFile(file, render(results), 0o644); err != nil { //nolint:gosec // a document is for everybody
			return err
		}
	}
	return judge(results, chosen.all())
}

// find returns the mutants of a room.
func (r room) find(root string) ([]*mutant, error) {
	files := r.files
	if files == nil {
		all, err := filepath.Glob(filepath.Join(root, r.dir, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, file := range all {
			// Explanations decide nothing; FuzzExplain holds them against the verdicts.
			if name := filepath.Base(file); !strings.HasSuffix(name, "_test.go") && !strings.HasPrefix(name, "expla") {
				files = append(files, filepath.Base(file))
			}
		}
	}
	var mutants []*mutant
	for _, file := range files {
		found, err := find(root, filepath.Join(r.dir, file))
		if err != nil {
			return nil, err
		}
		mutants = append(mutants, found...)
	}
	return mutants, nil
}
