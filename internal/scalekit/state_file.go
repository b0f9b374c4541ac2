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
		data = []byte{} // not nil: nil means that the file does not exist
	}
	return f, data, nil
}

// write replaces the content of the file atomically. After a crash, the file has either
// the old content or the new content.
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

// syncFolder flushes a folder, so that a rename in the folder survives a crash. Some
// systems do not support this, so syncFolder ignores an error of Sync.
func syncFolder(name string) error {
	folder, err := os.Open(name) //nolint:gosec // the user chooses the file
	if err != nil {
		return err
	}
	_ = folder.Sync()
	return folder.Close()
}

// close releases the lock. It does not remove the lock file: otherwise two processes can
// lock two different files that have the same name.
func (f *stateFile) close() error { return f.lock.Close() }
