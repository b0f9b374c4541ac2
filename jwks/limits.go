package jwks

import (
	"sync"
	"time"

	"github.com/bearerkit/bearer/internal/fetchlimits"
)

// Limits limit the work that all issuers together can cause. Caches share Limits if the field
// Options.Limits of the caches has the same pointer. Share Limits if parties that you do not
// trust can configure issuers, or if there are many issuers. The zero Limits are ready to use.
// Limits are safe for concurrent use and must not be copied. Do not change the fields after the
// first use.
//
// The limits are fair. If n caches share Limits, each is entitled to 1/n of the requests and of
// the bytes. A cache that needs more than its share waits longer, and a cache that used less than
// its share comes first. So whatever the other issuers do, a cache whose issuer answers within
// 500 ms waits for a request at most about n / (7/8 * MaxFetches) times as long as the request may
// take, which is 200 ms or a quarter longer than the last successful refresh. With 2,000 caches and
// the default MaxFetches, this is 4 s for an issuer that answers within 160 ms, 6 s for 250 ms, and
// 11 s for 500 ms. No cache waits so long unless nearly all others worked as quickly and then stop
// answering at the same moment. No order of the requests is quicker then, because the issuers do not
// differ, but a larger MaxFetches is. Caches of slower issuers wait about
// n / (1/8 * MaxFetches) times as long as their requests may take. While all requests are in
// use, refreshes that take more than 5 s fail, even if Options.Timeout is longer. For a document of
// more than 16 KiB, a cache waits in addition at most as long as its share of MaxBytesPerSecond
// needs for the size of the document, and about 1 s. No cache waits without end for a request. The
// waits do not count in Options.Timeout.
//
// A failed refresh that waited for an answer uses the share of the cache too. So the wait doubles
// after one such failure. After a start of the process, when no issuer has answered yet, a request
// may take 625 ms. If all other issuers of 2,000 hang then, a cache waits at most 11 s. If more
// than MaxFetches issuers are slower than 625 ms, their first refreshes can fail a few times before
// all have keys; a larger MaxFetches avoids this. Caches with keys from a Store wait as caches do
// whose issuers answered within 320 ms.
type Limits struct {
	// MaxFetches is the largest number of HTTP requests that are in flight at the same time. If
	// all requests are in use and another cache needs one, a request gives way that has been in
	// flight for more than 200 ms and takes a quarter longer than the last successful refresh.
	// If the issuer has never answered, it gives way after 625 ms. From the second consecutive
	// refresh without an answer in time on, this time doubles, up to 5 s. The refresh of a request
	// that gives way fails, and the last good key set of its cache stays in use. Requests that may
	// take more than 625 ms come after the others and give way to them after 200 ms, but an
	// eighth of MaxFetches is reserved for them. Zero: 128.
	MaxFetches int
	// MaxBytesPerSecond is the average number of bytes that the caches process per second, in
	// key sets and metadata. Compressed bytes count four times. A cache reserves the bytes of its
	// document before it sends the request, if the last document cost more than 16 KiB. If too few
	// bytes are free for the rest of a document, the cache waits and sends the request again. One
	// cache can use at most a sixteenth of MaxBytesPerSecond, in addition to the first 2 MiB.
	// A positive value of less than 64 KiB is an error, because it is usually a number without a
	// unit, such as 4 instead of 4<<20. Zero: 4 MiB.
	MaxBytesPerSecond int

	mu sync.Mutex // guards the fields below
	// shared has the state for all caches; see share. The other fields are then not used.
	shared  *Limits
	slots   slotQueue
	bytes   byteQueue
	caches  int // the number of caches that share the Limits
	started bool
}

const (
	defaultMaxFetches        = 128
	defaultMaxBytesPerSecond = 4 << 20

	// patience is the least time after which a request gives way to another cache. If the issuers
	// of 2,000 caches that answered quickly stop answering at the same time, a cache waits for at
	// most 2,000 / (7/8 * MaxFetches) * patience, which is 3.6 s.
	patience = 200 * time.Millisecond
	// coldPatience is the patience with an issuer that has never answered. It is enough for an
	// issuer that answers within 500 ms.
	coldPatience = 625 * time.Millisecond
	// longPatience is the largest patience of a request that counts as short.
	longPatience = coldPatience
	// maxPatience is the largest patience. It is the default of Options.Timeout.
	maxPatience = defaultTimeout
	// reservedShare is the share of MaxFetches that is reserved for long requests:
	// 1 / reservedShare.
	reservedShare = 8

	// ownShare is the share of MaxBytesPerSecond that one cache can use: 1 / ownShare.
	ownShare = 16
	// ownBurst is the number of bytes that one cache can use without a pause.
	ownBurst = 2 * maxDocument
	// burstTime is the time for which the caches together can save unused bytes.
	burstTime = 4 * time.Second
	// compressedCost is the number of bytes for which one compressed byte counts.
	compressedCost = 4
)

// share returns the Limits that all caches with l use. They are not l itself, because l may be a
// field of a struct that refers to the caches, as in bearer.Issuers. If the refreshers of the caches
// refer to this struct, the garbage collector never collects the caches that a program forgets.
func (l *Limits) share() *Limits {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shared == nil {
		l.shared = &Limits{MaxFetches: l.MaxFetches, MaxBytesPerSecond: l.MaxBytesPerSecond}
	}
	return l.shared
}

// join counts a cache that begins to share the Limits, until it calls leave.
func (l *Limits) join() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.caches++
}

func (l *Limits) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.caches--
}

// problems returns an error for each invalid field.
func (l *Limits) problems() []error {
	return fetchlimits.Problems("jwks: Limits", l.MaxFetches, l.MaxBytesPerSecond)
}

// start applies the defaults. The caller holds l.mu.
func (l *Limits) start() {
	if l.started {
		return
	}
	l.started = true
	l.slots.size = l.MaxFetches
	if l.slots.size == 0 {
		l.slots.size = defaultMaxFetches
	}
	l.bytes.rate = float64(l.MaxBytesPerSecond)
	if l.bytes.rate == 0 {
		l.bytes.rate = defaultMaxBytesPerSecond
	}
	l.bytes.balance, l.bytes.updated = l.bytes.rate*burstTime.Seconds(), time.Now()
}
