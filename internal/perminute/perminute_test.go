package perminute_test

import (
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/perminute"
)

// A Count numbers the records of each minute. The first record of a minute tells how many records
// exceeded the limit in the minute before.
func TestCount(t *testing.T) {
	var c perminute.Count
	minute := time.Unix(1_800_000_000, 0).Truncate(time.Minute)
	for i, row := range []struct {
		after            time.Duration
		number, unlogged uint64
	}{
		{0, 1, 0},
		{time.Second, 2, 0},
		{59 * time.Second, 3, 0},
		{time.Minute, 1, 1}, // the limit is 2
		{time.Minute, 2, 0},
		{time.Hour, 1, 0},
	} {
		if number, unlogged := c.Add(minute.Add(row.after), 2); number != row.number || unlogged != row.unlogged {
			t.Errorf("record %d: got number %d and unlogged %d, want %d and %d", i, number, unlogged, row.number, row.unlogged)
		}
	}
	c.Reset()
	if number, unlogged := c.Add(minute.Add(time.Hour), 2); number != 1 || unlogged != 0 {
		t.Errorf("after Reset: got number %d and unlogged %d, want 1 and 0", number, unlogged)
	}
}
