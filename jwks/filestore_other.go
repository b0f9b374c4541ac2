//go:build !unix

package jwks

import (
	"io/fs"
	"os"
)

const permissionsMatter = false

// openPlain opens a file for reading. On these systems, folders contain no pipes, so os.Open
// does not wait for a writer.
func openPlain(path string) (*os.File, error) { return os.Open(path) }

// checkOwner is never called, because permissionsMatter is false.
func checkOwner(fs.FileInfo) error { return nil }
