// Command mutations finds out whether the tests bite: it switches off the checks of
// the verifier, of the guards and of what they read with, one at a time, in copies
// of their files, and expects the tests to fail each time. It writes docs/mutations.md.
//
//	go run ./internal/mutations                all of them, which takes twenty minutes
//	go run ./internal/mutations -new           those that the table does not have
//	go run ./internal/mutations -check         compare the table with the sources, and try nothing
//	go run ./internal/mutations -only jwks     those of one folder
//	go run ./internal/mutations -match crit    those whose name has a text in it
//	go run ./internal/mutations -list          their names
//	go run ./internal/mutations -resume FILE   go on with a run that was cut off
//
// Each begins with the test that caught it the last time, as the table says.
// A check that can be switched off without a test that fails is a test that is
// missing, unless the list in survivors.go says why nobody could tell.
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
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
		{"jwks", []string{"algorithm.go", "cache.go", "discovery.go", "document.go", "fetch.go", "filestore.go", "filestore_unix.go", "jwk.go", "key.go", "keyfunc.go", "miss.go", "options.go", "restore.go", "set.go", "store.go", "transport.go", "weak.go"}, []string{"./jwks", conformance}},
		{"middleware", nil, []string{"./middleware", conformance}},
		{"interceptor", nil, []string{"./interceptor", conformance}},
		{".", nil, []string{".", conformance, "./middleware", "./interceptor"}},
	}
}

func main() {
	var c choice
	flag.StringVar(&c.only, "only", "", "the folder to mutate, e.g. jwks; empty: all")
	flag.StringVar(&c.match, "match", "", "mutate only what has this text in its name")
	flag.StringVar(&c.resume, "resume", "", "believe the reds of an earlier run, that was printed to this file, and try the rest")
	flag.StringVar(&c.table, "table", "docs/mutations.md", "the table, which a run of all or of what is new writes")
	flag.BoolVar(&c.new, "new", false, "believe the table, and try what it does not have")
	flag.BoolVar(&c.check, "check", false, "compare the table with the sources, and try nothing")
	flag.BoolVar(&c.list, "list", false, "print the names and do nothing")
	flag.Parse()
	if err := c.run(); err != nil {
		fmt.Fprintln(os.Stderr, "mutations:", err)
		os.Exit(1)
	}
}

// choice is what the flags choose.
type choice struct {
	only, match, resume, table string
	new, check, list           bool
}

func (c choice) all() bool { return c.only == "" && c.match == "" }

// redLine is what is printed of a mutant that turned the tests red.
var redLine = regexp.MustCompile(`(?m)^red \S+ (\S+) (\S+): (.*) -> (true|false|nil|another name) (\S+) (.*)$`)

// known returns what an earlier run found red, and what the table says.
func (c choice) known(mutants []*mutant) (known, last map[key]result, err error) {
	listed := make(map[key]bool) // as survivors
	for _, m := range mutants {
		_, listed[m.key()] = survivors[m.name()]
	}
	known, last = make(map[key]result), make(map[key]result)
	document, err := os.ReadFile(c.table)
	if err == nil {
		last = read(document)
	}
	if c.new {
		if err != nil {
			return nil, nil, err
		}
		maps.Copy(known, last)
		maps.DeleteFunc(known, func(k key, r result) bool { return (r.red == "") != listed[k] })
	}
	if c.resume == "" {
		return known, last, nil
	}
	data, err := os.ReadFile(c.resume)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range redLine.FindAllStringSubmatch(string(data), -1) {
		known[key{m[1], m[2], cell(m[3]), m[4]}] = result{red: m[5], test: m[6]}
	}
	return known, last, nil
}

func (c choice) run() error {
	mutants, tests, err := c.find(".")
	if err != nil {
		return err
	}
	switch {
	case c.list:
		for _, m := range mutants {
			fmt.Println(m.file+":"+strconv.Itoa(m.line), m.name()) //nolint:forbidigo // for whoever asked
		}
		return nil
	case c.check:
		document, err := os.ReadFile(c.table)
		if err != nil {
			return err
		}
		return check(".", document, mutants)
	}
	known, last, err := c.known(mutants)
	if err != nil {
		return err
	}
	b, err := newBench(".", mutants)
	if err != nil {
		return err
	}
	defer b.close() //nolint:errcheck // a folder of the system's for such things
	results, err := b.tryAll(context.Background(), mutants, tests, known, last)
	if err != nil {
		return err
	}
	if c.all() {
		if err := os.WriteFile(c.table, render(results), 0o644); err != nil { //nolint:gosec // a document is for everybody
			return err
		}
	}
	return judge(results, c.all())
}

// find returns the mutants that are chosen, and the tests that each has.
func (c choice) find(root string) ([]*mutant, map[*mutant][]string, error) {
	var mutants []*mutant
	tests := make(map[*mutant][]string)
	for _, r := range rooms() {
		if c.only != "" && r.dir != c.only {
			continue
		}
		found, err := r.find(root)
		if err != nil {
			return nil, nil, err
		}
		for _, m := range found {
			if strings.Contains(m.name(), c.match) {
				mutants = append(mutants, m)
				tests[m] = r.tests
			}
		}
	}
	return mutants, tests, nil
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
