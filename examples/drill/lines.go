package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/bearerkit/bearer/internal/incident"
)

// line is an incident and the conditions that its result must meet.
type line struct {
	name  string
	run   incident.Run
	alone bool // other incidents at the same time distort its result
	wants []want
}

// want is a condition on a result.
type want struct {
	text string
	ok   func(incident.Result) bool
}

// maxWait is the longest time that a request may take.
const maxWait = 2 * time.Second

var (
	noneRefused = want{"no valid request refused", func(r incident.Result) bool { return r.Requests > 0 && r.Refused == 0 && r.Unavailable == 0 }}
	noLongWait  = want{"no request takes more than 2 s", func(r incident.Result) bool { return r.Slowest <= maxWait && r.SlowestForged <= maxWait }}
	oneFetch    = want{"1 fetch per rotation", func(r incident.Result) bool {
		return len(r.PerStep) > 0 && !slices.ContainsFunc(r.PerStep, func(n int) bool { return n != 1 })
	}}
	noKeyLost    = want{"no valid key lost", func(r incident.Result) bool { return r.Tried > 0 && len(r.LostKeys) == 0 }}
	noneAccepted = want{"no forged token accepted", func(r incident.Result) bool { return r.Forged > 0 && len(r.ForgedAccepted) == 0 }}
)

// within returns the condition that r.After is at most d.
func within(what string, d time.Duration) want {
	return want{fmt.Sprintf("%s within %v", what, d), func(r incident.Result) bool { return !r.Never && r.After <= d }}
}

// fetches returns the condition that there were low to high fetches.
func fetches(low, high int) want {
	return want{fmt.Sprintf("%d to %d fetches", low, high), func(r incident.Result) bool { return low <= r.Fetches && r.Fetches <= high }}
}

// lines are the incidents, in the order of the table.
func lines() []line {
	return []line{
		{"flood of forged key ids", incident.Flood(3), true, []want{
			noneRefused, noLongWait, fetches(0, 3),
			{"10,000 forged tokens", func(r incident.Result) bool { return r.Forged == 10_000 }},
			{"p99 of valid requests at most 1.5x the p99 in calm periods", func(r incident.Result) bool { return r.Ratio > 0 && r.Ratio <= 1.5 }},
		}},
		{"two rotations", incident.Rotations, false, []want{noneRefused, noLongWait, oneFetch}},
		{"new key, old key id", incident.NewMaterial, false, []want{noneRefused, noLongWait, oneFetch}},
		{"rotation during a flood", incident.RotationInFlood, false, []want{within("new key accepted", 10*time.Second), noLongWait}},
		{"key withdrawn", incident.Withdrawal, false, []want{noneRefused, within("token refused", 2*time.Second)}},
		{"issuer hangs", incident.Hang, true, []want{
			noneRefused, noLongWait,
			{"known key ids do not wait", func(r incident.Result) bool { return r.Slowest < time.Second }},
			{"unknown key ids get 503", func(r incident.Result) bool { return r.Forged > 0 && r.ForgedUnavailable == r.Forged }},
			{"no goroutine left", func(r incident.Result) bool { return r.Goroutines == 0 }},
		}},
		{"issuer down", incident.Outage, false, []want{noneRefused, noLongWait, fetches(2, 6)}},
		{"start, issuer down", incident.Start, false, []want{
			{"503 until the issuer's return, never 401", func(r incident.Result) bool { return r.Requests > 0 && r.Unavailable == r.Requests }},
			noLongWait, fetches(2, 10), within("first request after the issuer's return accepted", maxWait),
		}},
		{"start, issuer hangs", incident.StartHanging, false, []want{
			{"503 until the issuer's return, never 401", func(r incident.Result) bool { return r.Requests > 0 && r.Unavailable == r.Requests }},
			noLongWait, fetches(2, 10), within("first request after the issuer's return accepted", maxWait),
		}},
		{"restart, issuer down", incident.Restart, false, []want{noneRefused, noLongWait}},
		{"hostile bodies", incident.Bodies, true, []want{
			noneRefused, noLongWait, noKeyLost,
			{"heap grows by at most 32 MiB", func(r incident.Result) bool { return r.PeakHeap > 0 && r.PeakHeap <= 32<<20 && !r.CutOff }},
		}},
		{"odd documents", incident.OddDocuments, false, []want{noneRefused, noKeyLost}},
		{"odd keys", incident.OddKeys, false, []want{noneRefused, noKeyLost, noneAccepted}},
		{"cost of a lookup", incident.Lookup, true, []want{
			{"at most 100 ns", func(r incident.Result) bool { return r.Lookup > 0 && r.Lookup <= 100*time.Nanosecond }},
			{"no allocation", func(r incident.Result) bool { return r.Allocations == 0 }},
			{"1,000 keys take at most 1.5x the time of one key", func(r incident.Result) bool { return r.Growth > 0 && r.Growth <= 1.5 }},
			{"a shared cache takes at most 1.25x the time of one cache per core", func(r incident.Result) bool { return r.Sharing > 0 && r.Sharing <= 1.25 }},
		}},
	}
}
