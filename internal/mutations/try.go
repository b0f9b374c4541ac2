package main

import (
	"bytes"
	"context"
	"encoding/json" //nolint:depguard // this program only writes the overlay for the go command, and reads no token
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

// mutantVariable is the name of the environment variable with the number of the active mutant.
const mutantVariable = "BEARER_MUTANT"

// helper is a source file. This program adds it to each package with mutants.
const helper = `package %s

import (
	"os"
	"reflect"
	"strconv"
)

var mutantOff, _ = strconv.Atoi(os.Getenv("` + mutantVariable + `"))

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

// mutate returns a source file with all mutants of the file. A mutant is active only if the
// environment variable has the number of this mutant. So each test binary is built only once.
func mutate(source []byte, mutants []*mutant, numbers map[*mutant]int) []byte {
	type insertion struct {
		at, rank int // of two insertions at the same offset, the insertion with the lower rank comes first
		text     string
	}
	var list []insertion
	for _, m := range mutants {
		size := m.end - m.start
		list = append(list,
			insertion{m.start, len(source) - size, m.prefix}, // of two mutants with the same start, the longer one encloses the other
			insertion{m.end, size - 2*len(source), fmt.Sprintf(m.suffix, numbers[m])})
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

// A testbed builds and runs the tests of packages with mutants.
type testbed struct {
	root, dir string            // root is the folder of the module; dir is the folder of the mutated files
	overlay   map[string]string // the key is a file of the module; the value is the mutated copy
	numbers   map[*mutant]int
	binaries  map[string]string // the key is a package; the value is its test binary
}

// newTestbed writes the mutated files to a temporary folder. The method close removes the
// folder.
func newTestbed(root string, mutants []*mutant) (*testbed, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mutations")
	if err != nil {
		return nil, err
	}
	b := &testbed{root, dir, make(map[string]string), make(map[*mutant]int), make(map[string]string)}
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
			b.addFile(file, mutate(source, list, b.numbers)),
			b.addFile(filepath.Join(folder, "zz_mutants.go"), fmt.Appendf(nil, helper, name[1])))
		if err != nil {
			return nil, errors.Join(err, b.close())
		}
	}
	return b, nil
}

var packageName = regexp.MustCompile(`(?m)^package (\w+)`)

// addFile writes a file for the builds. If the module has a file with this name, the builds
// use the new file instead. Otherwise, the builds use the new file in addition.
func (b *testbed) addFile(file string, text []byte) error {
	copied := filepath.Join(b.dir, strings.ReplaceAll(file, "/", "_"))
	b.overlay[filepath.Join(b.root, file)] = copied
	return os.WriteFile(copied, text, 0o600) //nolint:gosec // the file is in the temporary folder
}

func (b *testbed) close() error { return os.RemoveAll(b.dir) }

// build builds the test binary of a package if it does not exist. The tests must pass without
// an active mutant.
func (b *testbed) build(ctx context.Context, pkg string) error {
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
		return fmt.Errorf("cannot build the tests of %s: %w\n%s", pkg, err, out)
	}
	b.binaries[pkg] = binary
	if out, err := b.runTests(ctx, pkg, 0, ""); err != nil {
		return fmt.Errorf("the tests of %s fail without an active mutant: %w\n%s", pkg, err, out)
	}
	return nil
}

// testTimeout is the timeout for the tests of one package. Without a check, the code can
// contain an endless loop. A timeout counts as a failed test.
const testTimeout = 2 * time.Minute

// limitMemory is a shell script that runs a program with at most 6 GB of memory, because an
// endless loop can allocate all memory. If the system does not support such a limit, the
// script runs the program without a limit.
const limitMemory = `ulimit -v 6000000 2>/dev/null; exec "$0" "$@"`

// skippedTests matches the names of tests that measure allocations, memory or time. These tests
// do not run, because the mutants also take memory and time.
const skippedTests = "Alloc|Growth|HostileTokens|CacheMemory"

// runTests runs the tests of a package whose names match the pattern. An empty pattern matches
// all tests. The mutant with this number is active. Number 0 means that no mutant is active.
func (b *testbed) runTests(ctx context.Context, pkg string, number int, pattern string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, testTimeout+time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", limitMemory, b.binaries[pkg], "-test.failfast", "-test.timeout", testTimeout.String(), "-test.skip", skippedTests, "-test.run", pattern) //nolint:gosec // the method build has built this binary
	cmd.Dir = filepath.Join(b.root, pkg)
	cmd.Env = append(os.Environ(), mutantVariable+"="+strconv.Itoa(number))
	return cmd.CombinedOutput()
}

// A result is the result of the tests while a mutant is active.
type result struct {
	*mutant
	red  string // the package with the test that failed; empty if all tests passed
	test string // the first test that failed
}

func (r result) verdict() string {
	if r.red != "" {
		return "red"
	}
	return "SURVIVED"
}

// testName matches the names of tests. It does not match the other texts that firstFailure
// returns.
var testName = regexp.MustCompile(`^(Test|Fuzz|Example)`)

// pattern returns a pattern for -test.run that matches the test that failed. The pattern
// matches the whole test, because a subtest can depend on earlier subtests. If the result has
// no name of a test, pattern returns "".
func (r result) pattern() string {
	name, _, _ := strings.Cut(r.test, "/")
	if !testName.MatchString(name) {
		return ""
	}
	return "^" + name + "$"
}

// tryMutant runs the tests of the packages, one after the other, until a test fails. If hint
// has the name of a test, tryMutant runs this test first.
func (b *testbed) tryMutant(ctx context.Context, m *mutant, packages []string, hint result) (result, error) {
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

// tryPackage runs the tests of one package while a mutant is active. If a test fails,
// tryPackage runs this test two more times, without the other tests. The test must fail with
// the mutant, and pass without the mutant. Otherwise, the test is flaky, and tryPackage runs
// the tests of the package again. After three flaky failures, tryPackage counts the tests as
// passed.
func (b *testbed) tryPackage(ctx context.Context, m *mutant, pkg, pattern string) (result, error) {
	r := result{mutant: m, red: pkg}
	for range 3 {
		out, err := b.runTests(ctx, pkg, b.numbers[m], pattern)
		if !testFailed(err) {
			return result{mutant: m}, err
		}
		r.test = firstFailure(out)
		onlyThis := r.pattern()
		if onlyThis == "" {
			return r, nil
		}
		_, withMutant := b.runTests(ctx, pkg, b.numbers[m], onlyThis)
		_, withoutMutant := b.runTests(ctx, pkg, 0, onlyThis)
		if testFailed(withMutant) && withoutMutant == nil {
			return r, nil
		}
		fmt.Println("a flaky test failed; the tests run again:", m.name(), pkg, r.test) //nolint:forbidigo // output of a command
	}
	return result{mutant: m}, nil
}

// testFailed reports whether err means that a test failed.
func testFailed(err error) bool {
	_, exited := errors.AsType[*exec.ExitError](err)
	return exited
}

// maxConcurrent is the number of mutants that tryAll tries at the same time. It may be larger
// than the number of processors, because many tests wait.
const maxConcurrent = 3

// tryAll builds all test binaries. Then it tries the mutants, and prints each result. For each
// mutant, the map tests has the packages whose tests run. If known has the result of a mutant,
// tryAll returns this result and runs no test. If hints has the result of a mutant, tryAll runs
// the test in this result first.
func (b *testbed) tryAll(ctx context.Context, mutants []*mutant, tests map[*mutant][]string, known, hints map[string]result) ([]result, error) {
	for _, packages := range tests {
		for _, pkg := range packages {
			if err := b.build(ctx, pkg); err != nil {
				return nil, err
			}
		}
	}
	results, errs := make([]result, len(mutants)), make([]error, len(mutants))
	var tasks sync.WaitGroup
	free := make(chan struct{}, maxConcurrent)
	for i, m := range mutants {
		if r, ok := known[m.name()]; ok {
			r.mutant = m
			results[i] = r
			continue
		}
		free <- struct{}{}
		tasks.Go(func() {
			defer func() { <-free }()
			r, err := b.tryMutant(ctx, m, tests[m], hints[m.name()])
			results[i], errs[i] = r, err
			fmt.Println(r.verdict(), m.file+":"+strconv.Itoa(m.line), m.name(), r.red, r.test) //nolint:forbidigo // output of a command
		})
	}
	tasks.Wait()
	return results, errors.Join(errs...)
}

var failedTest = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// firstFailure returns the name of the first test that failed. If a subtest failed, the name
// is the name of the innermost subtest that failed. If the output contains no such name,
// firstFailure returns a text that describes the failure.
func firstFailure(out []byte) string {
	name := ""
	for _, m := range failedTest.FindAllSubmatch(out, -1) {
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
