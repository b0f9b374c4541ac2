//go:build !unix

package incident

import "time"

var programStart = time.Now()

// processorTime returns the elapsed time, because these systems do not report processor time.
func processorTime() time.Duration { return time.Since(programStart) }
