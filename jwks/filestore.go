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

// fileStore is a [Store] that keeps its data in one file.
type fileStore struct{ path string }

// NewFileStore returns a [Store] that keeps its data in the file at path. The folder must
// exist. Save creates the file; NewFileStore does not read or write it. Each cache needs
// its own file.
//
// Save writes a new file of mode 0600 and renames it to path. Load refuses a file that
// other users can change or replace:
//   - a file that its group or all users can write
//   - a file that belongs to another user except root
//   - a link, and anything else that is not a regular file
//   - a file in a folder in which other users can rename files
//
// NewFileStore also refuses such a folder. Windows has no such permissions: there, the
// access list of the folder must keep other users out.
func NewFileStore(path string) (Store, error) {
	if path == "" {
		return nil, errors.New("jwks: file store: path is empty")
	}
	path = filepath.Clean(path)
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("jwks: file store %q: %w", path, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("jwks: file store %q: its parent is not a folder", path)
	}
	if err := private(info, true); err != nil {
		return nil, fmt.Errorf("jwks: file store %q: its folder %w", path, err)
	}
	return &fileStore{path: path}, nil
}

// maxStored limits the size of the file, in bytes. It is more than the size of a document
// of maxDocument bytes that is encoded in base64 twice.
const maxStored = 3 * maxDocument

// Load reads the file. The error matches fs.ErrNotExist if the file does not exist. Load
// refuses a file or folder that other users can write to.
func (s *fileStore) Load(context.Context) (data []byte, err error) {
	file, err := openPlain(s.path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat() // not os.Stat: another file may be at the path by now
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("file is not a regular file")
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
		err = fmt.Errorf("file has more than %d bytes", maxStored)
	}
	return data, err
}

// Save replaces the file.
func (s *fileStore) Save(_ context.Context, data []byte) (err error) {
	// CreateTemp creates a file of mode 0600 and never opens an existing file.
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
		err = file.Sync() // otherwise a crash may leave an empty file at the path
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), s.path)
}

// private returns an error if other users can write to the file, or replace files in
// the folder.
func private(info fs.FileInfo, folder bool) error {
	if !permissionsMatter {
		return nil
	}
	mode := info.Mode()
	// In a sticky folder, only the owner of a file, or of the folder, can replace it.
	sticky := folder && mode&fs.ModeSticky != 0
	if mode.Perm()&0o022 != 0 && !sticky {
		return fmt.Errorf("can be written by others (mode %v); remove write permission for group and others", mode.Perm())
	}
	return ownedByUs(info)
}
