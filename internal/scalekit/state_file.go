package scalekit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// stateFile is where the state survives a restart.
type stateFile struct {
	name string
	lock *os.File
}

// openStateFile takes the file for this process alone and returns what is in
// it; nil if there is none yet.
func openStateFile(name string) (*stateFile, []byte, error) {
	if resolved, err := filepath.EvalSymlinks(name); err == nil {
		name = resolved // renaming onto a link would put a file in its place
	}
	lock, err := os.OpenFile(name+".lock", os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the user's own choice
	if err != nil {
		return nil, nil, err
	}
	f := &stateFile{name: name, lock: lock}
	if err := lockFile(lock); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s is in use by another process: %w", name, err), lock.Close())
	}
	data, err := os.ReadFile(name) //nolint:gosec // the user's own choice
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil, nil
	}
	if err != nil {
		return nil, nil, errors.Join(err, lock.Close())
	}
	if len(data) == 0 {
		data = []byte{} // not nil: it was cut off, it is not new
	}
	return f, data, nil
}

// write puts data in place of what is in the file, as a whole: whoever reads it,
// even after a crash, finds the old state or the new one.
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

// syncFolder makes a renaming last. Not every system can; then it is as safe as
// the system makes it.
func syncFolder(name string) error {
	folder, err := os.Open(name) //nolint:gosec // the user's own choice
	if err != nil {
		return err
	}
	_ = folder.Sync()
	return folder.Close()
}

// close gives the file free. The lock file stays: to remove it would let two
// processes each hold one of that name.
func (f *stateFile) close() error { return f.lock.Close() }
