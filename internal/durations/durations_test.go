package durations_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/durations"
)

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		d, least, usual time.Duration
		want            string // a part of the error; "" means no error
	}{
		{0, time.Second, time.Hour, ""},
		{-1, time.Second, time.Hour, ""},
		{time.Second, time.Second, time.Hour, ""},
		{math.MaxInt64, time.Second, time.Hour, ""},
		{300, time.Second, 15 * time.Minute, "300 is 300ns, which is too short; did you mean 300*time.Second?"},
		{15, time.Second, 15 * time.Minute, "15*time.Minute"},
		{12, time.Second, 12 * time.Hour, "12*time.Hour"},
		{43200, time.Second, 12 * time.Hour, "43200*time.Second"},
		{720, time.Second, 12 * time.Hour, "720*time.Minute"},
		{900_000, time.Second, 15 * time.Minute, "900000 is 900µs, which is too short; did you mean 900000*time.Millisecond?"},
		{8, time.Second, 8 * time.Second, "8*time.Second"},
		{5, time.Millisecond, 5 * time.Second, "5*time.Second"},
		{5000, time.Millisecond, 5 * time.Second, "5000*time.Millisecond"},
		{1, time.Second, time.Hour, "1*time.Hour"},
		{time.Second - 1, time.Second, time.Hour, "A duration of less than 1s must have whole milliseconds"},
		{time.Second - 1, time.Second, time.Second, "too short; give it a unit"},
		{5 * time.Millisecond, time.Second, time.Hour, ""},
		{time.Millisecond, time.Second, time.Hour, ""},
		{999_999, time.Second, time.Second, "999999 is 999.999µs, which is too short; did you mean 999999*time.Millisecond?"},
		{999_000, time.Second, time.Second, "999000 is 999µs, which is too short; give it a longer unit"},
		{500_000, 100 * time.Millisecond, 12 * time.Hour, "500000 is 500µs, which is too short; give it a longer unit, such as time.Second."},
		{100_000, 100 * time.Millisecond, 12 * time.Hour, "too short; give it a longer unit"},
		{20_000, time.Second, time.Hour, "too short; give it a longer unit"},
		{604_800, 100 * time.Millisecond, 12 * time.Hour, "604800*time.Second"},
		{1000, time.Millisecond, 5 * time.Second, "1000*time.Millisecond"},
		{300_000, 10 * time.Millisecond, 15 * time.Minute, "300000*time.Millisecond"},
		{86_400_000, 100 * time.Millisecond, 12 * time.Hour, "86400000*time.Millisecond"},
	} {
		err := durations.Check("Options.Field", tt.d, tt.least, tt.usual)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%d: got error %v, want none", tt.d, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "Options.Field: ")):
			t.Errorf("%d: got error %v, want an error that contains %q", tt.d, err, tt.want)
		}
	}
}
