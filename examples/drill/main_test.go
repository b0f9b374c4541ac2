package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/incident"
)

// quickLines matches the names of incidents that take little time.
const quickLines = "^(odd documents|new key)"

func runDrill(t *testing.T, s incident.Subject, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	d := drill{stdout: &out, stderr: io.Discard, subject: s, lines: lines()}
	err := d.run(t.Context(), args)
	return out.String(), err
}

func TestAsExpected(t *testing.T) {
	out, err := runDrill(t, incident.Bearer, "-run", quickLines)
	if err != nil {
		t.Errorf("got the error %v, want no error:\n%s", err, out)
	}
	for _, want := range []string{"ok    odd documents", "ok    new key with old key id", "0 of 27", "2 of 2 incidents as expected"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output does not contain %q:\n%s", want, out)
		}
	}
	for line := range strings.Lines(out) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 120 {
			t.Errorf("got a line of %d characters, want at most 120: %s", n, line)
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
	for _, want := range []string{"WRONG odd documents", "WRONG new key", "want: no valid key is lost", "want: no valid request is refused", "27 of 27"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output does not contain %q:\n%s", want, out)
		}
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
	err := drill{stdout: &out, stderr: io.Discard, subject: incident.Bearer, lines: lines()}.run(ctx, nil)
	if err == nil || strings.Count(out.String(), "WRONG") != len(lines()) {
		t.Errorf("got the error %v and this output, want an error, and WRONG in all lines:\n%s", err, out.String())
	}
}

func TestArguments(t *testing.T) {
	for _, args := range [][]string{{"x"}, {"-run", "("}, {"-run", "no such incident"}, {"-x"}} {
		if _, err := runDrill(t, incident.Bearer, args...); err == nil {
			t.Errorf("arguments %q: got no error, want an error", args)
		}
	}
}

// expectedResults has a result for each line. The result meets every condition of the line. Its
// values are equal to the limits.
var expectedResults = map[string]incident.Result{
	"flood of forged key ids":   {Requests: 2000, Fetches: 3, Forged: 10_000, SlowestForged: 2 * time.Second, Ratio: 1.5},
	"two rotations":             {Requests: 1, PerStep: []int{1, 1}},
	"new key with old key id":   {Requests: 1, PerStep: []int{1}},
	"rotation during a flood":   {Requests: 1, Refused: 1, After: 10 * time.Second},
	"key withdrawn":             {Requests: 1, After: 2 * time.Second},
	"issuer hangs":              {Requests: 1, Slowest: 999 * time.Millisecond, Forged: 7, ForgedUnavailable: 7, SlowestForged: 2 * time.Second},
	"issuer is down":            {Requests: 1, Fetches: 6, Slowest: 2 * time.Second},
	"issuer is down at start":   {Requests: 5, Unavailable: 5, Fetches: 10, After: 2 * time.Second},
	"issuer hangs at start":     {Requests: 5, Unavailable: 5, Fetches: 10, After: 2 * time.Second},
	"issuer is down at restart": {Requests: 1},
	"hostile bodies":            {Requests: 1, Tried: 4, PeakHeap: 32 << 20},
	"odd documents":             {Requests: 1, Tried: 1},
	"odd keys":                  {Requests: 1, Tried: 1, Forged: 1},
	"cost of a lookup":          {Lookup: 100, Growth: 1.5, Sharing: 1.25},
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
	func(r *incident.Result) { r.Ratio = 1.51 },
	func(r *incident.Result) { r.PerStep = nil },
	func(r *incident.Result) { r.PerStep = append([]int{2}, r.PerStep...) },
	func(r *incident.Result) { r.PerStep = append([]int{0}, r.PerStep...) },
	func(r *incident.Result) { r.Never = true },
	func(r *incident.Result) { r.After = 11 * time.Second },
	func(r *incident.Result) { r.Goroutines = 1 },
	func(r *incident.Result) { r.PeakHeap++ },
	func(r *incident.Result) { r.CutOff = true },
	func(r *incident.Result) { r.LostKeys = []string{"x"} },
	func(r *incident.Result) { r.ForgedAccepted = []string{"x"} },
	func(r *incident.Result) { r.Lookup++ },
	func(r *incident.Result) { r.Allocations = 0.1 },
	func(r *incident.Result) { r.Growth = 1.51 },
	func(r *incident.Result) { r.Sharing = 1.26 },
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
