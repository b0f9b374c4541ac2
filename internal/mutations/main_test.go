package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestReadResults parses lines in the form that tryAll prints.
func TestReadResults(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, []byte("go: downloading x\nred p/p.go:7 p T.f: a || `b|c` -> false ./p TestF/a -> b\nSURVIVED p/p.go:8 p f: a -> nil\nred x.go:1 . f: a -> b -> another name ./q out of memory\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readResults(file)
	if err != nil || len(got) != 2 {
		t.Fatalf("got %v and the error %v, want 2 results and no error", got, err)
	}
	for name, want := range map[string]result{
		"p T.f: a || `b|c` -> false":  {red: "./p", test: "TestF/a -> b"},
		". f: a -> b -> another name": {red: "./q", test: "out of memory"},
	} {
		if got[name] != want {
			t.Errorf("%s: got %+v, want %+v", name, got[name], want)
		}
	}
	if got, err := readResults(""); got != nil || err != nil {
		t.Errorf("no file: got %v and the error %v, want no results and no error", got, err)
	}
	if _, err := readResults(file + "x"); err == nil {
		t.Error("file that does not exist: got no error, want an error")
	}
}
