//go:build unix

package jwks_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// In a folder where all users can create files, Load must return an error for a link. It must
// not wait for the writer of a pipe.
func TestFileStoreOddFiles(t *testing.T) {
	for name, tt := range map[string]struct {
		put  func(path string) error
		want string
	}{
		"pipe": {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "not a regular file"},
		"link": {func(path string) error {
			target := path + "-target"
			if err := os.WriteFile(target, []byte("x"), 0o600); err != nil {
				return err
			}
			return os.Symlink(target, path)
		}, "file is a symbolic link"},
		"link to a missing file": {func(path string) error { return os.Symlink(path+"-none", path) }, "file is a symbolic link"},
		"folder":                 {func(path string) error { return os.Mkdir(path, 0o700) }, "not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if err := os.Chmod(folder, 0o777|os.ModeSticky); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(folder, "keys")
			if err := tt.put(path); err != nil {
				t.Fatal(err)
			}
			store, err := jwks.NewFileStore(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = store.Load(t.Context())
			wantText(t, err, tt.want)
			// A cache works with this Store, although Load fails. Close returns.
			i := newIssuer(ecKey("a"))
			o := options(i)
			o.Store = store
			c, err := jwks.New(keySetURL, o)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Ready(t.Context()); err != nil {
				t.Error(err)
			}
			closed := make(chan struct{})
			go func() { defer close(closed); _ = c.Close() }()
			select {
			case <-closed:
			case <-time.After(time.Minute):
				t.Error("Close did not return within 1 min")
			}
		})
	}
}

// NewFileStore returns an error for a sticky folder that belongs to a different user, because
// the owner of a sticky folder can replace the files in the folder.
func TestFileStoreStickyFolderOfOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can change the owner of a folder")
	}
	folder := t.TempDir()
	if err := os.Chown(folder, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	_, err := jwks.NewFileStore(filepath.Join(folder, "keys"))
	wantText(t, err, "belongs to user 12345")
}
