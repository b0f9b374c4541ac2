package jwks

import "time"

const (
	// minSpacing is the least time between two answers whose fields Date are compared. The field has
	// a resolution of 1 s.
	minSpacing = 10 * time.Second
	// minSteps is the number of consecutive answers whose Date must advance, if the Date is older
	// than that of an earlier answer. So HTTP caches with several stored answers are not mistaken for
	// an issuer whose clock was set back.
	minSteps = 3
)

// clocks compares the clock of the issuer with the clock of this machine. The clock of the issuer
// shows Date plus Age of an answer. If it advances like the time, the difference of the two clocks
// says nothing about the age of the answer. If it stands still, an HTTP cache has stored the answer
// and sends no Age.
//
// Only the refresher's goroutine writes the fields; see judge.
type clocks struct {
	newest, last answerTimes   // the answer with the latest clock, and the last answer
	steps        int           // the number of consecutive answers whose clock has advanced
	known        bool          // whether behind is known
	behind       time.Duration // negative if the clock of the issuer is ahead
}

// issuerClock returns the time that the clock of the issuer showed, or zero if it is unknown.
func (t answerTimes) issuerClock() time.Time {
	if !t.dated {
		return time.Time{}
	}
	return t.date.Add(t.ageField)
}

// behind returns the time by which the clock of the issuer was behind the clock of this machine, if
// the answer was made when it was sent. It is negative if the clock of the issuer is ahead.
func (t answerTimes) behind() time.Duration {
	return min(max(t.received.Round(0).Sub(t.issuerClock()), -maxSeconds*time.Second), maxSeconds*time.Second)
}

// advanced reports whether the clock of the issuer has advanced from the answer before to the answer
// t by about the time between them. HTTP caches for a short time make the steps uneven.
func (t answerTimes) advanced(before answerTimes) bool {
	elapsed := t.received.Sub(before.received) // on the monotonic clock
	step := t.issuerClock().Sub(before.issuerClock())
	return before.dated && elapsed >= minSpacing && step >= elapsed/2 && step <= 2*elapsed
}

// correct sets t.age, if the clock of the issuer is known to be behind. The argument t is the result
// of readTimes.
func (k *clocks) correct(t answerTimes) answerTimes {
	if !t.dated {
		return t
	}
	behind, known := k.behind, k.known
	if k.isClock(t) {
		behind, known = t.behind(), true
	}
	t.age, t.byClock = t.ownAge, false
	t.unproven = !known && (!k.newest.dated || k.tooSoon(t, k.newest))
	if apparent := t.ageField + t.behind() - behind; t.behind()-behind > clockSkew && apparent > t.age {
		t.age, t.byClock = min(apparent, maxSeconds*time.Second), true
	}
	t.stored = t.ageField > 0 || t.age > clockSkew
	return t
}

// isClock reports whether the answer t shows that the clock of the issuer advances.
func (k *clocks) isClock(t answerTimes) bool {
	return t.advanced(k.newest) || k.steps+1 >= minSteps && t.advanced(k.last)
}

// add adds an answer.
func (k *clocks) add(t answerTimes) {
	if !t.dated {
		return
	}
	isClock := k.isClock(t)
	if isClock {
		k.behind, k.known = t.behind(), true
	} else if !k.known {
		k.behind = min(k.behind, t.behind()) // no answer comes from the future
	}
	if isClock || t.issuerClock().After(k.newest.issuerClock()) && !k.tooSoon(t, k.newest) {
		k.newest = t
	}
	if k.tooSoon(t, k.last) {
		return
	}
	if t.advanced(k.last) {
		k.steps++
	} else {
		k.steps = 0
	}
	k.last = t
}

// tooSoon reports whether t arrived so soon after the answer before that their clocks cannot be
// compared.
func (k *clocks) tooSoon(t, before answerTimes) bool {
	return before.dated && t.received.Sub(before.received) < minSpacing
}
