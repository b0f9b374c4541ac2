package jwks

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxLinks is the number of symbolic links in the path of a file store. Linux has the same limit.
const maxLinks = 40

// openPath opens a folder. It follows a symbolic link only if other users cannot change the link,
// wherever in the path the link is. All further calls use the result, so an attacker who replaces a
// folder after the check changes nothing. The error matches fs.ErrNotExist if the folder does not
// exist.
func openPath(folder string) (*os.Root, fs.FileInfo, error) {
	if !permissionsMatter {
		there, err := os.Stat(folder) // in containers on Windows, volumes are links
		if err != nil {
			return nil, nil, err
		}
		return openThere(there, func() (*os.Root, error) { return openRoot(folder) })
	}
	path, rest, err := fixedPath(folder)
	if err != nil {
		return nil, nil, err
	}
	there, err := os.Lstat(path)
	if err != nil {
		return nil, nil, err
	}
	root, info, err := openThere(there, func() (*os.Root, error) { return openRoot(path) })
	for _, name := range rest {
		if err != nil {
			return nil, nil, err
		}
		parent := root
		if there, err = parent.Lstat(name); err == nil {
			root, info, err = openThere(there, func() (*os.Root, error) { return parent.OpenRoot(name + "/.") }) // see openRoot
		}
		if closed := parent.Close(); err == nil && closed != nil {
			err = errors.Join(closed, root.Close())
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return root, info, nil
}

// openThere calls open. It returns an error if the result is not the folder that was there before.
func openThere(there fs.FileInfo, open func() (*os.Root, error)) (*os.Root, fs.FileInfo, error) {
	switch {
	case there.Mode()&fs.ModeSymlink != 0:
		return nil, nil, errLink
	case !there.IsDir():
		return nil, nil, errors.New("the parent of the path is not a folder")
	}
	root, err := open()
	if err != nil {
		return nil, nil, err
	}
	info, err := root.Stat(".")
	if err == nil && !os.SameFile(there, info) { // for example a link that was put there after the call of Lstat
		err = errors.New("folder was replaced while it was opened")
	}
	if err != nil {
		return nil, nil, errors.Join(err, root.Close())
	}
	return root, info, nil
}

// errLink means that an attacker may choose the folder.
var errLink = errors.New("folder is a symbolic link that other users can change; use the path of the folder itself")

// fixedPath splits a path into two parts. Other users cannot change the first part, except for what
// its last element names: they may be able to replace it with a link. The first part contains no
// other links, because fixedPath has replaced each link with its target. The second part is the
// names of the folders that follow. An attacker may be able to change each of them.
func fixedPath(folder string) (path string, rest []string, err error) {
	path, rest = startOf(folder), names(folder)
	for links := 0; len(rest) > 0; {
		name := rest[0]
		next := filepath.Join(path, name)
		if name == ".." {
			path, rest = next, rest[1:]
			continue
		}
		parent, err := os.Stat(path)
		if err != nil {
			return "", nil, err
		}
		info, err := os.Lstat(next)
		if err != nil {
			return "", nil, err
		}
		others := writable(parent) || checkOwner(parent) != nil
		switch {
		case info.Mode()&fs.ModeSymlink == 0:
			path, rest = next, rest[1:]
			if others && !isProtected(parent, info) {
				return path, rest, nil
			}
		// In a sticky folder too, because an attacker may have made a hard link to a link of this user.
		case others && len(rest) == 1:
			return "", nil, errLink
		case others:
			return "", nil, fmt.Errorf("%s is a symbolic link that other users can change; use a path without this link", next)
		case links == maxLinks:
			return "", nil, fmt.Errorf("more than %d symbolic links", maxLinks)
		default:
			links++
			target, err := os.Readlink(next)
			if err != nil {
				return "", nil, err
			}
			if filepath.IsAbs(target) {
				path = startOf(target)
			}
			rest = append(names(target), rest[1:]...)
		}
	}
	return path, nil, nil
}

// startOf returns the folder at which a path starts.
func startOf(path string) string {
	if filepath.IsAbs(path) {
		return "/"
	}
	return "."
}

// names returns the elements of a path. It keeps "..", because the element before may be a link.
func names(path string) (all []string) {
	for _, name := range strings.Split(path, "/") {
		if name != "" && name != "." {
			all = append(all, name)
		}
	}
	return all
}

// isProtected reports whether the sticky bit of a folder prevents that other users replace an
// element. The owner of the element and the owner of the folder can replace it.
func isProtected(folder, element fs.FileInfo) bool {
	return checkOwner(folder) == nil && !replaceable(folder) && checkOwner(element) == nil
}
