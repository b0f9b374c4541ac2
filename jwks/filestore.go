package jwks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// fileStore is a [Store] in one file.
type fileStore struct{ path string }

// NewFileStore returns a [Store] in the file at path. The folder must exist; the file
// need not. NewFileStore reads and writes nothing. Every cache needs a file of its own.
//
// Save writes a new file of mode 0600 and renames it to path. Load refuses a file
// that others may change or replace: a file that its group or everybody may write,
// that belongs to another user, that is a link or not a regular file, or whose folder
// lets others rename files. Windows has no such permissions: there, the access list
// of the folder must keep others out.
func NewFileStore(path string) (Store, error) {
	if path == "" {
		return nil, errors.New("jwks: file store: no path")
	}
	path = filepath.Clean(path)
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("jwks: file store %q: %w", path, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("jwks: file store %q: not in a folder", path)
	}
	if err := private(info, true); err != nil {
		return nil, fmt.Errorf("jwks: file store %q: its folder %w", path, err)
	}
	return &fileStore{path: path}, nil
}

// maxStored is more than a document of maxDocument takes, encoded twice.
const maxStored = 3 * maxDocument

// Load reads the file. It fails with fs.ErrNotExist if there is none, and refuses
// a file or folder that others may write.
func (s *fileStore) Load(context.Context) (data []byte, err error) {
	file, err := openPlain(s.path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat() // of what is open, not of what may be there by now
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	if err := private(info, false); err != nil {
		return nil, fmt.Errorf("file %w", err)
	}
	folder, err := os.Stat(filepath.Dir(s.path))
	if err != nil {
		return nil, err
	}
	if err := private(folder, true); err != nil {
		return nil, fmt.Errorf("folder %w", err)
	}
	data, err = io.ReadAll(io.LimitReader(file, maxStored+1))
	if err == nil && len(data) > maxStored {
		err = errors.New("file too large")
	}
	return data, err
}

// Save replaces the file.
func (s *fileStore) Save(_ context.Context, data []byte) (err error) {
	// CreateTemp makes files of mode 0600 and fails if the name exists.
	file, err := os.CreateTemp(filepath.Dir(s.path), "."+filepath.Base(s.path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync() // or a crash may leave the new name with no content
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), s.path)
}

// private reports, as an error, that others may write a file, or replace files
// in a folder.
func private(info fs.FileInfo, folder bool) error {
	if !permissionsMatter {
		return nil
	}
	mode := info.Mode()
	// In a sticky folder files can be replaced by whom they, or it, belong to.
	sticky := folder && mode&fs.ModeSticky != 0
	if mode.Perm()&0o022 != 0 && !sticky {
		return fmt.Errorf("may be written by others (mode %v)", mode.Perm())
	}
	return ownedByUs(info)
}
