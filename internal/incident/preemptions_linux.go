package incident

import "syscall"

// rusageThread is RUSAGE_THREAD, which package syscall does not define.
const rusageThread = 1

// preemptions returns the number of times that the system has taken the processor from this
// thread and given it to a different thread. The calling goroutine must be locked to its
// thread.
func preemptions() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &u); err != nil {
		return 0
	}
	return int64(u.Nivcsw) //nolint:unconvert // Nivcsw is an int32 on 32-bit systems
}
