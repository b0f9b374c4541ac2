package main

import (
	"bytes"
	"context"
	"encoding/json" //nolint:depguard // it writes the overlay for the go command, and reads no token
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// variable names the mutant that is on, by its number, in the environment of tests.
const variable = "BEARER_MUTANT"

// helper is put beside the files of each package with mutants.
const helper = `package %s

import (
	"os"
	"reflect"
	"strconv"
)

var mutantOff, _ = strconv.Atoi(os.Getenv("` + variable + `"))

func mutantName(name string, number int) string {
	if mutantOff == number {
		return "\x00" + name
	}
	return name
}

func mutantOther[T any](value T, number int) T {
	if mutantOff == number {
		var other T
		if v := reflect.ValueOf(&other).Elem(); v.CanInt() && reflect.ValueOf(&value).Elem().IsZero() {
			v.SetInt(99)
		}
		return other
	}
	return value
}

var _ = mutantName("", 0) + mutantOther("", 0)
`

// mutate returns a source with all of its mutants in it, each of them off until the
// environment says otherwise: so everything is built once. numbers has theirs.
func mutate(source []byte, mutants []*mutant, numbers map[*mutant]int) []byte {
	type insertion struct {
		at, rank int // of two at one place, the lower rank comes first
		text     string
	}
	var list []insertion
	for _, m := range mutants {
		size := m.end - m.start
		list = append(list,
			insertion{m.start, len(source) - size, m.before}, // the longer one begins first
			insertion{m.end, size - 2*len(source), fmt.Sprintf(m.after, numbers[m])})
	}
	slices.SortStableFunc(list, func(a, b insertion) int {
		if a.at != b.at {
			return a.at - b.at
		}
		return a.rank - b.rank
	})
	var mutated []byte
	done := 0
	for _, i := range list {
		mutated = append(append(mutated, source[done:i.at]...), i.text...)
		done = i.at
	}
	return append(mutated, source[done:]...)
}

// bench is the test binaries of the packages that are asked.
type bench struct {
	root, dir string
	overlay   map[string]string
	numbers   map[*mutant]int
	binaries  map[string]string
}

// newBench writes the mutated files. Close removes them.
func newBench(root string, mutants []*mutant) (*bench, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mutations")
	if err != nil {
		return nil, err
	}
	b := &bench{root, dir, make(map[string]string), make(map[*mutant]int), make(map[string]string)}
	byFile := make(map[string][]*mutant)
	for i, m := range mutants {
		b.numbers[m] = i + 1
		byFile[m.file] = append(byFile[m.file], m)
	}
	for file, list := range byFile {
		source, err := os.ReadFile(filepath.Join(root, file)) //nolint:gosec // a file of the tree
		if err != nil {
			return nil, errors.Join(err, b.close())
		}
		folder := filepath.Dir(file)
		name := packageName.FindSubmatch(source)
		if name == nil {
			return nil, errors.Join(fmt.Errorf("%s: no package", file), b.close())
		}
		err = errors.Join(
			b.write(file, mutate(source, list, b.numbers)),
			b.write(filepath.Join(folder, "zz_mutants.go"), fmt.Appendf(nil, helper, name[1])))
		if err != nil {
			return nil, errors.Join(err, b.close())
		}
	}
	return b, nil
}

var packageName = regexp.MustCompile(`(?m)^package (\w+)`)

// write lays a file over one of the tree.
func (b *bench) write(file string, text []byte) error {
	copied := filepath.Join(b.dir, strings.ReplaceAll(file, "/", "_"))
	b.overlay[filepath.Join(b.root, file)] = copied
	return os.WriteFile(copied, text, 0o600) //nolint:gosec // in a folder that was just made
}

func (b *bench) close() error { return os.RemoveAll(b.dir) }

// build makes the test binary of a package, and wants it to pass without a mutant.
func (b *bench) build(ctx context.Context, pkg string) error {
	if b.binaries[pkg] != "" {
		return nil
	}
	overlay, err := json.Marshal(map[string]any{"Replace": b.overlay})
	if err != nil {
		return err
	}
	file := filepath.Join(b.dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		return err
	}
	binary := filepath.Join(b.dir, "test"+strings.NewReplacer("/", "_", ".", "_").Replace(pkg))
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", file, "-vet=off", "-o", binary, pkg) //nolint:gosec // a list of ours
	cmd.Dir = b.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the tests of %s: %w\n%s", pkg, err, out)
	}
	b.binaries[pkg] = binary
	if out, err := b.test(ctx, pkg, 0, ""); err != nil {
		return fmt.Errorf("the tests of %s fail without a mutant: %w\n%s", pkg, err, out)
	}
	return nil
}

// limit is how long the tests of one package may take: without its check, code may
// run for ever, which is seen too.
const limit = 2 * time.Minute

// bounded runs a program with 6 GB of memory at most, where the system knows such a
// limit: a loop that does not end may ask for all there is.
const bounded = `ulimit -v 6000000 2>/dev/null; exec "$0" "$@"`

// apart is tests that count allocations, which the mutants' own conditions change.
const apart = "Alloc|Budget"

