package incident

import "syscall"

// rusageThread is RUSAGE_THREAD, which package syscall does not name.
const rusageThread = 1

// preempted returns how often the system has taken the processor away from this
// thread to give it to another. A goroutine that asks is locked to its thread.
func preempted() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &u); err != nil {
		return 0
	}
	return int64(u.Nivcsw) //nolint:unconvert // an int32 on 32-bit systems
}
