package jwks

import (
	"crypto/sha256"
	"errors"
	"time"
)

const (
	// maxQuestions is the largest number of questions that one fetch answers for later lookups.
	// Further questions are not remembered, so lookups ask them again.
	maxQuestions = 256
	// deniedInterval is the least time between two log records about denied lookups.
	deniedInterval = time.Minute
	// askTime is added to the time in RetryAfter, because a fetch takes some time.
	askTime = time.Second
)

// question is what a lookup without a result asks the issuer: "which keys have this kid and
// fit this alg?" If keys with this kid were tried, it is: "which others are there?" So the key that
// the issuer published for the first question is no answer to the second one. It is a hash, so that
// the size does not depend on the kid.
type question [16]byte

func questionOf(kid, alg string, tried []*Key) question {
	text := append([]byte{byte(algorithmOf(alg))}, kid...) //nolint:gosec // there are fewer than 100 algorithms
	for _, k := range tried {
		sum := sha256.Sum256([]byte(k.material))
		text = append(text, sum[:]...)
	}
	// The number of tried keys comes last. So a kid that ends like a hash asks another question.
	sum := sha256.Sum256(append(text, byte(min(len(tried), 255))))
	return question(sum[:])
}

// answers are the questions that the last successful fetch has answered: the keys of the set in
// use are all keys that the issuer published at that time. A fetch answers only the questions
// that lookups asked before the fetch began. A token that is signed with a new key does not exist
// before the issuer publishes the key, so its question has the answer "no key" only if a client
// has guessed the kid. Such a guess does no lasting harm: the answers are believed until the next
// successful fetch, and for at most one CoolDown. Lookups do not extend this time.
type answers struct {
	questions map[question]struct{}
	began     time.Time // the time at which the fetch began
}

// have reports whether the fetch has answered the question less than the duration believed ago.
func (a answers) have(q question, now time.Time, believed time.Duration) bool {
	_, ok := a.questions[q]
	return ok && age(a.began, now) < believed
}

// ask adds a question that a lookup asked before f began. The caller holds core.mu.
func (f *flight) ask(q question) {
	if f.questions == nil {
		f.questions = make(map[question]struct{})
	}
	if len(f.questions) < maxQuestions {
		f.questions[q] = struct{}{}
	}
}

// miss is a lookup that found no key. The zero miss is a call of Ready, which needs any key.
type miss struct {
	question     question
	ofKey        bool // the lookup needs the key of a token
	badSignature bool // the set has keys for the token, but none of them verifies the signature
}

// isAnswered reports whether the last fetch has answered the question of m. If the last refresh
// failed, the result is false, because the issuer may have published the key since the last
// successful refresh. The caller holds c.mu.
func (c *core) isAnswered(m miss, now time.Time, seen *snapshot) bool {
	return m.ofKey && errors.Is(seen.noKey, ErrUnknownKey) && c.answers.have(m.question, now, c.opts.CoolDown)
}

// postpone queues one fetch for all lookups that must not cause a fetch now. No lookup waits for
// this fetch while it is queued. So whatever clients send, the issuer is queried again as soon as
// Options.CoolDown and Retry-After allow it. If the last fetch has answered the question, the
// queued fetch begins when the answer is no longer believed. postpone returns the start time of the
// queued fetch. The caller holds c.mu.
func (c *core) postpone(m miss, now time.Time, isAnswered bool) time.Time {
	due := c.misses.next(now)
	if isAnswered {
		due = c.answers.began.Add(c.opts.CoolDown)
	}
	due = latest(due, c.retryAt(true))
	if c.running != nil {
		return due // the fetch in flight brings a newer answer
	}
	postponed, sooner := true, true
	if f := c.queued; f != nil {
		postponed, sooner = f.postponed, due.Before(f.due)
	}
	f := c.enqueue(due)
	f.postponed, f.unconditional = postponed, true
	if sooner {
		f.repeats = isAnswered
	}
	if m.ofKey {
		f.ask(m.question)
	}
	return f.due
}

// countPostponed counts the flight f in c.misses if f was postponed and begins now because it is
// due. If the scheduled refresh begins earlier, it replaces the postponed fetch and does not count.
// A fetch that repeats a question does not take the last fetch that the limit allows without a
// pause. So clients with a retired kid do not delay the first token with a new kid.
func (c *core) countPostponed(f *flight) {
	c.mu.Lock()
	counts := f.postponed && !f.began.Before(f.due) && c.usable(f.began)
	f.postponed = false
	if counts {
		c.history.missFetches++
		if f.counted = !f.repeats || c.misses.isFull(f.began); f.counted {
			c.misses.take(f.began)
		}
	}
	c.mu.Unlock()
	if counts {
		c.notify(Event{Kind: MissFetch})
	}
}

// refused returns the error of a lookup that causes no fetch. The issuer is queried again at the
// time due.
func (c *core) refused(m miss, isAnswered bool, seen *snapshot, now, due time.Time) error {
	switch lastFailed := !errors.Is(seen.noKey, ErrUnknownKey); {
	case lastFailed && !m.badSignature:
		return c.unavailable(seen.noKey, now, true)
	case isAnswered, lastFailed, c.opts.RefuseNotAsked:
		return ErrUnknownKey
	}
	return &UnavailableError{NotAsked: true, RetryAfter: wholeSeconds(due.Sub(now) + askTime), Err: errNotAsked}
}

var errNotAsked = errors.New("the key set has no key that verifies the token, and Options.CoolDown or Retry-After does not allow a fetch of a newer key set yet")

// deniedLog counts the denied lookups for the log. There is at most one log record per
// minute.
type deniedLog struct {
	deniedCounts
	last time.Time // the time of the last record
}

// deniedCounts has the numbers of denied lookups. A lookup is denied if it needs a fetch, and
// Options.CoolDown or Retry-After does not allow the fetch.
type deniedCounts struct {
	unknownID    int // lookups for which no key in the set fits the kid and alg
	badSignature int // lookups after a signature that no key with the kid verifies
}

// add counts one denied lookup. At most once per minute, add returns the numbers to log and
// resets the numbers. Otherwise add returns zeros.
func (d *deniedLog) add(now time.Time, badSignature bool) (toLog deniedCounts) {
	if badSignature {
		d.badSignature++
	} else {
		d.unknownID++
	}
	if now.Sub(d.last) < deniedInterval {
		return toLog
	}
	toLog, d.deniedCounts, d.last = d.deniedCounts, deniedCounts{}, now
	return toLog
}
