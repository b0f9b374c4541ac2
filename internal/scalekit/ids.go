package scalekit

import (
	"strconv"
	"sync"
	"time"
)

const (
	idTick = 10 * time.Millisecond
	// firstID is the lowest number of an identifier. With it, the number has 17
	// digits even if the clock is before 2024, as in testing/synctest.
	firstID = int64(1e16)
)

// idSource generates identifiers in the vendor's form: a prefix and a number of 17
// or 18 digits that increases with time. The zero value is ready to use.
type idSource struct {
	mu   sync.Mutex // guards last
	last int64
}

// next returns an identifier that is greater than all earlier ones. The vendor's
// sample identifiers match the number of 10 ms ticks since 2024, shifted left by 24
// bits. Here the low bits hold the time within the tick.
func (s *idSource) next(prefix string) string {
	since := time.Since(time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC))
	id := int64(since/idTick)<<24 + int64(since%idTick)<<24/int64(idTick)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = max(id, s.last+1, firstID)
	return prefix + strconv.FormatInt(s.last, 10)
}

// latest returns the number of the newest identifier.
func (s *idSource) latest() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}
