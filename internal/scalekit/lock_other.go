//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package scalekit

import "os"

// lockFile does nothing on this system. The user must not run two processes with the
// same state file.
func lockFile(*os.File) error { return nil }
