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

// If Save cannot write all of the new data, Load returns the old data. The test simulates a
// full disk with a limit on the file size. The limit applies to a whole process, so the test
// runs itself in a new process.
func TestFileStoreFullDisk(t *testing.T) {
	const variable, maxSize = "BEARER_TEST_FULL_DISK", 4096
	if path := os.Getenv(variable); path != "" {
		signal.Ignore(syscall.SIGXFSZ) // by default, this signal ends the process
		var usual syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &usual); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: maxSize, Max: usual.Max}); err != nil {
			t.Fatal(err)
		}
		// If the test runs with -cover, the process writes a coverage file when it ends. So
		// the deferred function removes the limit.
		defer func() { _ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &usual) }()
		store, err := jwks.NewFileStore(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Save(t.Context(), make([]byte, 2*maxSize)); !errors.Is(err, syscall.EFBIG) {
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
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$") //nolint:gosec // the path of this test program
	cmd.Env = append(os.Environ(), variable+"="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("test process with a full disk: %v\n%s", err, out)
	}
	if got, err := store.Load(t.Context()); err != nil || string(got) != "good" {
		t.Errorf("Load: got %d bytes and error %v, want the old data and no error", len(got), err)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("files in the folder: got %v and error %v, want only the file of the store", files, err)
	}
}
