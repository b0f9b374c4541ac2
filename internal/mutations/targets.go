package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// A target is a package whose checks this program switches off.
type target struct {
	dir   string
	files []string // the paths of the files that are not skipped, relative to the root of the module
	tests []string // the packages whose tests run; the first is the target itself
}

// productionDirs returns the folders of the packages that decide whether a request is allowed.
// The internal packages that they import are targets too.
func productionDirs() []string {
	return []string{"scopes", "jwks", ".", "middleware", "interceptor"}
}

// conformanceDir is the folder of a package without production code. Its tests check the
// vectors of testdata with all transports.
const conformanceDir = "internal/conformance"

// skippedFiles returns, for each folder, the files whose checks this program does not switch
// off. The name "" means all files of the folder.
func skippedFiles() map[string][]string {
	return map[string][]string{
		// These files schedule refreshes, report refreshes, or save key sets. The tests of these
		// files and examples/drill cover the checks.
		"jwks": {"cooldown.go", "event.go", "freshness.go", "poll.go", "refresher.go", "report.go", "saver.go", "status.go", "thumbprint.go"},
		// Explain does not decide about requests. FuzzExplain compares the result of Explain with
		// the result of Decide.
		".": {"explain.go", "explanation.go", "checktexts.go"},
		// This package only shortens texts that people read.
		"internal/quote": {""},
		// This package only estimates how much memory a cached token takes.
		"internal/sizeof": {""},
	}
}

// A listedPackage describes a package in the output of go list.
type listedPackage struct {
	dir, name      string
	files, imports []string
	hasTests       bool
}

// listFormat is the format for go list. It prints one line for each package. parseList parses
// these lines.
const listFormat = `{{.ImportPath}}|{{.Name}}|{{with .Module}}{{.Path}}{{end}}|{{join .GoFiles ","}}|{{join .Imports ","}}|{{len .TestGoFiles}}{{len .XTestGoFiles}}`

// findTargets runs go list and returns the targets of the module in root.
func findTargets(ctx context.Context, root string) ([]target, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-f", listFormat, "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("go list: %w\n%s", err, exit.Stderr)
	}
	if err != nil {
		return nil, err
	}
	packages, err := parseList(string(out))
	if err != nil {
		return nil, err
	}
	return chooseTargets(packages, productionDirs(), skippedFiles())
}

// parseList parses the output of go list. The key of the map is the folder of the package.
func parseList(output string) (map[string]listedPackage, error) {
	packages := make(map[string]listedPackage)
	for line := range strings.Lines(output) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		if len(f) != 6 {
			return nil, fmt.Errorf("go list printed %q, which has %d fields, want 6", line, len(f))
		}
		module := f[2]
		p := listedPackage{dir: folder(module, f[0]), name: f[1], files: strings.Split(f[3], ","), hasTests: f[5] != "00"}
		for _, imported := range strings.Split(f[4], ",") {
			if imported == module || strings.HasPrefix(imported, module+"/") {
				p.imports = append(p.imports, folder(module, imported))
			}
		}
		packages[p.dir] = p
	}
	return packages, nil
}

// folder returns the folder of a package, relative to the root of its module.
func folder(module, importPath string) string {
	if importPath == module {
		return "."
	}
	return strings.TrimPrefix(importPath, module+"/")
}

// packageIn returns the pattern for the go command that matches only the package in a folder.
func packageIn(dir string) string {
	if dir == "." {
		return dir
	}
	return "./" + dir
}

// chooseTargets returns the production packages, and the internal packages that they import
// directly or indirectly. The tests of a target are the tests of its package, the conformance
// tests, and the tests of the production packages that import the target directly.
func chooseTargets(packages map[string]listedPackage, production []string, skipped map[string][]string) ([]target, error) {
	mutated := slices.Clone(production)
	for i := 0; i < len(mutated); i++ { // the loop appends to mutated
		p, ok := packages[mutated[i]]
		if !ok {
			return nil, fmt.Errorf("there is no package in %s", mutated[i])
		}
		for _, imported := range p.imports {
			if strings.HasPrefix(imported, "internal/") && !slices.Contains(mutated, imported) {
				mutated = append(mutated, imported)
			}
		}
	}
	slices.Sort(mutated)
	var targets []target
	for _, dir := range mutated {
		skip := skipped[dir]
		if slices.Contains(skip, "") {
			continue
		}
		for _, file := range skip {
			if !slices.Contains(packages[dir].files, file) {
				return nil, fmt.Errorf("targets.go skips the file %s, which does not exist", path.Join(dir, file))
			}
		}
		t := target{dir: dir}
		for _, file := range packages[dir].files {
			if !slices.Contains(skip, file) {
				t.files = append(t.files, path.Join(dir, file))
			}
		}
		for _, tester := range append([]string{dir, conformanceDir}, production...) {
			p, ok := packages[tester]
			needed := tester == dir || tester == conformanceDir || slices.Contains(p.imports, dir)
			if pkg := packageIn(tester); ok && needed && p.hasTests && !slices.Contains(t.tests, pkg) {
				t.tests = append(t.tests, pkg)
			}
		}
		targets = append(targets, t)
	}
	return targets, nil
}
