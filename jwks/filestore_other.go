//go:build !unix

package jwks

import (
	"io/fs"
	"os"
)

const permissionsMatter = false

// noWait is 0, because on these systems, folders contain no pipes.
const noWait = 0

func openRoot(path string) (*os.Root, error) { return os.OpenRoot(path) }

// openToRead opens a file for reading. On these systems, folders contain no pipes, so Open
// does not wait for a writer.
func openToRead(folder *os.Root, name string) (*os.File, error) { return folder.Open(name) }

// checkOwner returns nil, because permissionsMatter is false.
func checkOwner(fs.FileInfo) error { return nil }

// isOwn returns true, because these systems have no numbers of users.
func isOwn(fs.FileInfo) bool { return true }

// links is never called, because permissionsMatter is false.
func links(fs.FileInfo) uint64 { return 1 }
