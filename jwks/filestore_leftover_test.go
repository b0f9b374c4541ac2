package jwks_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// TestFileStoreLeftovers checks that Load removes the temporary files of killed processes, and no
// other file.
func TestFileStoreLeftovers(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "keys")
	store, err := jwks.NewFileStore(path)
	if err != nil {
		t.Fatal(err)
	}
	old, young := time.Now().Add(-2*time.Minute), time.Now().Add(-30*time.Second)
	removed := map[string]time.Time{".keys.1": old, ".keys.4294967295": old, ".keys.0123": old}
	kept := map[string]time.Time{
		".keys.2": young, ".keys.3": time.Now().Add(time.Hour), // a Save may be in progress
		".keys.": old, ".keys": old, ".keys.1a": old, ".keys.-1": old, ".keys.1.2": old, ".keys.tmp": old, ".keys.1~": old,
		"keys.1": old, ".keyss.1": old, ".other.1": old, "..keys.1": old,
	}
	for name, changed := range removed {
		leave(t, filepath.Join(folder, name), changed)
	}
	for name, changed := range kept {
		leave(t, filepath.Join(folder, name), changed)
	}
	inner := filepath.Join(folder, ".keys.7")
	if err := errors.Join(os.Mkdir(inner, 0o700), os.Chtimes(inner, old, old)); err != nil {
		t.Fatal(err)
	}
	kept[".keys.7"] = old // a folder
	if os.Symlink(filepath.Join(folder, ".keys.tmp"), filepath.Join(folder, ".keys.8")) == nil {
		kept[".keys.8"] = old // a link
	}
	_, _ = store.Load(t.Context()) // no file is stored yet, because the first Save was killed
	var names, want []string
	for name := range kept {
		want = append(want, name)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(want)
	slices.Sort(names)
	if !slices.Equal(names, want) {
		t.Errorf("files after Load:\ngot  %q\nwant %q", names, want)
	}
}

func leave(t *testing.T, path string, changed time.Time) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path, []byte("half"), 0o600), os.Chtimes(path, changed, changed)); err != nil {
		t.Fatal(err)
	}
}

// Load returns the data also if the folder contains very many files, and it then looks for
// leftovers in only a part of the folder.
func TestFileStoreManyFiles(t *testing.T) {
	folder := t.TempDir()
	store, err := jwks.NewFileStore(filepath.Join(folder, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Save(t.Context(), []byte("data")); err != nil {
		t.Fatal(err)
	}
	const files, most = 12_000, 10_000
	old := time.Now().Add(-time.Hour)
	leave(t, filepath.Join(folder, ".keys.0"), old)
	for n := 1; n < files; n++ { // links are faster to make than files
		if err := os.Link(filepath.Join(folder, ".keys.0"), filepath.Join(folder, fmt.Sprint(".keys.", n))); err != nil {
			t.Fatal(err)
		}
	}
	if data, err := store.Load(t.Context()); err != nil || string(data) != "data" {
		t.Errorf("Load: got %q and error %v, want the data and no error", data, err)
	}
	left, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(left); n < files-most || n > files-most+3 { // the file, and two names that some systems list
		t.Errorf("files after Load: got %d, want about %d", n, files-most)
	}
	if data, err := store.Load(t.Context()); err != nil || string(data) != "data" {
		t.Errorf("second Load: got %q and error %v, want the data and no error", data, err)
	}
	if left, err = os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("files after the second Load: got %d and error %v, want 1 and no error", len(left), err)
	}
}

// The name of the file may have as many bytes as before.
func TestFileStoreLongName(t *testing.T) {
	store, err := jwks.NewFileStore(filepath.Join(t.TempDir(), strings.Repeat("k", 240)))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Save(t.Context(), []byte("data")); err != nil {
		t.Fatal(err)
	}
	if data, err := store.Load(t.Context()); err != nil || string(data) != "data" {
		t.Errorf("Load: got %q and error %v, want the data and no error", data, err)
	}
}
