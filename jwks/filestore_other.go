//go:build !unix

package jwks

import "io/fs"

const permissionsMatter = false

// ownedByUs has nothing to look at here.
func ownedByUs(fs.FileInfo) error { return nil }
