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

// NewFileStore returns a [Store] that keeps its data in the file at path. The folder of the
// file must exist. Save creates the file. NewFileStore does not read or write the file. Use a
// separate file for each cache.
//
// Save writes a new file with mode 0600, and then renames this file to path. Load returns an
// error if other users may be able to change or replace the file:
//   - The group of the file, or all users, can write to the file.
//   - The owner of the file is neither root nor the user of this process.
//   - The file is a symbolic link, or is not a regular file.
//   - Other users can replace files in the folder of the file.
//
// NewFileStore returns an error if other users can replace files in the folder. On Windows,
// Load and NewFileStore do not check permissions. There, the access control list of the folder
// must deny access to other users.
func NewFileStore(path string) (Store, error) {
	if path == "" {
		return nil, errors.New("jwks: file store: path is empty; pass the path of a file")
	}
	path = filepath.Clean(path)
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("jwks: file store %q: %w", path, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("jwks: file store %q: the parent of the path is not a folder", path)
	}
	if err := checkPermissions(info, true); err != nil {
		return nil, fmt.Errorf("jwks: file store %q: folder %w", path, err)
	}
	return &fileStore{path: path}, nil
}

// maxStored is the largest size of the file, in bytes. A document of maxDocument bytes fits,
// although the file contains the document in base64 within base64.
const maxStored = 3 * maxDocument

// Load reads the file. The error matches fs.ErrNotExist if the file does not exist. Load
// returns an error if other users can write to the file or to its folder.
func (s *fileStore) Load(context.Context) (data []byte, err error) {
	file, err := openPlain(s.path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat() // not os.Stat, because a different file may have replaced the file at the path
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("file is not a regular file")
	}
	if err := checkPermissions(info, false); err != nil {
		return nil, fmt.Errorf("file %w", err)
	}
	folder, err := os.Stat(filepath.Dir(s.path))
	if err != nil {
		return nil, err
	}
	if err := checkPermissions(folder, true); err != nil {
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
		err = file.Sync() // without Sync, the file may be empty after a crash
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), s.path)
}

// checkPermissions checks the owner and the mode in info. If folder is false, info describes a
// file, and checkPermissions returns an error if other users can write to the file. If folder
// is true, info describes a folder, and checkPermissions returns an error if other users can
// replace files in the folder.
func checkPermissions(info fs.FileInfo, folder bool) error {
	if !permissionsMatter {
		return nil
	}
	mode := info.Mode()
	// In a sticky folder, only the owner of a file and the owner of the folder can replace the
	// file.
	sticky := folder && mode&fs.ModeSticky != 0
	if mode.Perm()&0o022 != 0 && !sticky {
		return fmt.Errorf("can be written by other users (mode %v); remove the write permission of group and others", mode.Perm())
	}
	return checkOwner(info)
}
