package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckFiles checks that a release refuses symbolic links and submodules, and accepts other files.
func TestCheckFiles(t *testing.T) {
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		if _, err := git(t.Context(), dir, args...); err != nil {
			t.Fatal(err)
		}
	}
	run("init", "-q")
	for _, name := range []string{"go.mod", "120000 a name"} {
		if err := writeFile(filepath.Join(dir, name), "module example.com/x\n"); err != nil {
			t.Fatal(err)
		}
	}
	run("add", "--all")
	r := release{options: options{tree: dir}}
	if err := r.checkFiles(t.Context()); err != nil {
		t.Errorf("got the error %v for regular files, want none", err)
	}
	// The index can contain a link on each system, even if its file system has no links.
	link := filepath.Join(t.TempDir(), "link")
	if err := os.WriteFile(link, []byte("../victim"), 0o600); err != nil {
		t.Fatal(err)
	}
	blob, err := git(t.Context(), dir, "hash-object", "-w", link)
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"120000", "160000"} {
		run("update-index", "--add", "--cacheinfo", mode+","+blob+",go.sum")
		if err := r.checkFiles(t.Context()); err == nil || !strings.Contains(err.Error(), "go.sum is a symbolic link or a submodule") {
			t.Errorf("mode %s: got the error %v, want an error with the name go.sum", mode, err)
		}
	}
}
