//go:build !unix

package incident

import "time"

var began = time.Now()

// processorTime returns the elapsed time: these systems do not report processor time.
func processorTime() time.Duration { return time.Since(began) }
