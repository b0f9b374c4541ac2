//go:build unix

package jwks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// oddFile is what an attacker puts at the path of a file store.
type oddFile struct {
	put  func(path string) error
	want string // part of the error of Load; "" if Load must succeed with a StoreKey
	root bool   // only root can run put
}

// oddFiles returns what an attacker with write access to the folder puts at the path.
func oddFiles() map[string]oddFile {
	// other is a file of the user of this process. The attacker cannot write to this file.
	other := func(path string) (string, error) {
		name := path + "-other"
		return name, os.WriteFile(name, []byte("x"), 0o600)
	}
	link := func(path string) error {
		name, err := other(path)
		return errors.Join(err, os.Symlink(name, path))
	}
	return map[string]oddFile{
		"pipe": {put: func(path string) error { return syscall.Mkfifo(path, 0o666) }, want: "not a regular file"},
		"link": {put: link, want: "file is a symbolic link"},
		"link in the folder": {put: func(path string) error {
			return errors.Join(link(path), os.Remove(path), os.Symlink("keys-other", path))
		}, want: "file is a symbolic link"},
		"link to a missing file": {put: func(path string) error { return os.Symlink(path+"-none", path) }, want: "file is a symbolic link"},
		"link to a device":       {put: func(path string) error { return os.Symlink("/dev/zero", path) }, want: "file is a symbolic link"},
		"link to itself":         {put: func(path string) error { return os.Symlink("keys", path) }, want: "file is a symbolic link"},
		"folder":                 {put: func(path string) error { return os.MkdirAll(filepath.Join(path, "x"), 0o777) }, want: "not a regular file"}, //nolint:gosec // an attacker makes this folder
		"socket":                 {put: listen, want: "not a regular file"},
		"very large file":        {put: func(path string) error { return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40)) }, want: "more than 3145728 bytes"},
		"file of another user": {put: func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o666), os.Chown(path, 12345, 12345)) //nolint:gosec // an attacker makes this file
		}, want: "belongs to user 12345", root: true},
		"empty file":                      {put: func(path string) error { return os.WriteFile(path, nil, 0o600) }, want: "damaged"},
		"hard link to a file of the user": {put: func(path string) error { name, err := other(path); return errors.Join(err, os.Link(name, path)) }, want: "damaged"},
	}
}

func listen(path string) error {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	return errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Close(fd))
}

// within fails the test if f does not return within a minute.
func within(t *testing.T, label string, f func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("%s: %v", label, err)
		}
	case <-time.After(time.Minute):
		t.Fatalf("%s did not return within 1 min", label)
	}
}

// useStore runs a cache with this Store. The cache must get the keys from the issuer, and must
// stop, although the Store fails. The result has the log record of each failed call of the Store.
func useStore(t *testing.T, store jwks.Store, key []byte) (failures []string) {
	t.Helper()
	var log bytes.Buffer // the handler locks it, and the cache writes no records after Close
	o := options(newIssuer(ecKey("a")))
	o.Store, o.StoreKey, o.Logger = store, key, slog.New(slog.NewTextHandler(&log, nil))
	c, err := jwks.New(keySetURL, o)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "Ready", func() error { return c.Ready(t.Context()) })
	within(t, "Close", c.Close)
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "jwks: key set in the store cannot be used") || strings.Contains(line, "jwks: storing the key set failed") {
			failures = append(failures, line)
		}
	}
	return failures
}

// wantFailure fails the test if the first call of the Store did not fail with this text.
func wantFailure(t *testing.T, failures []string, text string) {
	t.Helper()
	if len(failures) == 0 || !strings.Contains(failures[0], text) {
		t.Errorf("failures of the store: got %q, want the first with the text %q", failures, text)
	}
}

