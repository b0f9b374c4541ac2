package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/bearerkit/bearer/internal/incident"
)

// line is an incident and what is promised in it.
type line struct {
	name  string
	run   incident.Run
	alone bool // it measures what others would spoil
	wants []want
}

// want is a promise.
type want struct {
	text string
	ok   func(incident.Result) bool
}

// waited is the longest that anybody may be made to wait.
const waited = 2 * time.Second

var (
	noneRefused = want{"no honest request refused", func(r incident.Result) bool { return r.Requests > 0 && r.Refused == 0 && r.Unavailable == 0 }}
	nobodyWaits = want{"nobody waits more than 2 s", func(r incident.Result) bool { return r.Slowest <= waited && r.SlowestForged <= waited }}
	oneFetch    = want{"1 fetch each", func(r incident.Result) bool {
		return len(r.PerStep) > 0 && !slices.ContainsFunc(r.PerStep, func(n int) bool { return n != 1 })
	}}
	nothingLost   = want{"no good key lost", func(r incident.Result) bool { return r.Tried > 0 && len(r.Lost) == 0 }}
	nothingFooled = want{"no bad key verifies", func(r incident.Result) bool { return r.Forged > 0 && len(r.Fooled) == 0 }}
)

// within promises that r.After is d at most.
func within(what string, d time.Duration) want {
	return want{fmt.Sprintf("%s within %v", what, d), func(r incident.Result) bool { return !r.Never && r.After <= d }}
}

// fetches promises that the issuer was asked low to high times.
func fetches(low, high int) want {
	return want{fmt.Sprintf("%d to %d fetches", low, high), func(r incident.Result) bool { return low <= r.Fetches && r.Fetches <= high }}
}

// lines are the incidents, in the order of the table.
func lines() []line {
	return []line{
		{"flood of forged key ids", incident.Flood(3), true, []want{
			noneRefused, nobodyWaits, fetches(0, 3),
			{"10,000 forged tokens", func(r incident.Result) bool { return r.Forged == 10_000 }},
			{"p99 of valid requests within 1.5x of calm", func(r incident.Result) bool { return r.Ratio > 0 && r.Ratio <= 1.5 }},
		}},
		{"two rotations", incident.Rotations, false, []want{noneRefused, nobodyWaits, oneFetch}},
		{"new key, old key id", incident.Exchange, false, []want{noneRefused, nobodyWaits, oneFetch}},
		{"rotation in a flood", incident.RotationInFlood, false, []want{within("accepted", 10*time.Second), nobodyWaits}},
		{"key withdrawn", incident.Removal, false, []want{noneRefused, within("refused", 2*time.Second)}},
		{"issuer hangs", incident.Hang, true, []want{
			noneRefused, nobodyWaits,
			{"known keys do not wait", func(r incident.Result) bool { return r.Slowest < time.Second }},
			{"unknown key ids are told 503", func(r incident.Result) bool { return r.Forged > 0 && r.ForgedUnavailable == r.Forged }},
			{"no goroutine left", func(r incident.Result) bool { return r.Goroutines == 0 }},
		}},
		{"issuer down", incident.Outage, false, []want{noneRefused, nobodyWaits, fetches(2, 6)}},
		{"start while it is down", incident.Start, false, []want{
			{"503 until then, never 401", func(r incident.Result) bool { return r.Requests > 0 && r.Unavailable == r.Requests }},
			nobodyWaits, fetches(2, 10), within("first request after the return accepted", waited),
		}},
		{"start while it hangs", incident.StartHanging, false, []want{
			{"503 until then, never 401", func(r incident.Result) bool { return r.Requests > 0 && r.Unavailable == r.Requests }},
			nobodyWaits, fetches(2, 10), within("first request after the return accepted", waited),
		}},
		{"restart while it is down", incident.Restart, false, []want{noneRefused, nobodyWaits}},
		{"bodies that do harm", incident.Bodies, true, []want{
			noneRefused, nobodyWaits, nothingLost,
			{"peak heap 32 MiB at most", func(r incident.Result) bool { return r.PeakHeap > 0 && r.PeakHeap <= 32<<20 && !r.CutOff }},
		}},
		{"odd documents", incident.OddDocuments, false, []want{noneRefused, nothingLost}},
		{"odd keys", incident.OddKeys, false, []want{noneRefused, nothingLost, nothingFooled}},
		{"price of a lookup", incident.Lookup, true, []want{
			{"100 ns at most", func(r incident.Result) bool { return r.Lookup > 0 && r.Lookup <= 100*time.Nanosecond }},
			{"no allocation", func(r incident.Result) bool { return r.Allocations == 0 }},
			{"flat in the number of keys", func(r incident.Result) bool { return r.Growth > 0 && r.Growth <= 1.5 }},
			{"shared by all cores for the price of one's own", func(r incident.Result) bool { return r.Sharing > 0 && r.Sharing <= 1.25 }},
		}},
	}
}
