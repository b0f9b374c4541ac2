// Package durations finds durations without a unit. In Go, the constant 300 is a valid
// time.Duration of 300 ns, but a configuration with "MaxAge: 300" means seconds or minutes.
package durations

import (
	"fmt"
	"time"
)

// unit is a unit that can be missing. Its name is Go source text.
type unit struct {
	name string
	size time.Duration
}

var units = []unit{
	{"time.Millisecond", time.Millisecond},
	{"time.Second", time.Second},
	{"time.Minute", time.Minute},
	{"time.Hour", time.Hour},
}

// plausible is the largest factor between the usual duration and the duration that an error
// proposes.
const plausible = 1000

// plausibleMicros replaces plausible if the duration consists of whole microseconds. Such a
// duration may have the unit time.Microsecond.
const plausibleMicros = 10

// Check returns an error if the duration d of the option name is positive and shorter than
// least, and does not consist of whole milliseconds. Then d probably has no unit. The error
// names the probable unit, which is the unit with which the duration is nearest to usual. If
// there is no plausible unit, the error names none. For whole microseconds, only the unit
// time.Millisecond is plausible, because an option in seconds rarely needs so large a number, and
// 500*time.Microsecond does not mean 500000 seconds. The argument least must be so long that
// shorter durations are useful in tests only. Such durations, for example
// 20*time.Millisecond, consist of whole milliseconds. The argument usual is a typical
// duration, such as the default.
//
// Check does not refuse zero and negative durations, because their meaning differs between
// options.
func Check(name string, d, least, usual time.Duration) error {
	if d <= 0 || d >= least || d%time.Millisecond == 0 {
		return nil
	}
	candidates, most, hint := units, float64(plausible), "give it a unit, such as time.Second."
	if d%time.Microsecond == 0 {
		candidates, most, hint = units[:1], plausibleMicros, "give it a longer unit, such as time.Second."
	}
	best := candidates[0]
	for _, u := range candidates[1:] {
		if distance(d, u, usual) < distance(d, best, usual) {
			best = u
		}
	}
	if distance(d, best, usual) <= most {
		hint = fmt.Sprintf("did you mean %d*%s?", int64(d), best.name)
	}
	return fmt.Errorf("%s: %d is %v, which is too short; %s A duration of less than %v must have whole milliseconds",
		name, int64(d), d, hint, least)
}

// distance returns the factor between usual and n units, where n is the number of nanoseconds
// in d. It is at least 1.
func distance(d time.Duration, u unit, usual time.Duration) float64 {
	factor := float64(d) * float64(u.size) / float64(usual)
	return max(factor, 1/factor)
}
