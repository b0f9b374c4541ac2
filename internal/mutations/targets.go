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

// room is a folder whose checks are switched off.
type room struct {
	dir   string
	files []string // from the root of the module, without what skipped names
	tests []string // the packages whose tests are run, the nearest first
}

// production lists the packages that decide about requests. What they import of our
// own internal packages is mutated too.
func production() []string {
	return []string{"scopes", "jwks", ".", "middleware", "interceptor"}
}

// conformance is a package without production code: its tests run the vectors of
// testdata against all transports.
const conformance = "internal/conformance"

// skipped returns the files whose checks are not switched off, by folder. "" is the
// whole folder.
func skipped() map[string][]string {
	return map[string][]string{
		// When keys are fetched again: the tests of that and the drill measure time.
		"jwks": {"cooldown.go", "event.go", "freshness.go", "poll.go", "refresher.go", "report.go", "saver.go", "status.go", "thumbprint.go"},
		// Explanations decide nothing. FuzzExplain compares them with the verdicts.
		".": {"explain.go", "explanation.go", "checktexts.go"},
		// It shortens texts for people.
		"internal/quote": {""},
	}
}

// listed is what the go command says about a package.
type listed struct {
	dir, name      string
	files, imports []string
	hasTests       bool
}

// listFormat makes one line of each package, which parseList reads.
const listFormat = `{{.ImportPath}}|{{.Name}}|{{with .Module}}{{.Path}}{{end}}|{{join .GoFiles ","}}|{{join .Imports ","}}|{{len .TestGoFiles}}{{len .XTestGoFiles}}`

// findRooms asks the go command for the packages of the module in root.
func findRooms(ctx context.Context, root string) ([]room, error) {
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
	return chooseRooms(packages, production(), skipped())
}

// parseList returns the packages by their folder, from the output of go list.
func parseList(output string) (map[string]listed, error) {
	packages := make(map[string]listed)
	for line := range strings.Lines(output) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		if len(f) != 6 {
			return nil, fmt.Errorf("go list printed %q: want 6 fields", line)
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

// folder returns the folder of a package, from the root of its module.
func folder(module, importPath string) string {
	if importPath == module {
		return "."
	}
	return strings.TrimPrefix(importPath, module+"/")
}

// packageIn names the package of a folder as the go command takes it.
func packageIn(dir string) string {
	if dir == "." {
		return dir
	}
	return "./" + dir
}

// chooseRooms returns the production packages and the internal packages that they
// need, each with its own tests, those of conformance, and those of the production
// packages that import it.
func chooseRooms(packages map[string]listed, production []string, skipped map[string][]string) ([]room, error) {
	mutated := slices.Clone(production)
	for i := 0; i < len(mutated); i++ { // it grows
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
	var rooms []room
	for _, dir := range mutated {
		skip := skipped[dir]
		if slices.Contains(skip, "") {
			continue
		}
		for _, file := range skip {
			if !slices.Contains(packages[dir].files, file) {
				return nil, fmt.Errorf("rooms.go skips %s, and there is no such file", path.Join(dir, file))
			}
		}
		r := room{dir: dir}
		for _, file := range packages[dir].files {
			if !slices.Contains(skip, file) {
				r.files = append(r.files, path.Join(dir, file))
			}
		}
		for _, tester := range append([]string{dir, conformance}, production...) {
			p, ok := packages[tester]
			needed := tester == dir || tester == conformance || slices.Contains(p.imports, dir)
			if pkg := packageIn(tester); ok && needed && p.hasTests && !slices.Contains(r.tests, pkg) {
				r.tests = append(r.tests, pkg)
			}
		}
		rooms = append(rooms, r)
	}
	return rooms, nil
}
