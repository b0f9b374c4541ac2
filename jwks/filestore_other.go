//go:build !unix

package jwks

import (
	"io/fs"
	"os"
)

const permissionsMatter = false

// openPlain opens a file for reading. These systems have no pipes in folders.
func openPlain(path string) (*os.File, error) { return os.Open(path) }

// ownedByUs returns nil: permissionsMatter is false.
func ownedByUs(fs.FileInfo) error { return nil }
