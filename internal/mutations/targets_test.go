package main

import (
	"reflect"
	"strings"
	"testing"
)

// output is what go list prints of a module with a root, a room, an internal package
// that the room needs, and one that nobody needs.
const output = `example.com/m|m|example.com/m|a.go,b.go|errors,example.com/m/room|10
example.com/m/room|room|example.com/m|room.go,timing.go|example.com/m/internal/form|01
example.com/m/internal/form|form|example.com/m|form.go|strings|00
example.com/m/internal/form2|form2|example.com/m|form2.go||01
example.com/m/internal/conformance|conformance|example.com/m|doc.go|example.com/m|01
`

func TestRooms(t *testing.T) {
	packages, err := parseList(output)
	if err != nil {
		t.Fatal(err)
	}
	production := []string{"room", "."}
	got, err := chooseRooms(packages, production, map[string][]string{"room": {"timing.go"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []room{
		{".", []string{"a.go", "b.go"}, []string{".", "./internal/conformance"}},
		{"internal/form", []string{"internal/form/form.go"}, []string{"./internal/conformance", "./room"}},
		{"room", []string{"room/room.go"}, []string{"./room", "./internal/conformance", "."}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}

	got, err = chooseRooms(packages, production, map[string][]string{"internal/form": {""}})
	if err != nil || len(got) != 2 {
		t.Errorf("without a skipped folder: got %+v, %v, want 2 rooms", got, err)
	}
	if _, err = chooseRooms(packages, production, map[string][]string{"room": {"gone.go"}}); err == nil || !strings.Contains(err.Error(), "room/gone.go") {
		t.Errorf("a skipped file that is not there: got %v", err)
	}
	if _, err = chooseRooms(packages, []string{"gone"}, nil); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("a package that is not there: got %v", err)
	}
	if _, err = parseList("no list\n"); err == nil {
		t.Error("no output of go list: got no error")
	}
}

// TestFindRooms asks the go command about a real module.
func TestFindRooms(t *testing.T) {
	if _, err := findRooms(t.Context(), write(t, sample())); err == nil || !strings.Contains(err.Error(), "there is no package in scopes") {
		t.Errorf("a module without our packages: got %v", err)
	}
	files := map[string]string{"go.mod": "module example.com/m\n\ngo 1.26\n"}
	for _, dir := range production() {
		files[dir+"/x.go"] = "package x\n"
		for _, name := range skipped()[dir] {
			files[dir+"/"+name] = "package x\n"
		}
	}
	rooms, err := findRooms(t.Context(), write(t, files))
	if err != nil || len(rooms) != len(production()) {
		t.Errorf("got %+v, %v, want %d rooms", rooms, err, len(production()))
	}
}
