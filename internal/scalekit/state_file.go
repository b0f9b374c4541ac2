package scalekit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// stateFile is the file that keeps the state across restarts.
type stateFile struct {
	name string
	lock *os.File
}

// openStateFile locks the file for this process and returns the content of the file. If the
// file does not exist, the content is nil.
func openStateFile(name string) (*stateFile, []byte, error) {
	if resolved, err := filepath.EvalSymlinks(name); err == nil {
		name = resolved // not the name of a symbolic link, because a rename to this name replaces the link and leaves the target unchanged
	}
	lock, err := os.OpenFile(name+".lock", os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the user chooses the file
	if err != nil {
		return nil, nil, err
	}
	f := &stateFile{name: name, lock: lock}
	if err := lockFile(lock); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s is in use by another process: %w", name, err), lock.Close())
	}
	data, err := os.ReadFile(name) //nolint:gosec // the user chooses the file
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil, nil
	}
	if err != nil {
		return nil, nil, errors.Join(err, lock.Close())
	}
	if len(data) == 0 {
		data = []byte{} // not nil, because nil means that the file does not exist
	}
	return f, data, nil
}

// replaceContent replaces the content of the file atomically. After a crash, the file has
// either the old content or the new content.
func (f *stateFile) replaceContent(data []byte) (err error) {
	folder := filepath.Dir(f.name)
	temporary, err := os.CreateTemp(folder, filepath.Base(f.name)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temporary.Name()))
		}
	}()
	_, err = temporary.Write(data)
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary.Name(), f.name); err != nil {
		return err
	}
	return syncFolder(folder)
}

// syncFolder flushes a folder to the disk, so that a rename in the folder is not lost in a
// crash. Some systems cannot flush a folder, so syncFolder ignores an error of Sync.
func syncFolder(name string) error {
	folder, err := os.Open(name) //nolint:gosec // the user chooses the file
	if err != nil {
		return err
	}
	_ = folder.Sync()
	return folder.Close()
}

// unlock releases the lock. It does not remove the lock file. If the lock file is removed,
// two processes can hold locks on two different files with the same name.
func (f *stateFile) unlock() error { return f.lock.Close() }
