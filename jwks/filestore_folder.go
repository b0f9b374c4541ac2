package jwks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// openFolder opens the folder of the file, and checks the folder. See openPath.
func (s *fileStore) openFolder() (*os.Root, fs.FileInfo, error) {
	folder, info, err := openPath(filepath.Dir(s.path))
	if err != nil {
		return nil, nil, err
	}
	if err := s.checkFolder(info); err != nil {
		return nil, nil, errors.Join(err, folder.Close())
	}
	return folder, info, nil
}

// openOrMakeFolder does what openFolder does. If the folder does not exist, it makes the folder
// under the condition of checkParent.
func (s *fileStore) openOrMakeFolder() (*os.Root, error) {
	folder, _, err := s.openFolder()
	if !errors.Is(err, fs.ErrNotExist) {
		return folder, err
	}
	parent, err := s.openParent(err)
	if err != nil {
		return nil, err
	}
	// Mkdir follows no link. A different replica may make the folder at the same time.
	err = parent.Mkdir(filepath.Base(filepath.Dir(s.path)), 0o700)
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err := errors.Join(err, parent.Close()); err != nil {
		return nil, err
	}
	folder, _, err = s.openFolder()
	return folder, err
}

// checkPlace checks the folder of the file. If the folder does not exist, checkPlace checks
// whether Save may make the folder.
func (s *fileStore) checkPlace() error {
	folder, _, err := s.openFolder()
	if errors.Is(err, fs.ErrNotExist) {
		folder, err = s.openParent(err)
	}
	if err != nil {
		return err
	}
	return folder.Close()
}

// openParent opens the parent of the folder of the file. It returns an error if Save must not make
// the folder. The argument missing is the error for the folder.
func (s *fileStore) openParent(missing error) (*os.Root, error) {
	parent, info, err := openPath(filepath.Dir(filepath.Dir(s.path)))
	if err != nil {
		return nil, err
	}
	if err := s.checkParent(info, missing); err != nil {
		return nil, errors.Join(err, parent.Close())
	}
	return parent, nil
}

// checkParent returns nil if Save may make the folder of the file, because other users can write
// to the parent of the folder. The argument missing is the error for the folder.
func (s *fileStore) checkParent(info fs.FileInfo, missing error) error {
	switch {
	case !writable(info):
		return fmt.Errorf("%w; create the folder with mode 0700", missing)
	case s.authenticated:
		return nil
	case replaceable(info):
		return fmt.Errorf("the folder does not exist, and its parent can be written by other users (mode %v); %w", info.Mode(), errNeedsKey)
	}
	if err := checkOwner(info); err != nil {
		return fmt.Errorf("the folder does not exist, and its parent %w", err)
	}
	return nil
}

// checkFolder checks the owner and the mode of the folder.
func (s *fileStore) checkFolder(info fs.FileInfo) error {
	if !permissionsMatter {
		return nil
	}
	if !s.authenticated && replaceable(info) {
		return fmt.Errorf("folder can be written by other users (mode %v); %w", info.Mode(), errNeedsKey)
	}
	if err := checkOwner(info); err != nil {
		return fmt.Errorf("folder %w", err)
	}
	return nil
}

// checkFile checks the owner and the mode of the file. The argument shared says that other users
// can write to the folder.
func (s *fileStore) checkFile(info fs.FileInfo, shared bool) error {
	if !permissionsMatter {
		return nil
	}
	if !s.authenticated {
		if writable(info) {
			return fmt.Errorf("file can be written by other users (mode %v); %w", info.Mode(), errNeedsKey)
		}
		// Some systems permit hard links to files of other users. An attacker then chooses a file
		// of this user.
		if shared && links(info) > 1 {
			return errors.New("file has more than one name, and other users can write to its folder; remove the other hard links")
		}
	}
	if err := checkOwner(info); err != nil {
		return fmt.Errorf("file %w", err)
	}
	return nil
}

// writable reports whether other users can write to a file, or create files in a folder.
func writable(info fs.FileInfo) bool { return permissionsMatter && info.Mode().Perm()&0o022 != 0 }

// replaceable reports whether other users can replace files in a folder. In a sticky folder, only
// the owner of a file and the owner of the folder can replace the file.
func replaceable(info fs.FileInfo) bool { return writable(info) && info.Mode()&fs.ModeSticky == 0 }

// maxOpens is the number of attempts to open a file that other processes replace.
const maxOpens = 10

// openRegular opens a regular file for reading. It follows no link. Methods of os.Root follow links
// within the folder, also with O_NOFOLLOW. So openRegular compares the open file with the file
// that has the name. These files differ if Save replaces the file between the two calls.
func openRegular(folder *os.Root, name string) (*os.File, fs.FileInfo, error) {
	for range maxOpens {
		there, err := folder.Lstat(name)
		switch {
		case err != nil:
			return nil, nil, err
		case there.Mode()&fs.ModeSymlink != 0:
			return nil, nil, errors.New("file is a symbolic link, want a regular file")
		case !there.Mode().IsRegular():
			return nil, nil, errors.New("file is not a regular file")
		}
		file, err := openToRead(folder, name)
		if err != nil {
			return nil, nil, err
		}
		info, err := file.Stat()
		if err == nil && os.SameFile(there, info) {
			return file, info, nil
		}
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, fmt.Errorf("file was replaced during each of %d attempts to open it", maxOpens)
}

// minLeftoverAge is the age at which a temporary file counts as a leftover. A cache does not wait
// longer than storeTimeout for Save.
const minLeftoverAge = time.Minute

// maxListed is the number of names that Load reads to find leftovers. An attacker may have
// created any number of files.
const maxListed = 10_000

// removeLeftovers removes temporary files of killed processes. Only Load calls removeLeftovers.
// It returns no error, because the store works even if leftovers stay in the folder.
func removeLeftovers(ctx context.Context, folder *os.Root, name string) {
	list, err := folder.Open(".")
	if err != nil {
		return
	}
	defer func() { _ = list.Close() }()
	var found []string
	const step = 500
	for n := 0; n < maxListed && err == nil && ctx.Err() == nil; n += step {
		var names []string
		names, err = list.Readdirnames(step)
		for _, each := range names {
			if isTemporary(each, name) {
				found = append(found, each)
			}
		}
	}
	for _, each := range found {
		if ctx.Err() != nil {
			return
		}
		info, err := folder.Lstat(each)
		if err == nil && info.Mode().IsRegular() && isOwn(info) && time.Since(info.ModTime()) > minLeftoverAge {
			_ = folder.Remove(each)
		}
	}
}

// isTemporary reports whether a temporary file of the file with this name can have the name
// candidate.
func isTemporary(candidate, name string) bool {
	number, ok := strings.CutPrefix(candidate, "."+name+".")
	return ok && number != "" && strings.Trim(number, "0123456789") == ""
}
