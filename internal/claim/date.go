package claim

import (
	"errors"
	"math"
	"strconv"
	"time"
)

// maxDate is the end of the year 9999 in seconds since the epoch. A later time is one in
// milliseconds, or an attempt at an overflow.
const maxDate = 253402300799

// maxNumber is how long the text of a NumericDate may be. Longer numbers only cost time.
const maxNumber = 32

// Date reads a NumericDate (RFC 7519, section 2): a JSON number of
// seconds, fractions allowed.
func Date(v string) (time.Time, error) {
	if n, ok := seconds(v); ok {
		return time.Unix(n, 0), nil
	}
	if !IsNumber(v) {
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
	whole, fraction := math.Modf(f)
	return time.Unix(int64(whole), int64(fraction*1e9)), nil
}

// seconds reads the usual form, up to eleven digits. Such a number is below maxDate.
func seconds(v string) (n int64, ok bool) {
	for i := range len(v) {
		d := v[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = 10*n + int64(d)
	}
	return n, 0 < len(v) && len(v) <= 11
}

// IsNumber reports whether v, which is valid JSON, is a number.
func IsNumber(v string) bool { return v != "" && (v[0] == '-' || '0' <= v[0] && v[0] <= '9') }
