//go:build unix

package jwks

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

const permissionsMatter = true

// openPlain opens a file to read. It follows no link in its place and does not
// wait for whoever is at the other end of a pipe: in a folder like /tmp anybody
// can put one there.
func openPlain(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0) //nolint:gosec // the path is the caller's configuration
	if errors.Is(err, syscall.ELOOP) {
		return nil, errors.New("a symbolic link, not a regular file")
	}
	return file, err
}

// ownedByUs refuses what belongs to neither us nor root.
func ownedByUs(info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid == 0 || int(stat.Uid) == os.Geteuid() {
		return nil
	}
	return fmt.Errorf("belongs to user %d", stat.Uid)
}
