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

// openPlain opens a file for reading. It does not follow a symbolic link. If path is a pipe,
// openPlain does not wait for a writer. In a folder such as /tmp, any user can create a link or a pipe
// at path.
func openPlain(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0) //nolint:gosec // the path is the caller's configuration
	if errors.Is(err, syscall.ELOOP) {
		return nil, errors.New("file is a symbolic link, want a regular file")
	}
	return file, err
}

// checkOwner returns an error if the owner is neither root nor the user of this process.
func checkOwner(info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid == 0 || int(stat.Uid) == os.Geteuid() {
		return nil
	}
	return fmt.Errorf("belongs to user %d; want user %d or root", stat.Uid, os.Geteuid())
}
