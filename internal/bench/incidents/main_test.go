package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/incident"
)

// One cheap incident for all, and the page of it.
func TestOddDocuments(t *testing.T) {
	path := filepath.Join(t.TempDir(), "incidents.md")
	if err := run(t.Context(), []string{"-run", "odd documents", "-o", path}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(path) //nolint:gosec // in a temporary folder
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| incident | bearer | keyfunc | go-oidc |\n|---|---|---|---|\n",
		"| odd documents | 0 of 27 cost the good keys |",
		"**keyfunc** loses good keys to: ", "**go-oidc** loses good keys to: ",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not have %q:\n%s", want, page)
		}
	}
	if strings.Contains(string(page), "**bearer** loses") {
		t.Errorf("bearer loses keys:\n%s", page)
	}
}

// What cannot be run is said, and costs nothing else.
func TestCannotBeRun(t *testing.T) {
	var out strings.Builder
	l := line{name: "x", say: func(incident.Result) string { return "fine" }}
	err := write(&out, []line{l}, [][]cell{{{}, {err: context.Canceled}, {}}})
	if err != nil || !strings.Contains(out.String(), "| x | fine | could not be run: context canceled | fine |") {
		t.Errorf("got %v\n%s", err, out.String())
	}
}

func TestArguments(t *testing.T) {
	for _, args := range [][]string{{"x"}, {"-run", "("}, {"-x"}, {"-run", "odd documents", "-o", t.TempDir()}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%q: got no error", args)
		}
	}
}
