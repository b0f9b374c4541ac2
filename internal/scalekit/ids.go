package scalekit

import (
	"strconv"
	"sync"
	"time"
)

const (
	idTick = 10 * time.Millisecond
	// firstID keeps identifiers at 17 digits on clocks that stand before the
	// epoch of theirs, as those of testing/synctest do.
	firstID = int64(1e16)
)

// idSource makes the vendor's identifiers: a prefix and 17 or 18 digits that
// grow with time. Its zero value is ready.
type idSource struct {
	mu   sync.Mutex // guards last
	last int64
}

// next returns an identifier that is greater than all before it. Samples of
// the vendor's fit a count of 10 ms since 2024, shifted by 24 bits; here the
// low bits go on counting within these 10 ms.
func (s *idSource) next(prefix string) string {
	since := time.Since(time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC))
	id := int64(since/idTick)<<24 + int64(since%idTick)<<24/int64(idTick)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = max(id, s.last+1, firstID)
	return prefix + strconv.FormatInt(s.last, 10)
}

// latest returns the number of the identifier that was made last.
func (s *idSource) latest() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}
