//go:build !unix

package bearer_test

import "time"

// cpuTime reports false, because this operating system has no getrusage.
func cpuTime() (cpu time.Duration, ok bool) { return 0, false }
