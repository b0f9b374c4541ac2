package main

import (
	"reflect"
	"strings"
	"testing"
)

// listOutput is the output of go list for a module. The module has a root package, a package
// api, an internal package that api imports, an internal package that no package imports, and
// the conformance tests.
const listOutput = `example.com/m|m|example.com/m|a.go,b.go|errors,example.com/m/api|10
example.com/m/api|api|example.com/m|api.go,timing.go|example.com/m/internal/form|01
example.com/m/internal/form|form|example.com/m|form.go|strings|00
example.com/m/internal/form2|form2|example.com/m|form2.go||01
example.com/m/internal/conformance|conformance|example.com/m|doc.go|example.com/m|01
`

func TestChooseTargets(t *testing.T) {
	packages, err := parseList(listOutput)
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
		t.Errorf("skipped folder: got the targets %+v and the error %v, want 2 targets and no error", got, err)
	}
	if _, err = chooseTargets(packages, production, map[string][]string{"api": {"gone.go"}}); err == nil || !strings.Contains(err.Error(), "api/gone.go") {
		t.Errorf("skipped file that does not exist: got the error %v, want an error that contains api/gone.go", err)
	}
	if _, err = chooseTargets(packages, []string{"gone"}, nil); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("package that does not exist: got the error %v, want an error that contains gone", err)
	}
	if _, err = parseList("no list\n"); err == nil {
		t.Error("text that is not an output of go list: got no error, want an error")
	}
}

// TestFindTargets runs go list in real modules.
func TestFindTargets(t *testing.T) {
	if _, err := findTargets(t.Context(), writeModule(t, sampleModule())); err == nil || !strings.Contains(err.Error(), "there is no package in scopes") {
		t.Errorf("module without the production packages: got the error %v, want an error that contains scopes", err)
	}
	files := map[string]string{"go.mod": "module example.com/m\n\ngo 1.26\n"}
	for _, dir := range productionDirs() {
		files[dir+"/x.go"] = "package x\n"
		for _, name := range skippedFiles()[dir] {
			files[dir+"/"+name] = "package x\n"
		}
	}
	targets, err := findTargets(t.Context(), writeModule(t, files))
	if err != nil || len(targets) != len(productionDirs()) {
		t.Errorf("got the targets %+v and the error %v, want %d targets and no error", targets, err, len(productionDirs()))
	}
}
