//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package scalekit

import "os"

// lockFile does nothing on this system. The user must make sure that only one process uses
// a state file.
func lockFile(*os.File) error { return nil }
