//go:build unix

package growth

import (
	"syscall"
	"time"
)

// processorTime returns the processor time that the process has used. The result ok is false if
// the system does not report it.
func processorTime() (used time.Duration, ok bool) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, false
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), true
}