// test runs the tests of a package, all or those of a pattern, with a mutant on.
func (b *bench) test(ctx context.Context, pkg string, number int, pattern string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit+time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", bounded, b.binaries[pkg], "-test.failfast", "-test.timeout", limit.String(), "-test.skip", apart, "-test.run", pattern) //nolint:gosec // built above
	cmd.Dir = filepath.Join(b.root, pkg)
	cmd.Env = append(os.Environ(), variable+"="+strconv.Itoa(number))
	return cmd.CombinedOutput()
}

// result is what the tests said of a mutant.
type result struct {
	*mutant
	red  string // the package whose tests failed; empty: none
	test string // the first of them
}

func (r result) verdict() string {
	if r.red != "" {
		return "red"
	}
	return "SURVIVED"
}

// isTest knows the names of tests by their beginning.
var isTest = regexp.MustCompile(`^(Test|Fuzz|Example)`)

// pattern is that of the test that caught a mutant, for -test.run; empty: none. It
// is the whole test, which may count what its parts did.
func (r result) pattern() string {
	name, _, _ := strings.Cut(r.test, "/")
	if !isTest.MatchString(name) {
		return ""
	}
	return "^" + name + "$"
}

// try runs the tests of packages, in their order, until those of one fail. It
// begins with the test that hint names, if it names one.
func (b *bench) try(ctx context.Context, m *mutant, packages []string, hint result) (result, error) {
	for _, pkg := range packages {
		if err := b.build(ctx, pkg); err != nil {
			return result{mutant: m}, err
		}
	}
	if pattern := hint.pattern(); pattern != "" && slices.Contains(packages, hint.red) {
		if r, err := b.ask(ctx, m, hint.red, pattern); r.red != "" || err != nil {
			return r, err
		}
	}
	for _, pkg := range packages {
		if r, err := b.ask(ctx, m, pkg, ""); r.red != "" || err != nil {
			return r, err
		}
	}
	return result{mutant: m}, nil
}

// ask runs the tests of a package with a mutant. The one that fails has to fail
// again by itself, and to pass without the mutant: a test that fails now and then
// must not hide that none notices.
func (b *bench) ask(ctx context.Context, m *mutant, pkg, pattern string) (result, error) {
	r := result{mutant: m, red: pkg}
	for range 3 {
		out, err := b.test(ctx, pkg, b.numbers[m], pattern)
		if !fails(err) {
			return result{mutant: m}, err
		}
		r.test = first(out)
		again := r.pattern()
		if again == "" {
			return r, nil
		}
		_, with := b.test(ctx, pkg, b.numbers[m], again)
		_, without := b.test(ctx, pkg, 0, again)
		if fails(with) && without == nil {
			return r, nil
		}
		fmt.Println("not sure:", m.name(), pkg, r.test) //nolint:forbidigo // for whoever waits
	}
	return result{mutant: m}, nil
}

// fails reports whether tests ran and failed.
func fails(err error) bool {
	_, failed := errors.AsType[*exec.ExitError](err)
	return failed
}

// atOnce is how many mutants are tried at a time. Their tests wait more than they
// compute.
const atOnce = 3

// tryAll tries mutants, each with the tests that it has, and prints the result of
// each. It does not try those in known again; hints names the test to begin with.
// Everything is built before the first one is tried.
func (b *bench) tryAll(ctx context.Context, mutants []*mutant, tests map[*mutant][]string, known, hints map[string]result) ([]result, error) {
	for _, packages := range tests {
		for _, pkg := range packages {
			if err := b.build(ctx, pkg); err != nil {
				return nil, err
			}
		}
	}
	results, errs := make([]result, len(mutants)), make([]error, len(mutants))
	var tasks sync.WaitGroup
	free := make(chan struct{}, atOnce)
	for i, m := range mutants {
		if r, ok := known[m.name()]; ok {
			r.mutant = m
			results[i] = r
			continue
		}
		free <- struct{}{}
		tasks.Go(func() {
			defer func() { <-free }()
			r, err := b.try(ctx, m, tests[m], hints[m.name()])
			results[i], errs[i] = r, err
			fmt.Println(r.verdict(), m.file+":"+strconv.Itoa(m.line), m.name(), r.red, r.test) //nolint:forbidigo // for whoever waits
		})
	}
	tasks.Wait()
	return results, errors.Join(errs...)
}

var failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// first returns the innermost of the first tests that failed.
func first(out []byte) string {
	name := ""
	for _, m := range failed.FindAllSubmatch(out, -1) {
		if next := string(m[1]); name == "" || strings.HasPrefix(next, name+"/") {
			name = next
		}
	}
	switch {
	case name != "":
		return name
	case bytes.Contains(out, []byte("panic: test timed out")):
		return "does not end"
	case bytes.Contains(out, []byte("out of memory")):
		return "asks for all memory"
	case bytes.Contains(out, []byte("panic: ")):
		return "panics"
	}
	return strings.Join(strings.Fields(fmt.Sprintf("%.60s", out)), " ")
}
