package fetchlimits_test

import (
	"errors"
	"math"
	"testing"

	"github.com/bearerkit/bearer/internal/fetchlimits"
)

// TestProblems tests the errors of values that are negative or too small.
func TestProblems(t *testing.T) {
	const negative = " is negative; want 0 for the default, or a positive number"
	for _, row := range []struct {
		fetches, bytes int
		want           string
	}{
		{0, 0, ""},
		{1, fetchlimits.LeastBytes, ""},
		{math.MaxInt, math.MaxInt, ""},
		{-1, -2, "L.MaxFetches: -1" + negative + "\nL.MaxBytesPerSecond: -2" + negative},
		{0, 1, "L.MaxBytesPerSecond: 1 is 1 bytes per second, and the least value is 65536; did you mean 1<<20?"},
		{0, 4, "L.MaxBytesPerSecond: 4 is 4 bytes per second, and the least value is 65536; did you mean 4<<20?"},
		{0, 999, "L.MaxBytesPerSecond: 999 is 999 bytes per second, and the least value is 65536; did you mean 999<<20?"},
		{0, 4096, "L.MaxBytesPerSecond: 4096 is 4096 bytes per second, and the least value is 65536; did you mean 4096<<10?"},
		{0, fetchlimits.LeastBytes - 1, "L.MaxBytesPerSecond: 65535 is 65535 bytes per second, and the least value is 65536; did you mean 65535<<10?"},
	} {
		got := ""
		if err := errors.Join(fetchlimits.Problems("L", row.fetches, row.bytes)...); err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("%d requests, %d bytes: got\n%s\nwant\n%s", row.fetches, row.bytes, got, row.want)
		}
	}
}
