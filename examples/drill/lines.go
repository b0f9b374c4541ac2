package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/bearerkit/bearer/internal/incident"
)

// A line is an incident with the conditions that its result must meet. A new incident needs a
// function in package incident, a line here, and a result in the test.
type line struct {
	name string
	run  incident.Run
	// alone means that nothing else may run in the process at the same time, because the incident
	// counts what the whole process does. All other incidents run at the same time.
	alone bool
	// why says why valid requests are refused in this incident. Without a reason, a refused valid
	// request makes the result WRONG.
	why   why
	wants []want
}

// A why has a short reason for each status. The empty reason means that no valid request gets this
// status.
type why struct{ status401, status503 string }

// A want is a condition that a result must meet.
type want struct {
	text string
	ok   func(incident.Result) bool
}

// maxWait is the maximum duration of a request, without tolerance.
const maxWait = 2 * time.Second

var (
	noneRefused = want{"no valid request is refused", func(r incident.Result) bool { return r.Requests > 0 && r.Refused == 0 && r.Unavailable == 0 }}
	noLongWait  = want{"no request takes more than 2 s", func(r incident.Result) bool { return max(r.Slowest, r.SlowestForged) <= maxWait+tolerance(r) }}
	oneFetch    = want{"1 fetch for each new key", func(r incident.Result) bool {
		return len(r.PerStep) > 0 && !slices.ContainsFunc(r.PerStep, func(n int) bool { return n != 1 })
	}}
	unavailableUntilKeys = want{"every request gets 503 until the issuer answers again", func(r incident.Result) bool { return r.Requests > 0 && r.Unavailable == r.Requests }}

	eachSaysWhen = want{"each 503 is \"not asked\", with Retry-After", func(r incident.Result) bool { return r.NotAsked == r.Unavailable }}
	none401      = want{"no valid request gets 401", func(r incident.Result) bool { return r.Requests > 0 && r.Refused == 0 }}
	knownAllowed = want{"no request with the old key is refused", func(r incident.Result) bool { return r.KnownRequests > 0 && r.KnownRefused == 0 }}

	noKeyLost    = want{"no valid key is lost", func(r incident.Result) bool { return r.Tried > 0 && len(r.LostKeys) == 0 }}
	noneAccepted = want{"no invalid token is accepted", func(r incident.Result) bool { return r.Forged > 0 && len(r.ForgedAccepted) == 0 }}
)

// withinTime returns the condition that the event happens within the duration d.
func withinTime(event string, d time.Duration) want {
	return want{fmt.Sprintf("%s within %v", event, d), func(r incident.Result) bool { return !r.Never && r.After <= d+tolerance(r) }}
}

// restoredWithin returns the condition that requests are accepted again within the duration d.
func restoredWithin(d time.Duration) want {
	return want{fmt.Sprintf("requests are accepted again within %v", d), func(r incident.Result) bool { return 0 < r.Restored && r.Restored <= d+tolerance(r) }}
}

// fetchCount returns the condition that the number of fetches is from low to high.
func fetchCount(low, high int) want {
	return want{fmt.Sprintf("%d to %d fetches", low, high), func(r incident.Result) bool { return low <= r.Fetches && r.Fetches <= high }}
}

// A condition compares counts, verdicts, and the times that the documentation promises. It must not
// compare prices, such as the time of a lookup, because they depend on the machine. Benchmarks
// measure prices.

// lines returns the incidents in the order of the table.
func lines() []line {
	return append(linesAlone(), linesTogether()...)
}

// linesAlone returns the incidents that run one after the other.
func linesAlone() []line {
	return []line{
		{name: "lookups", run: incident.Lookup, alone: true, wants: []want{
			{"a lookup makes no allocation", func(r incident.Result) bool { return r.Lookups > 0 && r.Allocations == 0 }},
		}},
		{name: "hostile bodies", run: incident.Bodies, alone: true, wants: []want{
			noneRefused, noLongWait, noKeyLost,
			{"the heap grows by at most 32 MiB", func(r incident.Result) bool { return r.PeakHeap > 0 && r.PeakHeap <= 32<<20 && !r.CutOff }},
		}},
		{name: "issuer hangs", run: incident.Hang, alone: true, wants: []want{
			noneRefused, noLongWait,
			{"no request with a known key id takes 1 s or more", func(r incident.Result) bool { return r.Slowest < time.Second+tolerance(r) }},
			{"every request with an unknown key id gets 503", func(r incident.Result) bool { return r.Forged > 0 && r.ForgedUnavailable == r.Forged }},
			{"no goroutine is left", func(r incident.Result) bool { return r.Goroutines == 0 }},
		}},
	}
}

