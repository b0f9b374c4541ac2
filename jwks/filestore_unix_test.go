//go:build unix

package jwks_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// startWithFile starts a cache of the issuer i with a file store. The function must be called in
// a synctest bubble. It waits until the cache has called the store. The error is the error of
// NewFileStore or New.
func startWithFile(t *testing.T, i *issuer, path string, key []byte) (*jwks.Cache, *recorder, error) {
	t.Helper()
	store, err := jwks.NewFileStore(path)
	if err != nil {
		return nil, nil, err
	}
	events := new(recorder)
	o := options(i)
	o.Store, o.StoreKey, o.Observe = store, key, events.add
	c, err := jwks.New(keySetURL, o)
	if err != nil {
		return nil, nil, err
	}
	t.Cleanup(func() { _ = c.Close() })
	synctest.Wait()
	return c, events, nil
}

// storeError returns the error of the first StoreFailed event, or nil.
func storeError(r *recorder) error {
	for _, e := range r.all() {
		if e.Kind == jwks.StoreFailed {
			return e.Err
		}
	}
	return nil
}

// restored starts a cache with a file store while the issuer is down. It reports whether the cache
// has keys. The error is the error of NewFileStore, New or the store.
func restored(t *testing.T, path string, key []byte) (bool, error) {
	t.Helper()
	c, events, err := startWithFile(t, &issuer{down: true}, path, key)
	if err != nil {
		return false, err
	}
	defer func() { _ = c.Close() }()
	return c.Status().Restored, storeError(events)
}

// kubeletMounts changes the modes in a volume in the way in which the kubelet changes them when
// it mounts a volume with an fsGroup. Old kubelets set the setgid bit of files too.
func kubeletMounts(t *testing.T, volume string) {
	t.Helper()
	err := filepath.WalkDir(volume, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := info.Mode() | 0o660 | fs.ModeSetgid
		if d.IsDir() {
			mode |= 0o110
		}
		return os.Chmod(path, mode) //nolint:gosec // no other process changes the folder of the test
	})
	if err != nil {
		t.Fatal(err)
	}
}

// storeKeys starts a cache with a file store, and closes it when it has stored its keys.
func storeKeys(t *testing.T, path string, key []byte) error {
	t.Helper()
	c, events, err := startWithFile(t, newIssuer(ecKey("a")), path, key)
	if err != nil {
		return err
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return storeError(events)
}

// volume returns a new folder with this mode.
func volume(t *testing.T, mode fs.FileMode) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "volume")
	if err := errors.Join(os.Mkdir(folder, 0o700), os.Chmod(folder, mode)); err != nil {
		t.Fatal(err)
	}
	return folder
}

const needsKey = "set Options.StoreKey"

// TestFileStoreModes starts services with a file store in folders of all kinds. If other users can
// replace files in the folder, New requires a StoreKey. With a StoreKey, the keys survive a
// restart, also if the kubelet mounts the volume again between the two starts.
func TestFileStoreModes(t *testing.T) {
	for _, perm := range []fs.FileMode{0o700, 0o750, 0o755, 0o720, 0o770, 0o775, 0o702, 0o777} {
		for _, bits := range []fs.FileMode{0, fs.ModeSetgid, fs.ModeSticky, fs.ModeSetgid | fs.ModeSticky} {
			for _, name := range []string{"keys.json", "bearer/keys.json"} {
				t.Run(fmt.Sprint(perm|bits, name), func(t *testing.T) { tryMode(t, perm|bits, name) })
			}
		}
	}
}

