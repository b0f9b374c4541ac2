package bearertest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearer/dpop"
)

const (
	concurrentUses   = 50
	concurrentRounds = 20
	usualSize        = 1 << 12 // more than the entries of one check
	smallSize        = 64      // entries of a store that is filled
	entryLife        = time.Minute
	beforeEnd        = 100 * time.Millisecond
)

// TestReplays tests a store of used DPoP proofs, for the field Replays of
// [dpop.Options]. The function open returns an empty store with room for size
// entries. A store with a limit must have this limit, so that TestReplays can
// fill the store. TestReplays calls open several times. The keys of different
// calls differ, so all stores may share one database.
//
//	func TestStore(t *testing.T) {
//		bearertest.TestReplays(t, func(size int) dpop.Replays { return newStore(t, size) })
//	}
//
// TestReplays reports an error for a store with one of these faults:
//
//   - The first use of a key is not new, or a later use is new.
//   - A key disturbs a different key. The keys may differ only in their owners, only in
//     their IDs, or only in the case of one letter.
//   - Several of 50 concurrent uses of one key are new.
//   - An entry ends before its time. This can also happen because a later use of the key has
//     an earlier time.
//   - A full store forgets entries, or does not return an error for a new entry.
//   - If the context is canceled, several uses of one key are new.
//   - Seen panics.
//
// TestReplays cannot make the database of a store fail. So test separately that
// Seen then returns an error. TestReplays does not test that a store forgets
// entries after their end.
//
// The argument t is a *testing.T. The test takes about 2 s, or no time inside a
// [testing/synctest] bubble.
func TestReplays(t interface {
	Helper()
	Errorf(format string, args ...any)
}, open func(size int) dpop.Replays,
) {
	t.Helper()
	for _, check := range []struct {
		name string
		size int
		run  func(*replaysTest)
	}{
		{"one key", usualSize, (*replaysTest).checkOneKey},
		{"different keys", usualSize, (*replaysTest).checkDifferentKeys},
		{"concurrent uses", usualSize, (*replaysTest).checkConcurrentUses},
		{"time", usualSize, (*replaysTest).checkTime},
		{"full store", smallSize, (*replaysTest).checkFull},
		{"full store, one owner", smallSize, (*replaysTest).checkFullOfOneOwner},
		{"canceled context", usualSize, (*replaysTest).checkCanceled},
	} {
		test := &replaysTest{store: open(check.size), salt: rand.Text()}
		check.run(test)
		for _, problem := range test.problems {
			t.Errorf("TestReplays: %s: %s", check.name, problem)
		}
	}
}

// replaysTest is one check of a store. Its methods are safe for concurrent use.
type replaysTest struct {
	store dpop.Replays
	salt  string // makes the keys of this check different from all other keys

	mu       sync.Mutex // guards the field below
	problems []string
}

func (test *replaysTest) errorf(format string, args ...any) {
	test.mu.Lock()
	defer test.mu.Unlock()
	const most = 10 // a broken store can have a problem for each call
	if len(test.problems) < most {
		test.problems = append(test.problems, fmt.Sprintf(format, args...))
	}
}

// key returns a key of the form that package dpop uses: two hashes in base64url,
// with a dot between them.
func (test *replaysTest) key(owner, id any) string {
	return test.hash("owner", owner) + "." + test.hash("id", id)
}

