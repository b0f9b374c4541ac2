package bearer

import (
	"errors"
	"math"
	"strconv"
	"time"
)

// maxDate is the end of the year 9999 in seconds since the epoch. A later time
// is one in milliseconds, or an attempt at an overflow.
const maxDate = 253402300799

// maxNumber is how long the text of a NumericDate may be: longer ones only cost
// time to read.
const maxNumber = 32

// numericDate reads a NumericDate (RFC 7519, section 2): a JSON number of
// seconds, fractions allowed.
func numericDate(v string) (time.Time, error) {
	if !isNumber(v) {
		return time.Time{}, errors.New("is not a number")
	}
	if len(v) > maxNumber {
		return time.Time{}, errors.New("is not a time")
	}
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		if n < -maxDate || n > maxDate {
			return time.Time{}, errors.New("is not a time in seconds")
		}
		return time.Unix(n, 0), nil
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || f < -maxDate || f > maxDate {
		return time.Time{}, errors.New("is not a time in seconds")
	}
	seconds, fraction := math.Modf(f)
	return time.Unix(int64(seconds), int64(fraction*1e9)), nil
}