// linesTogether returns the incidents that run at the same time.
func linesTogether() []line {
	noKeys, notAsked := why{status503: "no keys"}, why{status503: "not asked"}
	const (
		unready     = 5*time.Second + 100*time.Millisecond // a pause and a fetch
		coolDown    = 8 * time.Second                      // the default of jwks.Options.CoolDown
		afterRotate = coolDown + time.Second
	)
	return []line{
		{name: "odd documents", run: incident.OddDocuments, wants: []want{noneRefused, noKeyLost}},
		{name: "odd keys", run: incident.OddKeys, wants: []want{noneRefused, noKeyLost, noneAccepted}},
		{name: "new key with old key id", run: incident.NewMaterial, wants: []want{noneRefused, noLongWait, oneFetch}},
		{name: "key withdrawn", run: incident.Withdrawal, wants: []want{noneRefused, fetchCount(1, 4), withinTime("the token is refused", 2*time.Second)}},
		{name: "flood of forged key ids", run: incident.Flood, wants: []want{
			noneRefused, noLongWait, fetchCount(0, 3),
			{"there are 10,000 forged tokens", func(r incident.Result) bool { return r.Forged == 10_000 }},
		}},
		{name: "issuer is down at restart", run: incident.Restart, wants: []want{noneRefused, noLongWait}},
		{name: "issuer is down at start", run: incident.Start, why: noKeys, wants: []want{
			unavailableUntilKeys, noLongWait, fetchCount(2, 10), withinTime("the next request is accepted", maxWait),
		}},
		{name: "issuer hangs at start", run: incident.StartHanging, why: noKeys, wants: []want{
			unavailableUntilKeys, noLongWait, fetchCount(2, 10), withinTime("the next request is accepted", maxWait),
		}},
		{name: "probes only at start", run: incident.Unready, wants: []want{
			noneRefused, noLongWait, fetchCount(3, 12), withinTime("the service is ready", unready),
			{"the service is not ready while the issuer is down", func(r incident.Result) bool { return r.Tried > 0 && r.ReadyTooEarly == 0 }},
		}},
		{name: "last key withdrawn", run: incident.LastKey, why: why{status503: "withdrawn"}, wants: []want{
			none401, noLongWait,
			withinTime("the key is dropped", 2*incident.WithdrawInterval), restoredWithin(maxWait),
			{fmt.Sprintf("the key stays in use for %v, and until there are 3 answers without a key", incident.WithdrawInterval), func(r incident.Result) bool {
				return r.After >= incident.WithdrawInterval && len(r.PerStep) > 0 && r.PerStep[0] >= 3
			}},
			{"the dropped key is never accepted again", func(r incident.Result) bool { return r.Unavailable > 0 && r.AcceptedLater == 0 }},
		}},
		{name: "a connection hangs", run: incident.OneHangs, wants: []want{
			noneRefused, noLongWait, {"1 or 2 requests for the key set", func(r incident.Result) bool { return 1 <= r.Fetches && r.Fetches <= 2 }},
		}},
		{name: "retired key ids", run: incident.RetiredKeys, why: notAsked, wants: []want{
			none401, eachSaysWhen, knownAllowed, noLongWait, withinTime("the new key is accepted", afterRotate), fetchCount(1, 5),
		}},
		{name: "forged signatures", run: incident.ForgedSignatures, why: notAsked, wants: []want{
			none401, eachSaysWhen, knownAllowed, noLongWait, withinTime("the new key is accepted", afterRotate), fetchCount(1, 5),
		}},
		{name: "two rotations", run: incident.Rotations, wants: []want{noneRefused, noLongWait, oneFetch}},
		{name: "rotation during a flood", run: incident.RotationInFlood, why: notAsked, wants: []want{
			none401, eachSaysWhen, withinTime("the new key is accepted", 10*time.Second), noLongWait,
		}},
		{name: "issuer is down", run: incident.Outage, wants: []want{noneRefused, noLongWait, fetchCount(2, 6)}},
		{name: "key set moves", run: incident.MovedKeys, wants: []want{
			noneRefused, noLongWait,
			{"1 request each for the old address, the new address and the metadata", func(r incident.Result) bool {
				return slices.Equal(r.PerStep, []int{1, 1, 1})
			}},
		}},
	}
}
