package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/incident"
)

// quickLines matches the names of incidents that take little time.
const quickLines = "^(odd documents|new key)"

// noVariables is an environment without variables.
func noVariables(string) string { return "" }

func runDrill(t *testing.T, s incident.Subject, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	d := drill{env: noVariables, stdout: &out, stderr: io.Discard, subject: s, lines: lines()}
	err := d.run(t.Context(), args)
	return out.String(), err
}

func TestAsExpected(t *testing.T) {
	out, err := runDrill(t, incident.Bearer, "-run", quickLines)
	if err != nil {
		t.Errorf("got the error %v, want no error:\n%s", err, out)
	}
	for _, want := range []string{"ok    odd documents", "ok    new key with old key id", "0 of 27", "2 of 2 incidents as expected; total time "} {
		if !strings.Contains(out, want) {
			t.Errorf("the output does not contain %q:\n%s", want, out)
		}
	}
}

// faultySubject works like incident.Bearer until it has accepted a token. After that, it
// refuses all tokens.
var faultySubject = incident.Subject{Name: "faulty", Open: func(s incident.Setup) (incident.Verifier, error) {
	v, err := incident.Bearer.Open(s)
	return &faultyVerifier{Verifier: v}, err
}}

type faultyVerifier struct {
	incident.Verifier
	accepted atomic.Bool
}

func (o *faultyVerifier) Verify(ctx context.Context, token string) incident.Outcome {
	if o.accepted.Load() {
		return incident.Refused
	}
	outcome := o.Verifier.Verify(ctx, token)
	o.accepted.Store(outcome == incident.Accepted)
	return outcome
}

func TestNotAsExpected(t *testing.T) {
	out, err := runDrill(t, faultySubject, "-run", quickLines)
	if err == nil || !strings.Contains(err.Error(), "2 of 2 incidents are WRONG") {
		t.Errorf("got the error %v, want an error that contains \"2 of 2 incidents are WRONG\"", err)
	}
	for _, want := range []string{"WRONG odd documents", "WRONG new key", "want: no valid key is lost", "want: no valid request is refused", "27 of 27", "401: WRONG", "0 of 2 incidents as expected; total time "} {
		if !strings.Contains(out, want) {
			t.Errorf("the output does not contain %q:\n%s", want, out)
		}
	}
}

// fakeDrill runs lines that only tests have.
func fakeDrill(t *testing.T, lines ...line) (string, error) {
	t.Helper()
	var out strings.Builder
	err := drill{env: noVariables, stdout: &out, stderr: io.Discard, lines: lines}.run(t.Context(), nil)
	return out.String(), err
}

// A refused valid request needs a reason, even if all conditions are met.
func TestReasons(t *testing.T) {
	for name, tt := range map[string]struct {
		refused, unavailable int
		why                  why
		ok                   bool
		want                 string
	}{
		"none refused":           {0, 0, why{}, true, "0 of 1,000"},
		"401 with a reason":      {3, 0, why{status401: "not asked"}, true, "401: not asked"},
		"401 without a reason":   {3, 0, why{status503: "no keys"}, false, "401: WRONG"},
		"503 with a reason":      {0, 1000, why{status503: "no keys"}, true, "1,000 of 1,000"},
		"503 without a reason":   {0, 1000, why{status401: "not asked"}, false, "503: WRONG"},
		"both with reasons":      {3, 5, why{"a", "b"}, true, "3 × 401: a"},
		"both, one has a reason": {3, 5, why{"a", ""}, false, "5 × 503: WRONG"},
	} {
		out, err := fakeDrill(t, line{name: "fake", why: tt.why, run: func(context.Context, incident.Subject) (incident.Result, error) {
			return incident.Result{Story: "a story", Requests: 1000, Refused: tt.refused, Unavailable: tt.unavailable}, nil
		}})
		if ok := err == nil && strings.Contains(out, "ok    fake"); ok != tt.ok || !strings.Contains(out, tt.want) {
			t.Errorf("%s: got the error %v and this output, want the mark ok: %v, and an output that contains %q:\n%s", name, err, tt.ok, tt.want, out)
		}
	}
}

