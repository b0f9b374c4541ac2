package names_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var updateAPI = flag.Bool("update-api", false, "rewrite testdata/api/names.txt")

const (
	repository = "../../"
	golden     = repository + "testdata/api/names.txt"
)

// list collects names. Each line is one name, and its first words are the kind of the name.
type list []string

func (l *list) add(words ...string) { *l = append(*l, strings.Join(words, " ")) }

// collectors collect the names of each kind. Each function fails the test if it finds fewer names
// than the kind has at least.
var collectors = map[string]struct {
	collect func(*testing.T) list
	least   int
}{
	"metrics":        {metricNames, 60},
	"alerts":         {alertNames, 15},
	"reasons":        {reasonNames, 120},
	"response parts": {responseNames, 25},
	"log records":    {logNames, 80},
	"header fields":  {fieldNames, 40},
	"trace names":    {traceNames, 10},
	"vector members": {vectorNames, 17},
	"program flags":  {flagNames, 19},
	"profiles":       {profileNames, 40},
	"dialects":       {dialectNames, 4},
}

// TestAPINames compares the names with testdata/api/names.txt, so that no name changes by accident.
// A commit that changes a name on purpose must update this file and describe the change in
// CHANGELOG.md. If the change removes a line, UPGRADING.md needs a row too.
func TestAPINames(t *testing.T) {
	var names list
	for kind, c := range collectors {
		found := c.collect(t)
		if len(found) < c.least {
			t.Errorf("%s: got %d names, want at least %d", kind, len(found), c.least)
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	text := strings.Join(names, "\n") + "\n"
	if *updateAPI {
		if err := os.WriteFile(golden, []byte(text), 0o644); err != nil { //nolint:gosec // a public file, like the code
			t.Fatal(err)
		}
		return
	}
	accepted, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	before := strings.Split(strings.TrimSuffix(string(accepted), "\n"), "\n")
	for _, name := range before {
		if !slices.Contains(names, name) {
			t.Errorf("got no name %q, want this name, because testdata/api/names.txt contains it%s", name, howToUpdate)
		}
	}
	for _, name := range names {
		if !slices.Contains(before, name) {
			t.Errorf("got the new name %q, want only names that testdata/api/names.txt contains%s", name, howToUpdate)
		}
	}
	if !t.Failed() && text != string(accepted) {
		t.Errorf("got a different order of lines in testdata/api/names.txt, want sorted lines%s", howToUpdate)
	}
}

const howToUpdate = `
If the change is intended, run: go test -run TestAPI . ./internal/names -update-api
and describe the change in CHANGELOG.md. A removed name also needs a row in UPGRADING.md.`
