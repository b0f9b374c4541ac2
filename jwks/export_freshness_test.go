package jwks

import (
	"net/http"
	"time"
)

// AgeOf reads the header of a response. The header stored is nil, or the header of a stored
// response that the response, which has the status 304, confirms. The results are the age of the
// response, the time for which it stays fresh, and the time from which MaxStale counts.
func AgeOf(h, stored http.Header, sent, received time.Time) (age, fresh time.Duration, confirmed time.Time) {
	times, d := readTimes(h, sent, received), readDirectives(h)
	if stored != nil {
		d = readDirectives(stored).renew(d)
	}
	return times.age, times.fresh(d), times.confirmed(d)
}
