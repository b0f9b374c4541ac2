//go:build linux

package jwks_test

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bearerkit/bearer/jwks"
)

// TestFileStoreFullDisk wants a set that could not be written whole to leave the one
// before it in place. The limit on files stands for the disk, and is that of a
// process, which is therefore one of its own.
func TestFileStoreFullDisk(t *testing.T) {
	const variable, room = "BEARER_TEST_FULL_DISK", 4096
	if path := os.Getenv(variable); path != "" {
		signal.Ignore(syscall.SIGXFSZ) // or it ends the process
		var usual syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &usual); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: room, Max: usual.Max}); err != nil {
			t.Fatal(err)
		}
		// The process writes its coverage at the end, where that is asked for.
		defer func() { _ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &usual) }()
		store, err := jwks.NewFileStore(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Save(t.Context(), make([]byte, 2*room)); !errors.Is(err, syscall.EFBIG) {
			t.Fatalf("Save: got %v, want %v", err, syscall.EFBIG)
		}
		return
	}
	path := filepath.Join(t.TempDir(), "keys")
	store, err := jwks.NewFileStore(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Save(t.Context(), []byte("good")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$") //nolint:gosec // this program
	cmd.Env = append(os.Environ(), variable+"="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("got %v, want it to pass:\n%s", err, out)
	}
	if got, err := store.Load(t.Context()); err != nil || string(got) != "good" {
		t.Errorf("Load: got %d bytes, %v, want what was there", len(got), err)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("got %v in the folder, %v, want nothing left behind", files, err)
	}
}
