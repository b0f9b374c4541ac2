//go:build !unix

package incident

import "time"

var began = time.Now()

// processorTime returns the time that has passed, for want of better.
func processorTime() time.Duration { return time.Since(began) }
