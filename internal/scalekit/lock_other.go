//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package scalekit

import "os"

// lockFile does nothing: two processes with one state file are for the user to
// avoid.
func lockFile(*os.File) error { return nil }
