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

// TestOddDocuments runs one fast incident with each library, and checks the page with the
// results.
func TestOddDocuments(t *testing.T) {
	path := filepath.Join(t.TempDir(), "incidents.md")
	if err := run(t.Context(), []string{"-run", "odd documents", "-o", path}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(path) //nolint:gosec // in the temporary folder of the test
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| incident | bearer | keyfunc | go-oidc |\n|---|---|---|---|\n",
		"| odd documents instead of a key set | valid keys lost in 0 of 27 cases |",
		"**keyfunc** loses valid keys if the issuer publishes: ", "**go-oidc** loses valid keys if the issuer publishes: ",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not contain %q:\n%s", want, page)
		}
	}
	if strings.Contains(string(page), "**bearer** loses") {
		t.Errorf("the page contains \"**bearer** loses\", want a page without this text:\n%s", page)
	}
}

// TestError tests that the page shows the error of one subject, and the results of the other
// subjects.
func TestError(t *testing.T) {
	var out strings.Builder
	l := line{name: "x", text: func(incident.Result) string { return "fine" }}
	err := write(&out, []line{l}, [][]cell{{{}, {err: context.Canceled}, {}}})
	if want := "| x | fine | error: context canceled | fine |"; err != nil || !strings.Contains(out.String(), want) {
		t.Errorf("write returned the error %v, want no error and a page that contains %q:\n%s", err, want, out.String())
	}
}

func TestArguments(t *testing.T) {
	for _, args := range [][]string{{"x"}, {"-run", "("}, {"-x"}, {"-run", "odd documents", "-o", t.TempDir()}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("arguments %q: got no error, want an error", args)
		}
	}
}
