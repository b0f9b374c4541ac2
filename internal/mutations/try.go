package main

import (
	"bytes"
	"context"
	"encoding/json" //nolint:depguard // writes the overlay for the go command; no token is read
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

// variable is the environment variable with the number of the active mutant.
const variable = "BEARER_MUTANT"

// helper is a source file that is added to each package with mutants.
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

// mutate returns a source with all of its mutants. A mutant is active only if the
// environment variable has its number, so that each test binary is built once.
func mutate(source []byte, mutants []*mutant, numbers map[*mutant]int) []byte {
	type insertion struct {
		at, rank int // at the same offset, the lower rank comes first
		text     string
	}
	var list []insertion
	for _, m := range mutants {
		size := m.end - m.start
		list = append(list,
			insertion{m.start, len(source) - size, m.before}, // the longer condition encloses the shorter
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

// bench builds and runs the tests of packages with mutants.
type bench struct {
	root, dir string            // the folders of the module and of the mutated files
	overlay   map[string]string // from a file of the module to its mutated copy
	numbers   map[*mutant]int
	binaries  map[string]string // from a package to its test binary
}

// newBench writes the mutated files to a temporary folder, which close removes.
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
		source, err := os.ReadFile(filepath.Join(root, file)) //nolint:gosec // a file of the module
		if err != nil {
			return nil, errors.Join(err, b.close())
		}
		folder := filepath.Dir(file)
		name := packageName.FindSubmatch(source)
		if name == nil {
			return nil, errors.Join(fmt.Errorf("%s: no package clause", file), b.close())
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

// write writes a file that builds use instead of the file of the module, or in addition
// to the files of the module.
func (b *bench) write(file string, text []byte) error {
	copied := filepath.Join(b.dir, strings.ReplaceAll(file, "/", "_"))
	b.overlay[filepath.Join(b.root, file)] = copied
	return os.WriteFile(copied, text, 0o600) //nolint:gosec // in the temporary folder of newBench
}

func (b *bench) close() error { return os.RemoveAll(b.dir) }

// build builds the test binary of a package, unless it was built before. The tests must
// pass without an active mutant.
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
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", file, "-vet=off", "-o", binary, pkg) //nolint:gosec // the package comes from go list
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

// limit is the timeout for the tests of one package: code without its check may loop
// endlessly. A timeout counts as a failed test.
const limit = 2 * time.Minute

// bounded is a shell script that runs a program with at most 6 GB of memory, if the
// system supports such a limit: an endless loop may allocate all memory.
const bounded = `ulimit -v 6000000 2>/dev/null; exec "$0" "$@"`

// skippedTests matches tests that count allocations: the mutants allocate too.
const skippedTests = "Alloc"

// test runs the tests of a package that match a pattern, with a mutant active. An empty
// pattern matches all tests; number 0 activates no mutant.
func (b *bench) test(ctx context.Context, pkg string, number int, pattern string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit+time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", bounded, b.binaries[pkg], "-test.failfast", "-test.timeout", limit.String(), "-test.skip", skippedTests, "-test.run", pattern) //nolint:gosec // built above
	cmd.Dir = filepath.Join(b.root, pkg)
	cmd.Env = append(os.Environ(), variable+"="+strconv.Itoa(number))
	return cmd.CombinedOutput()
}

// result is the outcome of the tests with a mutant active.
type result struct {
	*mutant
	red  string // the package whose tests failed; empty if all tests passed
	test string // the first test that failed
}

func (r result) verdict() string {
	if r.red != "" {
		return "red"
	}
	return "SURVIVED"
}

// isTest matches the names of tests. It does not match the other texts that firstFailure
// returns.
var isTest = regexp.MustCompile(`^(Test|Fuzz|Example)`)

// pattern returns a pattern for -test.run that matches the test that failed, or "" if no
// test failed. The pattern matches the whole test and not only the subtest, because a test
// may depend on the results of all its subtests.
func (r result) pattern() string {
	name, _, _ := strings.Cut(r.test, "/")
	if !isTest.MatchString(name) {
		return ""
	}
	return "^" + name + "$"
}

// try runs the tests of packages, in their order, until a test fails. If hint names a
// test, try runs this test first.
func (b *bench) try(ctx context.Context, m *mutant, packages []string, hint result) (result, error) {
	for _, pkg := range packages {
		if err := b.build(ctx, pkg); err != nil {
			return result{mutant: m}, err
		}
	}
	if pattern := hint.pattern(); pattern != "" && slices.Contains(packages, hint.red) {
		if r, err := b.tryPackage(ctx, m, hint.red, pattern); r.red != "" || err != nil {
			return r, err
		}
	}
	for _, pkg := range packages {
		if r, err := b.tryPackage(ctx, m, pkg, ""); r.red != "" || err != nil {
			return r, err
		}
	}
	return result{mutant: m}, nil
}

// tryPackage runs the tests of one package with a mutant active. A test that fails must
// fail a second time when it runs alone, and must pass without the mutant. Otherwise the
// test is flaky: after three flaky failures, tryPackage counts the tests as passed.
func (b *bench) tryPackage(ctx context.Context, m *mutant, pkg, pattern string) (result, error) {
	r := result{mutant: m, red: pkg}
	for range 3 {
		out, err := b.test(ctx, pkg, b.numbers[m], pattern)
		if !fails(err) {
			return result{mutant: m}, err
		}
		r.test = firstFailure(out)
		alone := r.pattern()
		if alone == "" {
			return r, nil
		}
		_, with := b.test(ctx, pkg, b.numbers[m], alone)
		_, without := b.test(ctx, pkg, 0, alone)
		if fails(with) && without == nil {
			return r, nil
		}
		fmt.Println("flaky, trying again:", m.name(), pkg, r.test) //nolint:forbidigo // output of a command
	}
	return result{mutant: m}, nil
}

// fails reports whether tests ran and failed.
func fails(err error) bool {
	_, failed := errors.AsType[*exec.ExitError](err)
	return failed
}

// atOnce is the number of mutants tried at the same time. The tests wait more than they
// compute.
const atOnce = 3

// tryAll tries mutants, each with the tests of its packages, and prints each result. It
// builds all test binaries first. For a mutant in known it returns the known result and
// runs no test. For a mutant in hints it runs the test of the hint first.
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
			fmt.Println(r.verdict(), m.file+":"+strconv.Itoa(m.line), m.name(), r.red, r.test) //nolint:forbidigo // output of a command
		})
	}
	tasks.Wait()
	return results, errors.Join(errs...)
}

var failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// firstFailure returns the first test that failed, with its innermost failed subtest. If
// the output names no test, it returns the cause of the failure.
func firstFailure(out []byte) string {
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
		return "timeout"
	case bytes.Contains(out, []byte("out of memory")):
		return "out of memory"
	case bytes.Contains(out, []byte("panic: ")):
		return "panic"
	}
	return strings.Join(strings.Fields(fmt.Sprintf("%.60s", out)), " ")
}