// In a folder where all users can create files, Load must return an error for a link and for
// other odd files. It must not wait for the writer of a pipe. The cache works without the stored
// keys.
func TestFileStoreOddFiles(t *testing.T) {
	for name, odd := range oddFiles() {
		for _, folder := range []struct {
			mode os.FileMode
			key  []byte
		}{{0o777 | os.ModeSticky, nil}, {0o777 | os.ModeSticky, storeKey}, {0o777, storeKey}, {0o700, storeKey}} {
			t.Run(fmt.Sprint(name, folder.mode, len(folder.key)), func(t *testing.T) {
				if odd.root && os.Geteuid() != 0 {
					t.Skip("only root can change the owner of a file")
				}
				path := filepath.Join(volume(t, folder.mode), "keys")
				if err := odd.put(path); err != nil {
					t.Fatal(err)
				}
				store, err := jwks.NewFileStore(path)
				if err != nil {
					t.Fatal(err)
				}
				expected := odd.want
				if strings.HasPrefix(name, "hard link") && folder.key == nil {
					expected = "more than one name"
				}
				wantFailure(t, useStore(t, store, folder.key), expected)
				if got, err := os.ReadFile(path + "-other"); err == nil && string(got) != "x" { //nolint:gosec // the path is in a folder of the test
					t.Errorf("file that the link names: got %q, want it unchanged", got)
				}
				if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".keys.*")); err != nil || len(left) != 0 {
					t.Errorf("temporary files: got %q and error %v, want none", left, err)
				}
			})
		}
	}
}

// An attacker who can write to the folder above the last folder of the path puts something else
// at the place of the last folder. Load and Save must not use it.
func TestFileStoreOddFolders(t *testing.T) {
	for name, row := range map[string]struct {
		put  func(folder, private string) error
		want string
		root bool
	}{
		"link to a folder of the user": {func(folder, private string) error { return os.Symlink(private, folder) }, "folder is a symbolic link", false},
		"relative link": {func(folder, _ string) error {
			return errors.Join(os.Mkdir(folder+"2", 0o700), os.Symlink("bearer2", folder))
		}, "folder is a symbolic link", false},
		"link to a missing folder": {func(folder, _ string) error { return os.Symlink("none", folder) }, "folder is a symbolic link", false},
		"pipe":                     {func(folder, _ string) error { return syscall.Mkfifo(folder, 0o666) }, "not a folder", false},
		"file":                     {func(folder, _ string) error { return os.WriteFile(folder, nil, 0o666) }, "not a folder", false}, //nolint:gosec // an attacker makes this file
		"folder of another user": {func(folder, _ string) error {
			return errors.Join(os.Mkdir(folder, 0o777), os.Chown(folder, 12345, 12345)) //nolint:gosec // an attacker makes this folder
		}, "folder belongs to user 12345", true},
		"folder of another user, 0700": {func(folder, _ string) error {
			return errors.Join(os.Mkdir(folder, 0o700), os.Chown(folder, 12345, 12345))
		}, "folder belongs to user 12345", true},
		"folder of another user, 01777": {func(folder, _ string) error {
			return errors.Join(os.Mkdir(folder, 0o777), os.Chmod(folder, 0o777|os.ModeSticky), os.Chown(folder, 12345, 12345)) //nolint:gosec // an attacker makes this folder
		}, "folder belongs to user 12345", true},
	} {
		t.Run(name, func(t *testing.T) {
			if row.root && os.Geteuid() != 0 {
				t.Skip("only root can change the owner of a folder")
			}
			private, folder := volume(t, 0o700), filepath.Join(volume(t, 0o777), "bearer")
			path := filepath.Join(folder, "keys")
			store, err := jwks.NewFileStore(path)
			if err != nil {
				t.Fatal(err)
			}
			if failures := useStore(t, store, storeKey); len(failures) != 0 {
				t.Fatalf("failures of the store: got %q, want none", failures)
			}
			// The folder is replaced after the start.
			if err := errors.Join(os.Rename(folder, folder+"-old"), row.put(folder, private)); err != nil {
				t.Fatal(err)
			}
			failures := useStore(t, store, storeKey)
			want(t, "failures of Load and Save", len(failures), 2)
			wantFailure(t, failures, row.want)
			// The folder was replaced before the start.
			within(t, "NewFileStore", func() error {
				_, err := jwks.NewFileStore(path)
				wantText(t, err, row.want)
				return nil
			})
			for _, dir := range []string{private, folder + "2", folder} {
				if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 0 {
					t.Errorf("files in %s: got %q, want none", dir, files)
				}
			}
		})
	}
}

