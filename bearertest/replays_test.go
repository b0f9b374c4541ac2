package bearertest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/dpop"
)

// newMemory returns the store of package dpop.
func newMemory(t *testing.T) func(size int) dpop.Replays {
	t.Helper()
	return func(size int) dpop.Replays {
		store, err := dpop.NewReplays(size, 0)
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
}

func TestReplays(t *testing.T) {
	bearertest.TestReplays(t, newMemory(t))
}

func TestReplaysInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		bearertest.TestReplays(t, newMemory(t))
		bearertest.TestReplays(t, func(size int) dpop.Replays { return newStore(size) })
		bearertest.TestReplays(t, func(int) dpop.Replays { return newStore(1 << 20) })
		if got := time.Since(start); got < time.Second {
			t.Errorf("got %v of virtual time, want at least 1 s", got)
		}
	})
}

// problems implements the parameter t of TestReplays. It records the errors.
type problems []string

func (p *problems) Helper() {}

func (p *problems) Errorf(format string, args ...any) { *p = append(*p, fmt.Sprintf(format, args...)) }

// TestReplaysFindsFaults runs TestReplays with stores that have one fault each.
func TestReplaysFindsFaults(t *testing.T) {
	for name, row := range map[string]struct {
		fault func(*store)
		want  string // the check that finds the fault
	}{
		"get, then set": {func(s *store) { s.unlockBetween = true }, "concurrent uses"},
		"forgets after 1 s": {func(s *store) {
			s.end = func(_, until time.Time) time.Time {
				if latest := time.Now().Add(time.Second); until.After(latest) {
					return latest
				}
				return until
			}
		}, "time"},
		"forgets in whole seconds":    {func(s *store) { s.end = func(_, until time.Time) time.Time { return until.Truncate(time.Second) } }, "time"},
		"last use decides":            {func(s *store) { s.overwrite = true }, "time"},
		"never remembers":             {func(s *store) { s.end = func(now, _ time.Time) time.Time { return now } }, "one key"},
		"ignores the ID":              {func(s *store) { s.keyOf = func(key string) string { return strings.Split(key, ".")[0] } }, "different keys"},
		"ignores the owner":           {func(s *store) { s.keyOf = func(key string) string { return strings.Split(key, ".")[1] } }, "different keys"},
		"ignores the case of letters": {func(s *store) { s.keyOf = strings.ToLower }, "different keys"},
		"ignores the end of the key":  {func(s *store) { s.keyOf = func(key string) string { return key[:len(key)-1] } }, "different keys"},
		"evicts when full": {func(s *store) {
			s.full = func(key string, s *store) (bool, error) { s.evict(); return s.add(key, s.until), nil }
		}, "full store"},
		"new when full":                 {func(s *store) { s.full = func(string, *store) (bool, error) { return false, nil } }, "full store"},
		"seen when full":                {func(s *store) { s.full = func(string, *store) (bool, error) { return true, nil } }, "full store"},
		"panics when full":              {func(s *store) { s.full = func(string, *store) (bool, error) { panic("full") } }, "full store"},
		"new on a panic":                {func(s *store) { s.full = func(string, *store) (bool, error) { panic("full") }; s.recovers = true }, "full store"},
		"too small":                     {func(s *store) { s.size /= 2 }, "full store"},
		"new with a canceled context":   {func(s *store) { s.canceled = func() (bool, error) { return false, nil } }, "canceled context"},
		"refuses every use":             {func(s *store) { s.size = 0 }, "one key"},
		"seen on every use":             {func(s *store) { s.size, s.full = 0, func(string, *store) (bool, error) { return true, nil } }, "one key"},
		"new on every use, as if empty": {func(s *store) { s.size, s.full = 0, func(string, *store) (bool, error) { return false, nil } }, "one key"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var found problems
				bearertest.TestReplays(&found, func(size int) dpop.Replays {
					s := newStore(size)
					row.fault(s)
					return s
				})
				for _, problem := range found {
					if strings.HasPrefix(problem, "TestReplays: "+row.want+": ") {
						return
					}
				}
				t.Errorf("got problems %q, want a problem of the check %q", []string(found), row.want)
			})
		})
	}
}

// TestReplaysAcceptsErrors tests that a store may return errors for a canceled context.
func TestReplaysAcceptsErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bearertest.TestReplays(t, func(size int) dpop.Replays {
			s := newStore(size)
			s.canceled = func() (bool, error) { return false, context.Canceled }
			return s
		})
	})
}

// store is a correct store of used proofs. Its fields add faults.
type store struct {
	unlockBetween, overwrite, recovers bool

	size     int
	end      func(now, until time.Time) time.Time
	keyOf    func(string) string
	full     func(key string, s *store) (bool, error)
	canceled func() (bool, error)

	mu    sync.Mutex // guards the fields below
	ends  map[string]time.Time
	until time.Time // of the current call
}

func newStore(size int) *store {
	return &store{
		size:  size,
		end:   func(_, until time.Time) time.Time { return until },
		keyOf: func(key string) string { return key },
		full:  func(string, *store) (bool, error) { return false, errors.New("full") },
		ends:  map[string]time.Time{},
	}
}

// Seen implements dpop.Replays.
func (s *store) Seen(ctx context.Context, key string, until time.Time) (seen bool, err error) {
	if s.recovers {
		defer func() { _ = recover() }()
	}
	if s.canceled != nil && ctx.Err() != nil {
		return s.canceled()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key, s.until = s.keyOf(key), until
	end, known := s.ends[key]
	if known = known && time.Now().Before(end); known && !s.overwrite {
		return true, nil
	}
	if s.unlockBetween {
		s.mu.Unlock()
		time.Sleep(time.Microsecond)
		s.mu.Lock()
	}
	if !known && len(s.ends) >= s.size {
		return s.full(key, s)
	}
	s.add(key, until)
	return known, nil
}

// add stores a key. It returns false.
func (s *store) add(key string, until time.Time) bool {
	s.ends[key] = s.end(time.Now(), until)
	return false
}

// evict removes one entry.
func (s *store) evict() {
	for key := range s.ends {
		delete(s.ends, key)
		return
	}
}
