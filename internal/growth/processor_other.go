//go:build !unix

package growth

import "time"

// processorTime returns false, because this system does not report processor time.
func processorTime() (used time.Duration, ok bool) { return 0, false }
