//go:build unix

package bearer_test

import (
	"syscall"
	"time"
)

// cpuTime returns the CPU time of the process. It reports false if the operating system does
// not tell the time.
func cpuTime() (cpu time.Duration, ok bool) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, false
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), true
}
