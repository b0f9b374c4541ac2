// Package fetchlimits checks the fields of a jwks.Limits. Package jwks and package bearer use it,
// because the error must name the option of the caller.
package fetchlimits

import (
	"fmt"
	"strconv"
)

// LeastBytes is the least number of bytes per second. It is the cost of a compressed document of
// 16 KiB, and nearly all documents cost less. So an issuer whose document costs less waits at most
// 1 s for the bytes of each issuer before it. A lower value is usually a number without a unit,
// and with it, no issuer gets its keys in time.
const LeastBytes = 64 << 10

// Problems returns an error for each invalid value. The name is the name of the Limits in the
// errors. Zero stands for the defaults and is valid.
func Problems(name string, maxFetches, maxBytesPerSecond int) (errs []error) {
	for _, field := range []struct {
		name  string
		value int
	}{{"MaxFetches", maxFetches}, {"MaxBytesPerSecond", maxBytesPerSecond}} {
		if field.value < 0 {
			errs = append(errs, fmt.Errorf("%s.%s: %d is negative; want 0 for the default, or a positive number", name, field.name, field.value))
		}
	}
	if n := maxBytesPerSecond; n > 0 && n < LeastBytes {
		unit := "20" // MiB
		if len(strconv.Itoa(n)) > 3 {
			unit = "10" // KiB
		}
		errs = append(errs, fmt.Errorf("%s.MaxBytesPerSecond: %d is %d bytes per second, and the least value is %d; did you mean %d<<%s?",
			name, n, n, LeastBytes, n, unit))
	}
	return errs
}
