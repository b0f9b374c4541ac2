//go:build unix

package jwks_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/jwks"
)

// A symbolic link that other users can change is refused wherever in the path it is. Otherwise they
// choose a folder of this user, with a file of the same name. Links that they cannot change
// are followed, such as /var on macOS.
func TestFileStoreLinksInPath(t *testing.T) {
	const changeable = "symbolic link that other users can change"
	sticky := 0o777 | os.ModeSticky
	for n, row := range []struct {
		mode os.FileMode // of the folder "vol"
		link string      // a path below the temporary folder; its target is the folder "home"
		path string
		want string // part of the error, or ""
	}{
		{0o777, "vol/a", "vol/a/b", changeable},
		{0o775, "vol/a", "vol/a/b", changeable},
		{sticky, "vol/a", "vol/a/b", changeable},
		{0o777, "vol/a", "vol/a/b/c", changeable},
		{0o777, "vol/a", "vol/a/shared/none", changeable},
		{0o777, "vol/own/a", "vol/own/a/b", changeable}, // others can replace vol/own
		{0o777, "vol/a", "to-link/b", changeable},       // a link of this user to the link
		{0o777, "vol/a", "to-vol/a/b", changeable},
		{0o777, "vol/a", "vol/../vol/a/b", changeable},
		{0o777, "vol/a", "home/b", ""},
		{0o777, "vol/a", "vol/own/b", ""},
		{0o777, "vol/a", "to-home/b", ""},
		{0o777, "vol/a", "to-home/b/../b", ""},
		{sticky, "vol/own/a", "vol/own/a/b", ""}, // others cannot replace vol/own
		{0o755, "vol/a", "vol/a/b", ""},
		{0o700, "vol/a", "vol/a/b/c", ""},
		{0o700, "vol/a", "vol/a/shared/none", ""},
		{0o700, "vol/a", "to-link/b", ""},
		{0o700, "vol/a", "to-vol/a/b", ""},
		{0o700, "vol/a", "vol/loop/b", "more than 40 symbolic links"},
	} {
		for _, key := range [][]byte{nil, storeKey} {
			t.Run(fmt.Sprint(n, " ", row.path, " with a key: ", key != nil), func(t *testing.T) {
				folder := t.TempDir()
				in := func(name string) string { return filepath.Join(folder, name) }
				err := errors.Join(
					os.MkdirAll(in("vol/own/b"), 0o700), os.MkdirAll(in("home/b/c"), 0o700), os.Mkdir(in("home/shared"), 0o700), os.Chmod(in("home/shared"), 0o777|os.ModeSticky),
					os.Symlink(in("home"), in(row.link)), os.Symlink("home", in("to-home")), os.Symlink("vol/a", in("to-link")), os.Symlink(in("vol"), in("to-vol")), os.Symlink("loop", in("vol/loop")),
				)
				if err != nil {
					t.Fatal(err)
				}
				path := folder + "/" + row.path + "/keys"
				store, err := jwks.NewFileStore(path) // before other users can change the link
				if row.want != "" && row.want != changeable {
					wantText(t, err, row.want)
					return
				}
				if err := errors.Join(err, os.Chmod(in("vol"), row.mode)); err != nil {
					t.Fatal(err)
				}
				if row.want == "" {
					if _, err := jwks.NewFileStore(path); err != nil {
						t.Error(err)
					}
					want(t, "failures of the store", fmt.Sprint(useStore(t, store, key)), "[]")
					if _, err := os.Stat(path); err != nil {
						t.Error(err)
					}
					return
				}
				precious := []string{in("home/b/keys"), in("home/b/c/keys")}
				for _, name := range precious {
					if err := os.WriteFile(name, []byte("precious"), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				_, err = jwks.NewFileStore(path)
				wantText(t, err, row.want)
				if failures := useStore(t, store, key); len(failures) == 0 || !strings.Contains(fmt.Sprint(failures), row.want) {
					t.Errorf("got failures of the store %q, want %q", failures, row.want)
				}
				for _, name := range precious {
					data, err := os.ReadFile(name) //nolint:gosec // a file of this test
					want(t, name, fmt.Sprint(string(data), err), "precious<nil>")
				}
				if _, err := os.Stat(in("home/shared/none")); err == nil {
					t.Error("the store has made a folder behind the link")
				}
			})
		}
	}
}
