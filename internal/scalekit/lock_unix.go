//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package scalekit

import (
	"os"
	"syscall"
)

// lockFile locks a file until it is closed. It returns an error if another process
// holds the lock.
func lockFile(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
