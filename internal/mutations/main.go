// Command mutations finds out whether the tests bite: it switches off the checks of
// the verifier, of the guards and of what they read with, one at a time, in copies
// of their files, and expects the tests to fail each time. It writes docs/mutations.md.
//
//	go run ./internal/mutations                all of them, which takes half an hour
//	go run ./internal/mutations -only jwks     those of one folder
//	go run ./internal/mutations -match crit    those whose name has a text in it
//	go run ./internal/mutations -list          their names
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
	"slices"
	"strconv"
	"strings"
)

// room is a folder with checks, and the tests that are asked about them, the
// nearest first.
type room struct {
	dir   string
	files []string // empty: all
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
	again := flag.String("again", "", "mutate only what survived in a run that was printed to this file")
	list := flag.Bool("list", false, "print the names and do nothing")
	file := flag.String("table", "docs/mutations.md", "where to write the table if all are run")
	flag.Parse()
	if err := run(choice{*only, *match, *again}, *list, *file); err != nil {
		fmt.Fprintln(os.Stderr, "mutations:", err)
		os.Exit(1)
	}
}

// choice is what the flags choose.
type choice struct{ only, match, again string }

func (c choice) all() bool { return c == choice{} }

// survived returns the names of what survived in an earlier run, or nil for any.
func (c choice) survived() ([]string, error) {
	if c.again == "" {
		return nil, nil
	}
	data, err := os.ReadFile(c.again)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "SURVIVED "); ok {
			_, name, _ := strings.Cut(rest, " ")
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names, nil
}

func run(chosen choice, list bool, file string) error {
	names, err := chosen.survived()
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
			if strings.Contains(m.name(), chosen.match) && (names == nil || slices.Contains(names, m.name())) {
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
	results, err := b.tryAll(context.Background(), mutants, tests)
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
			if !strings.HasSuffix(file, "_test.go") {
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