// A link at the last folder of the path is used only if other users cannot change it. systemd
// makes such a link for a service with DynamicUser.
func TestFileStoreTrustedLink(t *testing.T) {
	for _, row := range []struct {
		mode os.FileMode // of the folder that contains the link
		want string      // part of the error of NewFileStore
	}{
		{0o700, ""},
		{0o755, ""},
		{0o775, "folder is a symbolic link"},
		{0o777, "folder is a symbolic link"},
		{0o777 | os.ModeSticky, "folder is a symbolic link"},
	} {
		for name, relative := range map[string]bool{"relative": true, "absolute": false} {
			t.Run(fmt.Sprint(row.mode, name), func(t *testing.T) {
				parent := volume(t, row.mode)
				target := filepath.Join(parent, "private")
				if err := os.Mkdir(target, 0o700); err != nil {
					t.Fatal(err)
				}
				text := target
				if relative {
					text = "private"
				}
				err := errors.Join(os.Symlink(text, filepath.Join(parent, "state")), os.Symlink("state", filepath.Join(parent, "twice")), os.Symlink("none", filepath.Join(parent, "broken")))
				if err != nil {
					t.Fatal(err)
				}
				store, err := jwks.NewFileStore(filepath.Join(parent, "state", "keys"))
				if row.want != "" {
					wantText(t, err, row.want)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if failures := useStore(t, store, nil); len(failures) != 0 {
					t.Errorf("failures of the store: got %q, want none", failures)
				}
				if _, err := os.Lstat(filepath.Join(target, "keys")); err != nil {
					t.Errorf("file in the folder that the link names: %v", err)
				}
				if _, err := jwks.NewFileStore(filepath.Join(parent, "twice", "keys")); err != nil {
					t.Errorf("link to a link: got error %v, want none", err)
				}
				_, err = jwks.NewFileStore(filepath.Join(parent, "broken", "keys"))
				wantText(t, err, "no such file", "create the folder")
			})
		}
	}
}

// While an attacker replaces the folder and the file all the time, Load never returns the content
// of a different file, and Save writes to no different folder.
func TestFileStoreRaces(t *testing.T) {
	root := volume(t, 0o777)
	private := filepath.Join(root, "private") // a folder of the user, with a file of the same name
	folder := filepath.Join(root, "bearer")
	path := filepath.Join(folder, "keys")
	if err := errors.Join(os.Mkdir(private, 0o700), os.WriteFile(filepath.Join(private, "keys"), []byte("private"), 0o600),
		os.Mkdir(folder, 0o777), os.Chmod(folder, 0o777|os.ModeSticky), os.WriteFile(filepath.Join(folder, "other"), []byte("private"), 0o600)); err != nil { //nolint:gosec // the attacker can write to this folder
		t.Fatal(err)
	}
	store, err := jwks.NewFileStore(path)
	if err != nil {
		t.Fatal(err)
	}
	inside, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = inside.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	var attackers sync.WaitGroup
	attackers.Go(func() { // replaces the folder with a link to the folder private
		for ctx.Err() == nil {
			_ = os.Rename(folder, folder+"-old")
			_ = os.Symlink(private, folder)
			_ = os.Remove(folder)
			_ = os.Rename(folder+"-old", folder)
		}
	})
	attackers.Go(func() { // replaces the file with a link to the file other
		for ctx.Err() == nil {
			_ = inside.Symlink("other", "link")
			_ = inside.Rename("link", "keys")
			_ = inside.WriteFile("new", []byte("new"), 0o600)
			_ = inside.Rename("new", "keys")
		}
	})
	loads, saves := 0, 0
	for start := time.Now(); time.Since(start) < time.Second || (loads == 0 || saves == 0) && time.Since(start) < time.Minute; {
		if data, err := store.Load(t.Context()); err == nil {
			loads++
			if text := string(data); text != "mine" && text != "new" && text != "" {
				t.Errorf("Load: got %q, want the data of the store", text)
			}
		}
		if store.Save(t.Context(), []byte("mine")) == nil {
			saves++
		}
	}
	cancel()
	attackers.Wait()
	t.Logf("%d calls of Load and %d calls of Save succeeded", loads, saves)
	if loads == 0 || saves == 0 {
		t.Errorf("got %d successful calls of Load and %d of Save, want at least one of each", loads, saves)
	}
	files, err := os.ReadDir(private)
	data, readErr := os.ReadFile(filepath.Join(private, "keys")) //nolint:gosec // the path is in a folder of the test
	if err := errors.Join(err, readErr); err != nil || len(files) != 1 || string(data) != "private" {
		t.Errorf("folder of the user: got files %v, content %q and error %v, want one unchanged file", files, data, err)
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
