package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bearerkit/bearer/internal/incident"
)

// A line is one line of the table on the page. It shows one incident.
type line struct {
	name  string
	run   incident.Run
	alone bool                         // whether the incident must run alone
	text  func(incident.Result) string // returns the text of a cell
}

func lines() []line {
	return []line{
		{"10,000 tokens with forged key ids in 2 s, and 1,000 valid requests per second", incident.FloodLatency(3), true, func(r incident.Result) string {
			return fmt.Sprintf("%s; %s; p99 of valid requests: %.2f × the p99 without the flood; slowest forged request: %v", refused(r), fetches(r.Fetches), r.Ratio, incident.Short(r.SlowestForged))
		}},
		{"two key rotations with 4 s between them; 20 callers", incident.Rotations, false, perStep},
		{"a new key with the key id of the old key; 20 callers", incident.NewMaterial, false, perStep},
		{"a key rotation during a flood of forged key ids", incident.RotationInFlood, false, func(r incident.Result) string {
			return timeUntil(r, "the new key is accepted after %v", "the new key is not accepted within %v") + "; " + fetches(r.Fetches)
		}},
		{"the issuer withdraws a key; refresh interval 1 s", incident.Withdrawal, false, func(r incident.Result) string {
			return timeUntil(r, "tokens signed with this key are refused after %v", "tokens signed with this key are still accepted after %v")
		}},
		{"the issuer never answers", incident.Hang, true, func(r incident.Result) string {
			waited := fmt.Sprintf("at most %v", incident.Short(r.SlowestForged))
			if r.SlowestForged >= incident.HangTimeout {
				waited = fmt.Sprintf("until their timeout of %v", incident.HangTimeout)
			}
			return fmt.Sprintf("requests with known key ids: %s; requests with unknown key ids wait %s and get %s; goroutines left at the end: %d",
				refused(r), waited, forgedStatus(r), r.Goroutines)
		}},
		{"the issuer is down for 15 s; refresh interval 1 s", incident.Outage, false, func(r incident.Result) string {
			return refused(r) + "; " + fetches(r.Fetches)
		}},
		{"a service starts while the issuer is down", incident.Start, false, func(r incident.Result) string {
			return fmt.Sprintf("during the outage, %d requests get 401 and %d get 503; when the issuer is back, %s", r.Refused, r.Unavailable,
				timeUntil(r, "the first request is accepted after %v", "the first request is refused after %v"))
		}},
		{"a service restarts while the issuer is down; requests for 3 s", incident.Restart, false, refused},
		{"the issuer sends hostile response bodies", incident.Bodies, true, func(r incident.Result) string {
			return r.Story + nameList(". Valid keys lost after: ", r.LostKeys)
		}},
		{"odd documents instead of a key set", incident.OddDocuments, false, func(r incident.Result) string {
			return fmt.Sprintf("valid keys lost in %d of %d cases", len(r.LostKeys), r.Tried)
		}},
		{"one odd key in the key set", incident.OddKeys, false, func(r incident.Result) string {
			return fmt.Sprintf("a valid key lost in %d of %d cases; %d of %d invalid tokens accepted", len(r.LostKeys), r.Tried, len(r.ForgedAccepted), r.Forged)
		}},
	}
}

// perStep returns the text of a cell, with the number of refused requests and the number of
// fetches in each step. Each step changes the issuer's key.
func perStep(r incident.Result) string {
	var steps []string
	for _, n := range r.PerStep {
		steps = append(steps, strconv.Itoa(n))
	}
	return refused(r) + "; fetches after each change of the key: " + strings.Join(steps, ", ")
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

// timeUntil returns a text with the time r.After. The parameter happened is the format if the
// event happened. The parameter never is the format if the event did not happen.
func timeUntil(r incident.Result, happened, never string) string {
	format := happened
	if r.Never {
		format = never
	}
	return fmt.Sprintf(format, incident.Short(r.After))
}

// forgedStatus returns the status of the responses to forged tokens.
func forgedStatus(r incident.Result) string {
	switch r.ForgedUnavailable {
	case 0:
		return "401"
	case r.Forged:
		return "503"
	}
	return fmt.Sprintf("503, but %d of them get 401", r.Forged-r.ForgedUnavailable)
}

// nameList returns a sentence that begins with this text and ends with the names. It returns ""
// if there are no names.
func nameList(text string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return text + strings.Join(names, "; ") + "."
}

// algorithms is the default value of bearer.Config.Algorithms.
var algorithms = []string{"RS256", "PS256", "ES256", "EdDSA", "Ed25519"}
