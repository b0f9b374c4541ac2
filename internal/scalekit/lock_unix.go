//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package scalekit

import (
	"os"
	"syscall"
)

// lockFile locks a file until the file is closed. If a different process holds the lock,
// lockFile returns an error.
func lockFile(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
