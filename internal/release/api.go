package main

import (
	"context"
	"errors"
	"fmt"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/exp/apidiff"
	"golang.org/x/tools/go/packages"

	"github.com/bearerkit/bearer/internal/release/modproxy"
)

// checkGolden runs the tests that compare testdata/api with the code.
func (r *release) checkGolden(ctx context.Context) error {
	env := append(os.Environ(), "GOFLAGS=-trimpath", "GOWORK=off") // with -trimpath, the build cache does not depend on the folder of the clone
	_, err := command(ctx, r.clone, env, "go", "test", "-count=1", "-vet=off", "-run", "^(TestAPI|TestAPINames)$", ".", "./internal/names")
	return err
}

// compareAPI compares the exported API and the names with those of the last release. It returns
// an error if the version is too small for the changes.
func (r *release) compareAPI(ctx context.Context) error {
	if r.last == "" {
		r.printf("There is no last release.")
		return nil
	}
	before, err := r.loadAPI(ctx, r.old)
	if err != nil {
		return err
	}
	after, err := r.loadAPI(ctx, r.clone)
	if err != nil {
		return err
	}
	report := compareTypes(before, after)
	names, err := compareNames(r.old, r.clone)
	if err != nil {
		return err
	}
	report = append(report, names...)
	largest := none
	for _, d := range report {
		r.printf("%s", d)
		largest = max(largest, d.change)
	}
	err = checkChange(r.last, r.version, largest)
	if err != nil && r.security {
		r.printf("Accepted with the flag -security: %v", err)
		return nil
	}
	return err
}

// difference is one difference between two releases.
type difference struct {
	change change
	where  string // the package, or the file with names
	text   string
}

func (d difference) String() string {
	kind := "compatible"
	if d.change == incompatible {
		kind = "INCOMPATIBLE"
	}
	return fmt.Sprintf("%s: %s: %s", kind, d.where, d.text)
}

// loadAPI returns the types of all packages that users can import, by import path. dir is the
// root folder of a release.
func (r *release) loadAPI(ctx context.Context, dir string) (map[string]*types.Package, error) {
	modules, err := modproxy.Modules(ctx, dir)
	if err != nil {
		return nil, err
	}
	found := map[string]*types.Package{}
	for _, m := range modules {
		if !m.Published {
			continue
		}
		if err := r.loadModule(ctx, filepath.Join(dir, filepath.FromSlash(m.Dir)), found); err != nil {
			return nil, fmt.Errorf("module %s: %w", m.Path, err)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: there is no package", dir)
	}
	return found, nil
}

// loadModule adds the packages of one module to found. dir is the folder of the module.
func (r *release) loadModule(ctx context.Context, dir string, found map[string]*types.Package) error {
	config := &packages.Config{Context: ctx, Dir: dir, Env: r.env, Mode: packages.NeedName}
	all, err := packages.Load(config, "./...")
	if err != nil {
		return err
	}
	var paths []string
	for _, p := range all {
		if p.Name != "main" && isPublic(p.PkgPath) {
			paths = append(paths, p.PkgPath)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	config.Mode |= packages.NeedTypes | packages.NeedImports | packages.NeedExportFile
	loaded, err := packages.Load(config, paths...)
	if err != nil {
		return err
	}
	for _, p := range loaded {
		for _, err := range p.Errors {
			return fmt.Errorf("package %s: %w", p.PkgPath, err)
		}
		found[p.PkgPath] = p.Types
	}
	return nil
}

// isPublic reports whether users can depend on a package. docs/compatibility.md has the same
// rule.
func isPublic(path string) bool {
	for element := range strings.SplitSeq(strings.TrimPrefix(path, modulePath), "/") {
		if slices.Contains([]string{"internal", "examples", "testdata"}, element) {
			return false
		}
	}
	return true
}

// compareTypes compares the exported declarations of all packages.
func compareTypes(before, after map[string]*types.Package) []difference {
	var report []difference
	for _, path := range slices.Sorted(maps.Keys(before)) {
		if after[path] == nil {
			report = append(report, difference{incompatible, path, "package removed"})
			continue
		}
		for _, c := range apidiff.Changes(before[path], after[path]).Changes {
			d := difference{incompatible, path, c.Message}
			if c.Compatible {
				d.change = compatible
			}
			report = append(report, d)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(after)) {
		if before[path] == nil {
			report = append(report, difference{compatible, path, "package added"})
		}
	}
	return report
}

// compareNames compares the names in testdata/api/names.txt, such as metrics and log keys. A
// program can depend on each line. Each other file in this folder describes a package.
func compareNames(old, new string) ([]difference, error) {
	const name = "testdata/api/names.txt"
	before, err := readLines(filepath.Join(old, name))
	if err != nil {
		return nil, err
	}
	after, err := readLines(filepath.Join(new, name))
	if err != nil {
		return nil, err
	}
	var report []difference
	for _, line := range before {
		if !slices.Contains(after, line) {
			report = append(report, difference{incompatible, name, line + ": removed"})
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			report = append(report, difference{compatible, name, line + ": added"})
		}
	}
	return report, nil
}

// readLines returns the lines of a file, or no lines if the file does not exist.
func readLines(name string) ([]string, error) {
	data, err := os.ReadFile(name) //nolint:gosec // a file of the repository
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return strings.FieldsFunc(string(data), func(c rune) bool { return c == '\n' }), err
}
