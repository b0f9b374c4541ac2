//go:build unix

package jwks

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

const permissionsMatter = true

// noWait is a flag for opening files for reading. With it, opening a pipe does not wait for a writer.
const noWait = syscall.O_NONBLOCK

// openRoot opens a folder. If an attacker has put a pipe at path, openRoot returns an error and
// does not wait for a writer. os.OpenRoot waits, unless the path ends with an element below the
// pipe.
func openRoot(path string) (*os.Root, error) { return os.OpenRoot(path + "/.") }

// openToRead opens a file for reading. If an attacker has put a pipe there, openToRead does not
// wait for a writer.
func openToRead(folder *os.Root, name string) (*os.File, error) {
	return folder.OpenFile(name, os.O_RDONLY|noWait, 0)
}

// checkOwner returns an error if the owner is neither root nor the user of this process.
func checkOwner(info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid == 0 || isOwn(info) {
		return nil
	}
	return fmt.Errorf("belongs to user %d; want user %d or root", stat.Uid, os.Geteuid())
}

// isOwn reports whether the owner is the user of this process.
func isOwn(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// links returns the number of names of a file.
func links(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Nlink) //nolint:unconvert // the type depends on the system
	}
	return 1
}