// The incidents that need not run alone run at the same time. While an incident runs that must run
// alone, no other incident runs.
func TestTogether(t *testing.T) {
	const together = 10
	var running atomic.Int64
	var met sync.WaitGroup
	met.Add(together)
	var fake []line
	for n := range 2 * together {
		alone := n%2 == 0
		fake = append(fake, line{name: "fake", alone: alone, run: func(context.Context, incident.Subject) (incident.Result, error) {
			defer running.Add(-1)
			if now := running.Add(1); alone && now != 1 {
				return incident.Result{}, fmt.Errorf("%d incidents run beside an incident that must run alone", now-1)
			}
			if !alone {
				met.Done()
				met.Wait() // ends only if all of them run at the same time
			}
			return incident.Result{Story: "a story"}, nil
		}})
	}
	if out, err := fakeDrill(t, fake...); err != nil {
		t.Errorf("got the error %v, want no error:\n%s", err, out)
	}
}

// No two lines have the same name, and each name fits into its column.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range lines() {
		if seen[l.name] || len(l.name) > nameWidth {
			t.Errorf("the name %q occurs twice, or is longer than %d", l.name, nameWidth)
		}
		seen[l.name] = true
		for _, reason := range []string{l.why.status401, l.why.status503} {
			if len("1,000 of 1,000; 503: "+reason) > refusedWidth {
				t.Errorf("%s: the reason %q is too long", l.name, reason)
			}
		}
	}
}

func TestSkip(t *testing.T) {
	wanted, err := choose(lines(), "", "key set moves")
	if err != nil || len(wanted) != len(lines())-1 {
		t.Errorf("got %d incidents and the error %v, want all incidents but one", len(wanted), err)
	}
}

func TestOpenFails(t *testing.T) {
	broken := incident.Subject{Name: "broken", Open: func(incident.Setup) (incident.Verifier, error) { return nil, errors.New("cannot open") }}
	out, err := runDrill(t, broken, "-run", "odd keys")
	if err == nil || !strings.Contains(out, "cannot open") {
		t.Errorf("got the error %v and this output, want an error, and an output that contains \"cannot open\":\n%s", err, out)
	}
}

func TestCanceledContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("canceled by the test"))
	var out strings.Builder
	err := drill{env: noVariables, stdout: &out, stderr: io.Discard, subject: incident.Bearer, lines: lines()}.run(ctx, nil)
	if err == nil || strings.Count(out.String(), "\nWRONG ") != len(lines()) {
		t.Errorf("got the error %v and this output, want an error, and WRONG in all lines:\n%s", err, out.String())
	}
}

func TestArguments(t *testing.T) {
	for _, args := range [][]string{{"x"}, {"-run", "("}, {"-run", "no such incident"}, {"-skip", "("}, {"-skip", "."}, {"-x"}} {
		if _, err := runDrill(t, incident.Bearer, args...); err == nil {
			t.Errorf("arguments %q: got no error, want an error", args)
		}
	}
}

// expectedResults has a result for each line. The result meets every condition of the line. Its
// values are equal to the limits.
var expectedResults = map[string]incident.Result{
	"flood of forged key ids":   {Requests: 2000, Fetches: 3, Forged: 10_000, SlowestForged: 2 * time.Second},
	"two rotations":             {Requests: 1, PerStep: []int{1, 1}},
	"new key with old key id":   {Requests: 1, PerStep: []int{1}},
	"rotation during a flood":   {Requests: 2, Unavailable: 1, NotAsked: 1, After: 10 * time.Second},
	"retired key ids":           {Requests: 2, Unavailable: 1, NotAsked: 1, KnownRequests: 1, Fetches: 5, After: 9 * time.Second, SlowestForged: 2 * time.Second},
	"forged signatures":         {Requests: 2, Unavailable: 1, NotAsked: 1, KnownRequests: 1, Fetches: 5, After: 9 * time.Second, SlowestForged: 2 * time.Second},
	"probes only at start":      {Requests: 1, Fetches: 3, Tried: 1, After: 5100 * time.Millisecond},
	"last key withdrawn":        {Requests: 2, Unavailable: 1, PerStep: []int{3}, After: 4 * time.Second, Restored: 2 * time.Second},
	"a connection hangs":        {Requests: 1, Fetches: 2, Slowest: 2 * time.Second},
	"key set moves":             {Requests: 1, PerStep: []int{1, 1, 1}},
	"key withdrawn":             {Requests: 1, Fetches: 1, After: 2 * time.Second},
	"issuer hangs":              {Requests: 1, Slowest: 999 * time.Millisecond, Forged: 7, ForgedUnavailable: 7, SlowestForged: 2 * time.Second},
	"issuer is down":            {Requests: 1, Fetches: 6, Slowest: 2 * time.Second},
	"issuer is down at start":   {Requests: 5, Unavailable: 5, Fetches: 10, After: 2 * time.Second},
	"issuer hangs at start":     {Requests: 5, Unavailable: 5, Fetches: 10, After: 2 * time.Second},
	"issuer is down at restart": {Requests: 1},
	"hostile bodies":            {Requests: 1, Tried: 4, PeakHeap: 32 << 20},
	"odd documents":             {Requests: 1, Tried: 1},
	"odd keys":                  {Requests: 1, Tried: 1, Forged: 1},
	"lookups":                   {Lookups: 1},
}

