package jwks_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearer/jwks"
)

func TestFileStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	store, err := jwks.NewFileStore(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Load(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load without a file: got %v, want fs.ErrNotExist", err)
	}
	for _, text := range []string{"one", "and two", ""} {
		if err := store.Save(t.Context(), []byte(text)); err != nil {
			t.Fatal(err)
		}
		data, err := store.Load(t.Context())
		if err != nil || string(data) != text {
			t.Errorf("Load: got %q and error %v, want %q and no error", data, err, text)
		}
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(files) != 1 {
		t.Errorf("files in the folder: got %q and error %v, want only the file of the store", files, err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode of the file: got %v and error %v, want 0600 and no error", info.Mode(), err)
	}
	//nolint:exhaustive // fs.FileMode is not an enumeration
	for mode, ok := range map[fs.FileMode]bool{0o600: true, 0o640: true, 0o644: true, 0o620: false, 0o602: false, 0o666: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Load(t.Context()); (err == nil) != ok {
			t.Errorf("Load of a file with mode %v: succeeded = %v, want %v; error: %v", mode, err == nil, ok, err)
		}
	}
	if err := store.Save(t.Context(), nil); err != nil { // Save replaces the file that Load refused
		t.Fatal(err)
	}
	folder := filepath.Dir(path)
	if err := os.Chmod(folder, 0o777); err != nil { //nolint:gosec // the test needs a folder in which all users can write
		t.Fatal(err)
	}
	_, err = store.Load(t.Context())
	wantText(t, err, "written by other users")
	wantText(t, store.Save(t.Context(), nil), "written by other users")
	o := options(newIssuer())
	o.Store = store
	_, err = jwks.New(keySetURL, o)
	wantText(t, err, "written by other users")
	if _, err = jwks.NewFileStore(path); err != nil { // the store may be used with a StoreKey
		t.Error(err)
	}
	if os.Geteuid() == 0 {
		if err := errors.Join(os.Chmod(folder, 0o700), os.Chown(path, 12345, 12345)); err != nil { //nolint:gosec // the mode of a folder must contain execute permission
			t.Fatal(err)
		}
		_, err = store.Load(t.Context())
		wantText(t, err, "belongs to user 12345")
	}
	_, err = jwks.NewFileStore("")
	wantText(t, err, "path is empty")
	_, err = jwks.NewFileStore(filepath.Join(folder, "none", "keys"))
	wantText(t, err, "no such file")
}

// TestFileStoreFails checks the errors of a file store. It also checks that a failed Save
// leaves no temporary file.
func TestFileStoreFails(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "keys")
	store, err := jwks.NewFileStore(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Save(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	_, err = jwks.NewFileStore(filepath.Join(path, "keys"))
	wantText(t, err, "the parent of the path is not a folder")
	const maxSize = 3 << 20
	for size, ok := range map[int64]bool{maxSize: true, maxSize + 1: false, 1 << 40: false} {
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Load(t.Context()); ok != (err == nil) {
			t.Errorf("Load of a file of %d bytes: succeeded = %v, want %v; error: %v", size, err == nil, ok, err)
		}
	}
	if err := errors.Join(os.Remove(path), os.MkdirAll(filepath.Join(path, "x"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := store.Save(t.Context(), []byte("x")); err == nil {
		t.Error("Save with a folder at the path: got no error, want an error")
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 1 {
		t.Errorf("files in the folder: got %v and error %v, want only the folder at the path", files, err)
	}
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	wantText(t, store.Save(t.Context(), []byte("x")), "no such file")
	if _, err := store.Load(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load after the folder was removed: got %v, want fs.ErrNotExist", err)
	}
}

// While Save runs, Load returns the complete old data or the complete new data.
func TestFileStoreIsAtomic(t *testing.T) {
	store, err := jwks.NewFileStore(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]bool{strings.Repeat("a", 1<<16): true, strings.Repeat("b", 1<<17): true}
	for text := range texts {
		if err := store.Save(t.Context(), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 20 {
			for text := range texts {
				if err := store.Save(t.Context(), []byte(text)); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for range 200 {
		data, err := store.Load(t.Context())
		if err != nil || !texts[string(data)] {
			t.Fatalf("Load: got %d bytes and error %v, want one of the saved texts and no error", len(data), err)
		}
	}
	wg.Wait()
}