// tryMode tests a folder with this mode. If the name has a folder, this folder does not exist.
func tryMode(t *testing.T, mode fs.FileMode, name string) {
	t.Helper()
	shared := mode.Perm()&0o022 != 0
	replaceable := shared && mode&fs.ModeSticky == 0
	path := filepath.Join(volume(t, mode), name)
	mustExist := filepath.Dir(name) != "." && !shared
	synctest.Test(t, func(t *testing.T) {
		err := storeKeys(t, path, nil)
		switch {
		case mustExist:
			wantText(t, err, "no such file")
		case replaceable:
			wantText(t, err, "jwks: Options.Store: file store", "can be written by other users", needsKey, "at least 32 bytes")
		case err != nil:
			t.Errorf("without a StoreKey: got error %v, want none", err)
		default:
			ok, err := restored(t, path, nil)
			if !ok || err != nil {
				t.Errorf("restart without a StoreKey: restored = %v, error %v; want true and no error", ok, err)
			}
		}
	})
	if mustExist {
		return
	}
	path = filepath.Join(volume(t, mode), name)
	synctest.Test(t, func(t *testing.T) {
		if err := storeKeys(t, path, storeKey); err != nil {
			t.Fatalf("with a StoreKey: got error %v, want none", err)
		}
		wantModes(t, path, name)
		for _, mounted := range []bool{false, true} {
			if mounted {
				kubeletMounts(t, filepath.Join(path, strings.Repeat("../", strings.Count(name, "/")+1)))
			}
			ok, err := restored(t, path, storeKey)
			if !ok || err != nil {
				t.Errorf("restart with a StoreKey, mounted again = %v: restored = %v, error %v; want true and no error", mounted, ok, err)
			}
		}
		ok, err := restored(t, path, nil) // the group can now write to the folder and to the file
		if ok {
			t.Error("restart without a StoreKey in a volume with an fsGroup: restored = true, want false")
		}
		wantText(t, err, "can be written by other users", needsKey)
		if err := storeKeys(t, path, storeKey); err != nil {
			t.Errorf("storing keys after the kubelet mounted the volume again: got error %v, want none", err)
		}
	})
}

// wantModes checks the modes of the file and of a folder that the store has made.
func wantModes(t *testing.T, path, name string) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("file: got mode %v and error %v, want 0600 and no error", info.Mode(), err)
	}
	if filepath.Dir(name) == "." {
		return
	}
	info, err = os.Lstat(filepath.Dir(path))
	if err != nil || info.Mode().Perm() != 0o700 || !info.IsDir() {
		t.Errorf("folder: got mode %v and error %v, want 0700 and no error", info.Mode(), err)
	}
}

// TestFileStoreInPod runs TestFileStoreModes as a user who does not own the volume. In a pod, the
// volume belongs to root, and the group of the volume is the fsGroup.
func TestFileStoreInPod(t *testing.T) {
	const variable = "BEARER_TEST_VOLUME"
	if folder := os.Getenv(variable); folder != "" {
		for _, name := range []string{"keys.json", "bearer/keys.json"} {
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(folder, name)
				_, err := restored(t, path, nil)
				wantText(t, err, "can be written by other users", needsKey)
				if err := storeKeys(t, path, storeKey); err != nil {
					t.Fatal(err)
				}
				if ok, err := restored(t, path, storeKey); !ok || err != nil {
					t.Errorf("%s: restored = %v, error %v; want true and no error", name, ok, err)
				}
			})
		}
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can start a process of a different user")
	}
	const user, group = 12345, 23456
	program := copyOfTest(t)
	for name, mode := range map[string]fs.FileMode{"emptyDir": 0o777, "emptyDir with fsGroup": 0o777 | fs.ModeSetgid, "fsGroup": 0o775 | fs.ModeSetgid, "fsGroup without others": 0o770 | fs.ModeSetgid} {
		t.Run(name, func(t *testing.T) {
			folder := volume(t, mode)
			if err := errors.Join(os.Chown(folder, 0, group), os.Chmod(folder, mode), passable(folder)); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), program, "-test.run", "^TestFileStoreInPod$")
			cmd.Env = append(os.Environ(), variable+"="+folder)
			cmd.Dir = "/"
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user, Groups: []uint32{group}}}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("test as user %d: %v\n%s", user, err, out)
			}
			info, err := os.Stat(filepath.Join(folder, "bearer", "keys.json"))
			if err != nil {
				t.Fatal(err) // the process in the pod did not run the test
			}
			want(t, "owner of the file", info.Sys().(*syscall.Stat_t).Uid, user) //nolint:errcheck // the type is always the same on these systems
		})
	}
}