// Each function in faults changes a result.
var faults = []func(*incident.Result){
	func(r *incident.Result) { r.Requests = 0 },
	func(r *incident.Result) { r.Refused++ },
	func(r *incident.Result) { r.Unavailable++ },
	func(r *incident.Result) { r.Unavailable-- },
	func(r *incident.Result) { r.Slowest = 2*time.Second + 1 },
	func(r *incident.Result) { r.Slowest = time.Second },
	func(r *incident.Result) { r.SlowestForged = 2*time.Second + 1 },
	func(r *incident.Result) { r.Fetches = 11 },
	func(r *incident.Result) { r.Fetches = 1 },
	func(r *incident.Result) { r.Forged-- },
	func(r *incident.Result) { r.ForgedUnavailable-- },
	func(r *incident.Result) { r.PerStep = nil },
	func(r *incident.Result) { r.PerStep = append([]int{2}, r.PerStep...) },
	func(r *incident.Result) { r.PerStep = append([]int{0}, r.PerStep...) },
	func(r *incident.Result) { r.Never = true },
	func(r *incident.Result) { r.After = 11 * time.Second },
	func(r *incident.Result) { r.After = time.Second },
	func(r *incident.Result) { r.NotAsked = 0 },
	func(r *incident.Result) { r.KnownRefused = 1 },
	func(r *incident.Result) { r.KnownRequests = 0 },
	func(r *incident.Result) { r.Restored = -1 },
	func(r *incident.Result) { r.Restored = 2*time.Second + 1 },
	func(r *incident.Result) { r.AcceptedLater = 1 },
	func(r *incident.Result) { r.ReadyTooEarly = 1 },
	func(r *incident.Result) { r.Goroutines = 1 },
	func(r *incident.Result) { r.PeakHeap++ },
	func(r *incident.Result) { r.CutOff = true },
	func(r *incident.Result) { r.LostKeys = []string{"x"} },
	func(r *incident.Result) { r.ForgedAccepted = []string{"x"} },
	func(r *incident.Result) { r.Lookups = 0 },
	func(r *incident.Result) { r.Allocations = 0.1 },
}

// TestConditionsCanFail tests each condition of each line. The result in expectedResults meets
// the condition. At least one of the faults changes the result so that it does not meet the
// condition.
func TestConditionsCanFail(t *testing.T) {
	for _, l := range lines() {
		good, ok := expectedResults[l.name]
		if !ok {
			t.Errorf("expectedResults has no result for the line %q", l.name)
			continue
		}
		for _, w := range l.wants {
			if !w.ok(good) {
				t.Errorf("%s: the result %+v does not meet the condition %q", l.name, good, w.text)
			}
			canFail := false
			for _, fault := range faults {
				bad := good
				fault(&bad)
				canFail = canFail || !w.ok(bad)
			}
			if !canFail {
				t.Errorf("%s: the condition %q is met with every fault, want at least one fault that violates the condition", l.name, w.text)
			}
		}
	}
}

// On a busy machine, the promised times have a tolerance, which has a limit.
func TestTolerance(t *testing.T) {
	for _, tt := range []struct {
		late, slowest time.Duration
		want          bool
	}{
		{0, maxWait, true},
		{0, maxWait + 1, false},
		{100 * time.Millisecond, maxWait + 200*time.Millisecond, true},
		{100 * time.Millisecond, maxWait + 200*time.Millisecond + 1, false},
		{time.Minute, maxWait + time.Second, true},
		{time.Minute, maxWait + time.Second + 1, false},
	} {
		for name, r := range map[string]incident.Result{"valid": {Slowest: tt.slowest}, "forged": {SlowestForged: tt.slowest}} {
			r.Late = tt.late
			if got := noLongWait.ok(r); got != tt.want {
				t.Errorf("slowest %s request takes %v, timers are %v late: got %v, want %v", name, tt.slowest, tt.late, got, tt.want)
			}
		}
		r := incident.Result{After: tt.slowest, Late: tt.late}
		if got := withinTime("event", maxWait).ok(r); got != tt.want {
			t.Errorf("event after %v, timers are %v late: got %v, want %v", tt.slowest, tt.late, got, tt.want)
		}
	}
}
