//go:build !linux

package incident

// preemptions returns 0, because these systems do not report the preemptions of a thread.
func preemptions() int64 { return 0 }
