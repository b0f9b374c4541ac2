package main

import (
	"fmt"
	"strings"

	"github.com/bearerkit/bearer/internal/incident"
)

// line is an incident, and how to say in a few words what became of a subject.
type line struct {
	name  string
	run   incident.Run
	alone bool // it measures what others would spoil
	say   func(incident.Result) string
}

func lines() []line {
	return []line{
		{"10,000 forged key ids in 2 s, 1,000 valid requests/s beside them", incident.Flood(1), true, func(r incident.Result) string {
			return fmt.Sprintf("%s; %s; valid p99 %.2fx of calm; a forged one took %v at most", refused(r), fetches(r.Fetches), r.Ratio, incident.Short(r.SlowestForged))
		}},
		{"two rotations 4 s apart, 20 callers", incident.Rotations, false, perStep},
		{"new key material under the old key id, 20 callers", incident.Exchange, false, perStep},
		{"a rotation in the middle of a flood", incident.RotationInFlood, false, func(r incident.Result) string {
			return until(r, "the new key is accepted after %v", "the new key is not accepted within %v") + "; " + fetches(r.Fetches)
		}},
		{"a key is withdrawn, interval 1 s", incident.Removal, false, func(r incident.Result) string {
			return until(r, "its tokens are refused after %v", "its tokens are still accepted after %v")
		}},
		{"the issuer never answers", incident.Hang, true, func(r incident.Result) string {
			waited := fmt.Sprintf("%v at most", incident.Short(r.SlowestForged))
			if r.SlowestForged >= incident.HangPatience {
				waited = fmt.Sprintf("as long as they can, which is %v here", incident.HangPatience)
			}
			return fmt.Sprintf("known keys: %s; unknown key ids wait for %s, and are told %s; goroutines left: %d",
				refused(r), waited, told(r), r.Goroutines)
		}},
		{"the issuer is down for 15 s, interval 1 s", incident.Outage, false, func(r incident.Result) string {
			return refused(r) + "; " + fetches(r.Fetches)
		}},
		{"start while the issuer is down", incident.Start, false, func(r incident.Result) string {
			return fmt.Sprintf("meanwhile %d × 401, %d × 503; when it is back, %s", r.Refused, r.Unavailable,
				until(r, "the first request is accepted after %v", "the first request is refused after %v"))
		}},
		{"restart while the issuer is down (3 s)", incident.Restart, false, refused},
		{"bodies that do harm", incident.Bodies, true, func(r incident.Result) string {
			return r.Story + named(". Good keys lost: ", r.Lost)
		}},
		{"odd documents", incident.OddDocuments, false, func(r incident.Result) string {
			return fmt.Sprintf("%d of %d cost the good keys", len(r.Lost), r.Tried)
		}},
		{"one odd key in the set", incident.OddKeys, false, func(r incident.Result) string {
			return fmt.Sprintf("%d of %d cost a good key; %d of %d bad tokens accepted", len(r.Lost), r.Tried, len(r.Fooled), r.Forged)
		}},
	}
}

func perStep(r incident.Result) string {
	var steps []string
	for _, n := range r.PerStep {
		steps = append(steps, fetches(n))
	}
	return refused(r) + "; " + strings.Join(steps, ", ")
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

func until(r incident.Result, then, otherwise string) string {
	if r.Never {
		then = otherwise
	}
	return fmt.Sprintf(then, incident.Short(r.After))
}

// told says what those were told who could not be told anything about their token.
func told(r incident.Result) string {
	switch r.ForgedUnavailable {
	case 0:
		return "401"
	case r.Forged:
		return "503"
	}
	return fmt.Sprintf("503, %d of them 401", r.Forged-r.ForgedUnavailable)
}

// named is a sentence of names, of which none has a comma, or nothing.
func named(what string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return what + strings.Join(names, ", ") + "."
}

// algorithms are those that a bearer.JWTVerifier takes where nobody says.
var algorithms = []string{"RS256", "PS256", "ES256", "EdDSA", "Ed25519"}
