package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bearerkit/bearer/internal/incident"
)

// line is one line of the page's table: an incident.
type line struct {
	name  string
	run   incident.Run
	alone bool                         // no other incident may run at the same time
	text  func(incident.Result) string // the text of a cell
}

func lines() []line {
	return []line{
		{"10,000 forged key ids in 2 s, and 1,000 valid requests/s", incident.Flood(1), true, func(r incident.Result) string {
			return fmt.Sprintf("%s; %s; p99 of valid requests: %.2f × the p99 without the flood; slowest forged request %v", refused(r), fetches(r.Fetches), r.Ratio, incident.Short(r.SlowestForged))
		}},
		{"two rotations 4 s apart, 20 callers", incident.Rotations, false, perStep},
		{"new key material under the old key id, 20 callers", incident.NewMaterial, false, perStep},
		{"a rotation during a flood", incident.RotationInFlood, false, func(r incident.Result) string {
			return until(r, "the new key is accepted after %v", "the new key is not accepted within %v") + "; " + fetches(r.Fetches)
		}},
		{"a key is withdrawn, interval 1 s", incident.Withdrawal, false, func(r incident.Result) string {
			return until(r, "its tokens are refused after %v", "its tokens are still accepted after %v")
		}},
		{"the issuer never answers", incident.Hang, true, func(r incident.Result) string {
			waited := fmt.Sprintf("at most %v", incident.Short(r.SlowestForged))
			if r.SlowestForged >= incident.HangTimeout {
				waited = fmt.Sprintf("until their timeout, %v", incident.HangTimeout)
			}
			return fmt.Sprintf("known keys: %s; requests with unknown key ids wait %s and get %s; goroutines left: %d",
				refused(r), waited, forgedStatus(r), r.Goroutines)
		}},
		{"the issuer is down for 15 s, interval 1 s", incident.Outage, false, func(r incident.Result) string {
			return refused(r) + "; " + fetches(r.Fetches)
		}},
		{"start while the issuer is down", incident.Start, false, func(r incident.Result) string {
			return fmt.Sprintf("during the outage %d × 401, %d × 503; when the issuer is back, %s", r.Refused, r.Unavailable,
				until(r, "the first request is accepted after %v", "the first request is refused after %v"))
		}},
		{"restart while the issuer is down (3 s)", incident.Restart, false, refused},
		{"hostile response bodies", incident.Bodies, true, func(r incident.Result) string {
			return r.Story + named(". Good keys lost: ", r.LostKeys)
		}},
		{"odd documents", incident.OddDocuments, false, func(r incident.Result) string {
			return fmt.Sprintf("good keys lost in %d of %d cases", len(r.LostKeys), r.Tried)
		}},
		{"one odd key in the set", incident.OddKeys, false, func(r incident.Result) string {
			return fmt.Sprintf("a good key lost in %d of %d cases; %d of %d bad tokens accepted", len(r.LostKeys), r.Tried, len(r.ForgedAccepted), r.Forged)
		}},
	}
}

// perStep describes refusals, and the fetches of each step of an incident. Each step changes
// the issuer's key.
func perStep(r incident.Result) string {
	var steps []string
	for _, n := range r.PerStep {
		steps = append(steps, strconv.Itoa(n))
	}
	return refused(r) + "; fetches after each change: " + strings.Join(steps, ", ")
}

func refused(r incident.Result) string {
	text := fmt.Sprintf("**%d** of %d refused", r.Refused+r.Unavailable, r.Requests)
	if r.Refused > 0 && r.Unavailable > 0 {
		text += fmt.Sprintf(" (%d × 401)", r.Refused)
	}
	return text
}

func fetches(n int) string {
	if n == 1 {
		return "1 fetch"
	}
	return fmt.Sprintf("%d fetches", n)
}

// until formats the time until an event. It uses the format then if the event happened, and
// otherwise the format otherwise.
func until(r incident.Result, then, otherwise string) string {
	if r.Never {
		then = otherwise
	}
	return fmt.Sprintf(then, incident.Short(r.After))
}

// forgedStatus returns the status that the forged tokens got.
func forgedStatus(r incident.Result) string {
	switch r.ForgedUnavailable {
	case 0:
		return "401"
	case r.Forged:
		return "503"
	}
	return fmt.Sprintf("503, except %d × 401", r.Forged-r.ForgedUnavailable)
}

// named returns a sentence with a list of names, or "" if the list is empty.
func named(what string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return what + strings.Join(names, ", ") + "."
}

// algorithms are the defaults of bearer.Config.Algorithms.
var algorithms = []string{"RS256", "PS256", "ES256", "EdDSA", "Ed25519"}