func (test *replaysTest) hash(parts ...any) string {
	sum := sha256.Sum256([]byte(test.salt + fmt.Sprint(parts...)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// use uses a key. If Seen panics, use reports this and returns an error.
func (test *replaysTest) use(ctx context.Context, key string, until time.Time) (seen bool, err error) {
	defer func() {
		if value := recover(); value != nil {
			test.errorf("Seen panics: %v", value)
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	return test.store.Seen(ctx, key, until)
}

// want uses a key. Seen must return want and no error.
func (test *replaysTest) want(name, key string, until time.Time, want bool) {
	if seen, err := test.use(context.Background(), key, until); err != nil || seen != want {
		test.errorf("%s: got %t and error %v, want %t", name, seen, err, want)
	}
}

func (test *replaysTest) checkOneKey() {
	key, until := test.key(1, 1), time.Now().Add(entryLife)
	test.want("first use", key, until, false)
	test.want("second use", key, until, true)
	test.want("third use", key, until, true)
}

func (test *replaysTest) checkDifferentKeys() {
	// Fixed characters make sure that the keys differ, and that the last character is valid.
	owner, id := "_"+test.hash("owner")[1:], test.hash("id")
	start, end := id[:20], id[21:42]
	id = start + "b" + end + "I"
	keys := map[string]string{
		"a key":                               owner + "." + id,
		"the same owner with a different ID":  owner + "." + test.hash("other ID"),
		"a different owner with the same ID":  test.hash("other owner") + "." + id,
		"the owner and the ID exchanged":      id + "." + owner,
		"an ID with one letter in upper case": owner + "." + start + "B" + end + "I",
		"an ID with a different end":          owner + "." + start + "b" + end + "E",
		"an owner with a different start":     "-" + owner[1:] + "." + id,
	}
	until := time.Now().Add(entryLife)
	for name, key := range keys {
		test.want("first use of "+name, key, until, false)
	}
	for name, key := range keys {
		test.want("second use of "+name, key, until, true)
	}
}

func (test *replaysTest) checkConcurrentUses() {
	for round := range concurrentRounds {
		unused := test.useConcurrently(test.key(round, round), func(int) (context.Context, context.CancelFunc) {
			return context.Background(), func() {}
		}, func(err error) { test.errorf("round %d: got error %v, want none", round, err) })
		if unused != 1 {
			test.errorf("round %d: got %d of %d concurrent uses of one key new, want 1", round, unused, concurrentUses)
		}
	}
}

// useConcurrently uses one key at the same time in many goroutines. It returns how many uses were
// new. Each goroutine has a context of its own.
func (test *replaysTest) useConcurrently(key string, newContext func(n int) (context.Context, context.CancelFunc), failed func(error)) int32 {
	var (
		unused atomic.Int32
		group  sync.WaitGroup
	)
	begin, until := make(chan struct{}), time.Now().Add(entryLife)
	for n := range concurrentUses {
		group.Go(func() {
			<-begin
			ctx, cancel := newContext(n)
			defer cancel()
			switch seen, err := test.use(ctx, key, until); {
			case err != nil:
				failed(err)
			case !seen:
				unused.Add(1)
			}
		})
	}
	close(begin)
	group.Wait()
	return unused.Load()
}

// checkTime checks that entries live until their end. The ends are no whole seconds, because some
// databases store seconds.
func (test *replaysTest) checkTime() {
	start := time.Now()
	lives := []time.Duration{600 * time.Millisecond, 1250 * time.Millisecond, 1900 * time.Millisecond, time.Minute, time.Hour}
	for _, life := range lives {
		test.want(fmt.Sprintf("first use with a life of %v", life), test.key(1, life), start.Add(life), false)
	}
	shortened := test.key(2, "shortened")
	test.want("first use", shortened, start.Add(time.Minute), false)
	test.want("second use with an earlier end", shortened, start.Add(lives[0]), true)
	for _, end := range lives[:3] {
		<-time.After(time.Until(start.Add(end - beforeEnd)))
		for _, life := range lives {
			key, until := test.key(1, life), start.Add(life)
			seen, err := test.use(context.Background(), key, until)
			if now := time.Now(); now.Before(until) && (!seen || err != nil) {
				test.errorf("after %v, use with a life of %v: got %t and error %v, want true", now.Sub(start), life, seen, err)
			}
		}
	}
	test.want("a use after the earlier end", shortened, start.Add(time.Minute), true)
}

func (test *replaysTest) checkFull() {
	test.fill(smallSize, func(n int) string { return test.key(n, n) })
}

// checkFullOfOneOwner fills a store with the entries of one owner. A store may refuse an owner
// with many entries.
func (test *replaysTest) checkFullOfOneOwner() {
	test.fill(1, func(n int) string { return test.key("busy", n) })
}

// fill adds more entries than the store has room for. The store must accept the first entries.
// Then it may refuse entries with an error, but it must know the entries that it accepted.
func (test *replaysTest) fill(least int, key func(n int) string) {
	const most = 4 * smallSize
	until := time.Now().Add(entryLife)
	var accepted []int
	for n := range most {
		switch seen, err := test.use(context.Background(), key(n), until); {
		case err != nil && n < least:
			test.errorf("entry %d of a store for %d entries: got error %v, want none", n+1, smallSize, err)
		case err != nil:
		case seen:
			test.errorf("first use of entry %d: got true, want false or an error", n+1)
		default:
			accepted = append(accepted, n)
		}
	}
	for _, n := range accepted {
		test.want(fmt.Sprintf("second use of entry %d of %d", n+1, most), key(n), until, true)
	}
}

// checkCanceled uses keys with a canceled context, and with contexts that are canceled while Seen
// runs. Each use may return an error, but only one use may be new.
func (test *replaysTest) checkCanceled() {
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	until := time.Now().Add(entryLife)
	for n := range concurrentRounds {
		key, unused := test.key(n, "canceled"), 0
		for _, ctx := range []context.Context{canceled, canceled, context.Background()} {
			if seen, err := test.use(ctx, key, until); !seen && err == nil {
				unused++
			}
		}
		if unused > 1 {
			test.errorf("got %d of 3 uses of one key new, 2 of them with a canceled context, want at most 1", unused)
		}
		test.want("a use after uses with a canceled context", key, until, true)
	}
	for n := range concurrentRounds {
		key := test.key(n, "canceled at the same time")
		unused := test.useConcurrently(key, func(n int) (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), time.Duration(n)*time.Microsecond)
		}, func(error) {})
		if seen, err := test.use(context.Background(), key, until); !seen && err == nil {
			unused++
		}
		if unused > 1 {
			test.errorf("got %d of %d uses of one key new, while their contexts ended, want at most 1", unused, concurrentUses)
		}
	}
}
