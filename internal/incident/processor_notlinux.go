//go:build !linux

package incident

// preempted returns 0: other systems do not report preemptions of a thread.
func preempted() int64 { return 0 }
