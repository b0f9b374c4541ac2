package scalekit

import (
	"strconv"
	"sync"
	"time"
)

const (
	idTick = 10 * time.Millisecond
	// firstID is the lowest number of an identifier. It has 17 digits. Without this
	// minimum, the number is negative if the clock is before 2024, which is the case
	// in testing/synctest.
	firstID = int64(1e16)
)

// idSource generates identifiers in the vendor's form. An identifier is a prefix and a
// number of 17 or 18 digits. The number increases with time. The zero value is ready to
// use.
type idSource struct {
	mu   sync.Mutex // guards the field "last"
	last int64
}

// nextID returns an identifier with a greater number than all earlier identifiers. In the
// vendor's samples, the number is the count of 10 ms ticks since 2024, shifted left by 24
// bits. nextID sets the low 24 bits to the time since the last tick.
func (s *idSource) nextID(prefix string) string {
	since := time.Since(time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC))
	id := int64(since/idTick)<<24 + int64(since%idTick)<<24/int64(idTick)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = max(id, s.last+1, firstID)
	return prefix + strconv.FormatInt(s.last, 10)
}

// latestNumber returns the number of the newest identifier.
func (s *idSource) latestNumber() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}
