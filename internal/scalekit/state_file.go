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

// openStateFile locks the file for this process and returns its content, or nil if
// the file does not exist.
func openStateFile(name string) (*stateFile, []byte, error) {
	if resolved, err := filepath.EvalSymlinks(name); err == nil {
		name = resolved // a rename onto a symbolic link replaces the link, not its target
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
		data = []byte{} // not nil: the file exists and is damaged
	}
	return f, data, nil
}

// write replaces the content of the file atomically: even after a crash the file has
// the old content or the new one.
func (f *stateFile) write(data []byte) (err error) {
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

// syncFolder flushes a folder, so that a rename in it survives a crash. Not every
// system supports this, so a failed Sync is no error.
func syncFolder(name string) error {
	folder, err := os.Open(name) //nolint:gosec // the user chooses the file
	if err != nil {
		return err
	}
	_ = folder.Sync()
	return folder.Close()
}

// close releases the lock. The lock file is not removed: otherwise two processes can
// hold locks on two different files of that name.
func (f *stateFile) close() error { return f.lock.Close() }
