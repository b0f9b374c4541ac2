package incident

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/bearerkit/bearer/bearertest"
)

// WithdrawInterval is the refresh interval in the incident LastKey.
const WithdrawInterval = 2 * time.Second

// LastKey is an incident in which a healthy issuer withdraws its last key, so its key set is empty.
// The refresh interval is WithdrawInterval. 20 callers present tokens signed with this key. They
// are accepted until the verifier has dropped the key. Result.After is the time from the last answer
// with a key until then, and Result.PerStep has the number of answers without a key until then.
// Then the issuer publishes the key again. The Result counts the requests before that.
func LastKey(ctx context.Context, s Subject) (Result, error) {
	const longest = 3 * WithdrawInterval
	shorter := func(s *Setup) { s.Interval = WithdrawInterval }
	return play(ctx, s, shorter, func(i *issuer, v Verifier) (Result, error) {
		tokens, key := i.tokens(callers), i.SigningKey("ES256")
		log := &answerLog{issuer: i}
		i.Inject(bearertest.KeysEndpoint, bearertest.Fault{Delay: latency, Handler: log})
		for start := time.Now(); log.lastUsable().IsZero(); wait(ctx, 5*time.Millisecond) {
			if time.Since(start) > longest || ctx.Err() != nil {
				return Result{}, fmt.Errorf("%s: no refresh of the keys within %v", s.Name, longest)
			}
		}
		i.Withdraw(key.ID())

		var t tally
		var dropped time.Time
		empty, acceptedLater := 0, 0
		for n, start := 0, time.Now(); time.Since(start) < longest && ctx.Err() == nil; n++ {
			outcome := t.verify(ctx, v, tokens[n%len(tokens)])
			if outcome != Accepted && dropped.IsZero() {
				dropped, empty = time.Now(), log.emptyAnswers()
			}
			if !dropped.IsZero() && outcome == Accepted {
				acceptedLater++
			}
			if !dropped.IsZero() && time.Since(dropped) > time.Second {
				break
			}
			wait(ctx, 5*time.Millisecond)
		}
		r := newResult(&t, i)
		r.Never, r.After, r.PerStep = dropped.IsZero(), dropped.Sub(log.lastUsable()), []int{empty}
		r.AcceptedLater = acceptedLater

		i.Publish(key)
		start := time.Now()
		if r.Restored = -1; v.Verify(ctx, tokens[0]) == Accepted {
			r.Restored = time.Since(start)
		}
		r.Fetches = i.fetches()
		r.Story = lastKeyStory(r)
		return r, nil
	})
}

func lastKeyStory(r Result) string {
	story := fmt.Sprintf("the issuer withdraws its only key; the refresh interval is %v; ", WithdrawInterval)
	if r.Never {
		return story + "the key stays in use"
	}
	story += fmt.Sprintf("the key is dropped %v after the last answer with a key, and %d answers without one; ", Short(r.After), r.PerStep[0])
	if r.Restored < 0 {
		return story + "then the issuer publishes the key again; the next request is refused"
	}
	return story + fmt.Sprintf("the issuer publishes the key again; the next request is accepted after %v", Short(r.Restored))
}

// An answerLog answers requests for the key set, and records when the answers had keys.
type answerLog struct {
	issuer *issuer

	mu     sync.Mutex // guards the fields below
	usable time.Time  // the time of the last answer with a key
	empty  int        // the number of answers without a key
}

func (l *answerLog) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	document := l.issuer.JWKS()
	if bytes.Contains(document, []byte(`"kid"`)) {
		l.usable = time.Now()
	} else {
		l.empty++
	}
	writeDocument(w, document)
}

func (l *answerLog) lastUsable() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.usable
}

func (l *answerLog) emptyAnswers() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.empty
}

// writeDocument writes a JSON document.
func writeDocument(w http.ResponseWriter, document []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(document) // an error means that the client is gone
}