// copyOfTest copies this test program to a folder that all users can read.
func copyOfTest(t *testing.T) string {
	t.Helper()
	from, err := os.Open(os.Args[0]) //nolint:gosec // the path of this test program
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = from.Close() }()
	name := filepath.Join(t.TempDir(), "jwks.test")
	to, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755) //nolint:gosec // other users must be able to run the copy
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(to, from)
	if err := errors.Join(err, to.Close(), passable(name)); err != nil {
		t.Fatal(err)
	}
	return name
}

// passable lets all users pass the two folders above path. Package testing creates these folders.
func passable(path string) error {
	inner := filepath.Dir(path)
	return errors.Join(os.Chmod(inner, 0o755), os.Chmod(filepath.Dir(inner), 0o755)) //nolint:gosec // other users must be able to pass the folders
}

// A Store that wraps a file store hides the file store from New. So it works as without a StoreKey.
func TestFileStoreWrapped(t *testing.T) {
	path := filepath.Join(volume(t, 0o777), "keys.json")
	synctest.Test(t, func(t *testing.T) {
		if err := storeKeys(t, path, storeKey); err != nil {
			t.Fatal(err)
		}
		store, err := jwks.NewFileStore(path)
		if err != nil {
			t.Fatal(err)
		}
		events := new(recorder)
		o := options(newIssuer(ecKey("a")))
		o.Store, o.StoreKey, o.Observe = struct{ jwks.Store }{store}, storeKey, events.add
		c, err := jwks.New(keySetURL, o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		synctest.Wait()
		want(t, "Restored events", events.count(jwks.Restored), 0)
		want(t, "StoreFailed events of Load and Save", events.count(jwks.StoreFailed), 2)
		wantText(t, storeError(events), needsKey, "not a Store that wraps it")
		want(t, "lookup", keyOutcome(t, c, "a"), "ok")
	})
}

// A cache with a StoreKey does not change the Store for a cache without a StoreKey.
func TestFileStoreTwoCaches(t *testing.T) {
	store, err := jwks.NewFileStore(filepath.Join(volume(t, 0o777), "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	o := options(newIssuer(ecKey("a")))
	o.Store, o.StoreKey = store, storeKey
	c, err := jwks.New(keySetURL, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	o.StoreKey = nil
	_, err = jwks.Discover("https://issuer.test", o)
	wantText(t, err, needsKey)
	_, err = store.Load(t.Context())
	wantText(t, err, needsKey)
	wantText(t, store.Save(t.Context(), nil), needsKey)
}

// TestFileStoreOldSnapshot puts an old snapshot back. Other users can do this in a folder in which
// they can write: they move the file away before the next Save, and move it back later. The keys
// in the snapshot are used at most until MaxStale after the issuer confirmed them.
func TestFileStoreOldSnapshot(t *testing.T) {
	for _, row := range []struct {
		age  time.Duration // of the snapshot when the service restarts
		want string        // the outcome of a lookup of the old key
	}{
		{time.Minute, "ok"},
		{12*time.Hour - time.Second, "ok"},
		{12 * time.Hour, "unavailable"},
		{13 * time.Hour, "unavailable"},
	} {
		t.Run(row.age.String(), func(t *testing.T) {
			path := filepath.Join(volume(t, 0o777), "keys.json")
			synctest.Test(t, func(t *testing.T) {
				confirmed := time.Now()
				err := storeKeys(t, path, storeKey)
				if err := errors.Join(err, os.Rename(path, path+".old")); err != nil {
					t.Fatal(err)
				}
				time.Sleep(row.age / 2) // the issuer withdraws the key "a"
				c, events, err := startWithFile(t, newIssuer(ecKey("b")), path, storeKey)
				if err := errors.Join(err, c.Close(), storeError(events), os.Rename(path+".old", path)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(row.age - time.Since(confirmed))
				c, _, err = startWithFile(t, &issuer{down: true}, path, storeKey)
				if err != nil {
					t.Fatal(err)
				}
				want(t, "lookup of the old key after the start", keyOutcome(t, c, "a"), row.want)
				if row.want == "ok" {
					time.Sleep(12*time.Hour - time.Since(confirmed))
					want(t, "lookup of the old key after MaxStale", keyOutcome(t, c, "a"), "unavailable")
				}
			})
		})
	}
}
