package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestCommitted requires that the committed vectors equal the output of this program. The
// program must therefore write the same output each time.
func TestCommitted(t *testing.T) {
	const root = "../../../../testdata"
	keys, err := loadKeys(filepath.Join(root, "keys"), false)
	if err != nil {
		t.Fatal(err)
	}
	files, err := generate(keys)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, "vectors", filepath.FromSlash(name)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("testdata/vectors/%s is out of date (%v); run: go run ./cmd/vectors", name, err)
		}
	}
	committed, err := filepath.Glob(filepath.Join(root, "vectors", "rows", "*.json"))
	if err != nil || len(committed)+1 != len(files) {
		t.Errorf("testdata/vectors/rows: got %d files, want %d: %v", len(committed), len(files)-1, err)
	}
}
