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

// target is a package whose checks are switched off.
type target struct {
	dir   string
	files []string // relative to the root of the module, without the skipped files
	tests []string // the packages whose tests run, the target itself first
}

// production lists the packages that decide about requests. The internal packages that
// they import are mutated too.
func production() []string {
	return []string{"scopes", "jwks", ".", "middleware", "interceptor"}
}

// conformance is a package without production code: its tests run the vectors of
// testdata against all transports.
const conformance = "internal/conformance"

// skipped returns the files whose checks are not switched off, by folder. The name ""
// stands for all files of the folder.
func skipped() map[string][]string {
	return map[string][]string{
		// These files schedule and report refreshes and save key sets. Their tests and
		// examples/drill cover them.
		"jwks": {"cooldown.go", "event.go", "freshness.go", "poll.go", "refresher.go", "report.go", "saver.go", "status.go", "thumbprint.go"},
		// Explain decides nothing. FuzzExplain compares its result with that of Decide.
		".": {"explain.go", "explanation.go", "checktexts.go"},
		// This package only shortens texts for people.
		"internal/quote": {""},
	}
}

// listed describes a package, as printed by go list.
type listed struct {
	dir, name      string
	files, imports []string
	hasTests       bool
}

// listFormat prints one line for each package. parseList reads it.
const listFormat = `{{.ImportPath}}|{{.Name}}|{{with .Module}}{{.Path}}{{end}}|{{join .GoFiles ","}}|{{join .Imports ","}}|{{len .TestGoFiles}}{{len .XTestGoFiles}}`

// findTargets returns the targets of the module in root. It runs go list.
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
	return chooseTargets(packages, production(), skipped())
}

// parseList parses the output of go list. It returns the packages by folder.
func parseList(output string) (map[string]listed, error) {
	packages := make(map[string]listed)
	for line := range strings.Lines(output) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		if len(f) != 6 {
			return nil, fmt.Errorf("go list printed %q: got %d fields, want 6", line, len(f))
		}
		module := f[2]
		p := listed{dir: folder(module, f[0]), name: f[1], files: strings.Split(f[3], ","), hasTests: f[5] != "00"}
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

// packageIn returns the pattern by which the go command finds the package of a folder.
func packageIn(dir string) string {
	if dir == "." {
		return dir
	}
	return "./" + dir
}

// chooseTargets returns the production packages and the internal packages that they
// import, directly or indirectly. The tests of a target are its own, the conformance
// tests, and the tests of the production packages that import the target directly.
func chooseTargets(packages map[string]listed, production []string, skipped map[string][]string) ([]target, error) {
	mutated := slices.Clone(production)
	for i := 0; i < len(mutated); i++ { // mutated grows in the loop
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
				return nil, fmt.Errorf("targets.go skips %s, but there is no such file", path.Join(dir, file))
			}
		}
		t := target{dir: dir}
		for _, file := range packages[dir].files {
			if !slices.Contains(skip, file) {
				t.files = append(t.files, path.Join(dir, file))
			}
		}
		for _, tester := range append([]string{dir, conformance}, production...) {
			p, ok := packages[tester]
			needed := tester == dir || tester == conformance || slices.Contains(p.imports, dir)
			if pkg := packageIn(tester); ok && needed && p.hasTests && !slices.Contains(t.tests, pkg) {
				t.tests = append(t.tests, pkg)
			}
		}
		targets = append(targets, t)
	}
	return targets, nil
}
