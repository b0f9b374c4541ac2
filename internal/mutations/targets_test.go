package main

import (
	"reflect"
	"strings"
	"testing"
)

// output is the output of go list for a module with a root package, a package api, an
// internal package that api imports, and an internal package without importers.
const output = `example.com/m|m|example.com/m|a.go,b.go|errors,example.com/m/api|10
example.com/m/api|api|example.com/m|api.go,timing.go|example.com/m/internal/form|01
example.com/m/internal/form|form|example.com/m|form.go|strings|00
example.com/m/internal/form2|form2|example.com/m|form2.go||01
example.com/m/internal/conformance|conformance|example.com/m|doc.go|example.com/m|01
`

func TestChooseTargets(t *testing.T) {
	packages, err := parseList(output)
	if err != nil {
		t.Fatal(err)
	}
	production := []string{"api", "."}
	got, err := chooseTargets(packages, production, map[string][]string{"api": {"timing.go"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []target{
		{".", []string{"a.go", "b.go"}, []string{".", "./internal/conformance"}},
		{"api", []string{"api/api.go"}, []string{"./api", "./internal/conformance", "."}},
		{"internal/form", []string{"internal/form/form.go"}, []string{"./internal/conformance", "./api"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}

	got, err = chooseTargets(packages, production, map[string][]string{"internal/form": {""}})
	if err != nil || len(got) != 2 {
		t.Errorf("skipped folder: got %+v, %v, want 2 targets", got, err)
	}
	if _, err = chooseTargets(packages, production, map[string][]string{"api": {"gone.go"}}); err == nil || !strings.Contains(err.Error(), "api/gone.go") {
		t.Errorf("skipped file that does not exist: got %v, want an error that names it", err)
	}
	if _, err = chooseTargets(packages, []string{"gone"}, nil); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("package that does not exist: got %v, want an error that names it", err)
	}
	if _, err = parseList("no list\n"); err == nil {
		t.Error("text that go list did not print: got no error, want one")
	}
}

// TestFindTargets runs go list in real modules.
func TestFindTargets(t *testing.T) {
	if _, err := findTargets(t.Context(), write(t, sample())); err == nil || !strings.Contains(err.Error(), "there is no package in scopes") {
		t.Errorf("module without our packages: got %v, want an error that names scopes", err)
	}
	files := map[string]string{"go.mod": "module example.com/m\n\ngo 1.26\n"}
	for _, dir := range production() {
		files[dir+"/x.go"] = "package x\n"
		for _, name := range skipped()[dir] {
			files[dir+"/"+name] = "package x\n"
		}
	}
	targets, err := findTargets(t.Context(), write(t, files))
	if err != nil || len(targets) != len(production()) {
		t.Errorf("got %+v, %v, want %d targets", targets, err, len(production()))
	}
}
