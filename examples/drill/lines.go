package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/bearerkit/bearer/internal/incident"
)

// A line is an incident with the conditions that its result must meet.
type line struct {
	name  string
	run   incident.Run
	alone bool // whether the incident must run alone
	wants []want
}

// A want is a condition that a result must meet.
type want struct {
	text string
	ok   func(incident.Result) bool
}

// maxWait is the maximum duration of a request.
const maxWait = 2 * time.Second

var (
	noneRefused = want{"no valid request is refused", func(r incident.Result) bool { return r.Requests > 0 && r.Refused == 0 && r.Unavailable == 0 }}
	noLongWait  = want{"no request takes more than 2 s", func(r incident.Result) bool { return r.Slowest <= maxWait && r.SlowestForged <= maxWait }}
	oneFetch    = want{"1 fetch for each new key", func(r incident.Result) bool {
		return len(r.PerStep) > 0 && !slices.ContainsFunc(r.PerStep, func(n int) bool { return n != 1 })
	}}
	noKeyLost    = want{"no valid key is lost", func(r incident.Result) bool { return r.Tried > 0 && len(r.LostKeys) == 0 }}
	noneAccepted = want{"no invalid token is accepted", func(r incident.Result) bool { return r.Forged > 0 && len(r.ForgedAccepted) == 0 }}
)

// withinTime returns the condition that the event happens within the duration d.
func withinTime(event string, d time.Duration) want {
	return want{fmt.Sprintf("%s within %v", event, d), func(r incident.Result) bool { return !r.Never && r.After <= d }}
}

// fetchCount returns the condition that the number of fetches is from low to high.
func fetchCount(low, high int) want {
	return want{fmt.Sprintf("%d to %d fetches", low, high), func(r incident.Result) bool { return low <= r.Fetches && r.Fetches <= high }}
}

// lines returns the incidents in the order of the table.
func lines() []line {
	return []line{
		{"flood of forged key ids", incident.Flood(3), true, []want{
			noneRefused, noLongWait, fetchCount(0, 3),
			{"there are 10,000 forged tokens", func(r incident.Result) bool { return r.Forged == 10_000 }},
			{"p99 of valid requests is at most 1.5 × the p99 in calm periods", func(r incident.Result) bool { return r.Ratio > 0 && r.Ratio <= 1.5 }},
		}},
		{"two rotations", incident.Rotations, false, []want{noneRefused, noLongWait, oneFetch}},
		{"new key with old key id", incident.NewMaterial, false, []want{noneRefused, noLongWait, oneFetch}},
		{"rotation during a flood", incident.RotationInFlood, false, []want{withinTime("the new key is accepted", 10*time.Second), noLongWait}},
		{"key withdrawn", incident.Withdrawal, false, []want{noneRefused, withinTime("the token is refused", 2*time.Second)}},
		{"issuer hangs", incident.Hang, true, []want{
			noneRefused, noLongWait,
			{"no request with a known key id takes 1 s or more", func(r incident.Result) bool { return r.Slowest < time.Second }},
			{"every request with an unknown key id gets 503", func(r incident.Result) bool { return r.Forged > 0 && r.ForgedUnavailable == r.Forged }},
			{"no goroutine is left", func(r incident.Result) bool { return r.Goroutines == 0 }},
		}},
		{"issuer is down", incident.Outage, false, []want{noneRefused, noLongWait, fetchCount(2, 6)}},
		{"issuer is down at start", incident.Start, false, []want{
			{"every request gets 503 until the issuer answers again", func(r incident.Result) bool { return r.Requests > 0 && r.Unavailable == r.Requests }},
			noLongWait, fetchCount(2, 10), withinTime("the next request is accepted", maxWait),
		}},
		{"issuer hangs at start", incident.StartHanging, false, []want{
			{"every request gets 503 until the issuer answers again", func(r incident.Result) bool { return r.Requests > 0 && r.Unavailable == r.Requests }},
			noLongWait, fetchCount(2, 10), withinTime("the next request is accepted", maxWait),
		}},
		{"issuer is down at restart", incident.Restart, false, []want{noneRefused, noLongWait}},
		{"hostile bodies", incident.Bodies, true, []want{
			noneRefused, noLongWait, noKeyLost,
			{"the heap grows by at most 32 MiB", func(r incident.Result) bool { return r.PeakHeap > 0 && r.PeakHeap <= 32<<20 && !r.CutOff }},
		}},
		{"odd documents", incident.OddDocuments, false, []want{noneRefused, noKeyLost}},
		{"odd keys", incident.OddKeys, false, []want{noneRefused, noKeyLost, noneAccepted}},
		{"cost of a lookup", incident.Lookup, true, []want{
			{"a lookup takes at most 100 ns", func(r incident.Result) bool { return r.Lookup > 0 && r.Lookup <= 100*time.Nanosecond }},
			{"a lookup makes no allocation", func(r incident.Result) bool { return r.Allocations == 0 }},
			{"a lookup with 1,000 keys takes at most 1.5 × the time with one key", func(r incident.Result) bool { return r.Growth > 0 && r.Growth <= 1.5 }},
			{"a lookup in a shared cache takes at most 1.25 × the time with one cache per core", func(r incident.Result) bool { return r.Sharing > 0 && r.Sharing <= 1.25 }},
		}},
	}
}
