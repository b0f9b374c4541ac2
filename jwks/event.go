package jwks

import (
	"context"
	"time"
)

// EventKind says what an [Event] is about. Its values are a fixed set and safe as
// metric labels; later versions of this package may add kinds.
type EventKind string

// The kinds of events.
const (
	// Refreshed: the issuer answered with a usable set, and it is in use.
	Refreshed EventKind = "refreshed"
	// NotModified: the issuer confirmed the set in use (304).
	NotModified EventKind = "not_modified"
	// RefreshFailed: the issuer did not answer, or not with a usable set. The
	// last good one stays in use.
	RefreshFailed EventKind = "refresh_failed"
	// Restored: a set from the Store is in use until the issuer answers.
	Restored EventKind = "restored"
	// StoreFailed: the Store could not be read or written, or what it holds was
	// refused. Nothing else is affected.
	StoreFailed EventKind = "store_failed"
	// MetadataFailed: the issuer's metadata could not be renewed. The last good
	// one stays in use.
	MetadataFailed EventKind = "metadata_failed"
	// KeySkipped: a new set has an element that cannot be used.
	KeySkipped EventKind = "key_skipped"
	// MissFetch: a key that is not in the set caused a fetch.
	MissFetch EventKind = "miss_fetch"
	// MissDenied: a key that is not in the set caused none, because of the
	// cool-down.
	MissDenied EventKind = "miss_denied"
	// WentStale: the last good set is older than MaxStale: keys are unavailable.
	WentStale EventKind = "went_stale"
)

// Event is one thing that happened to a [Cache], as told to Options.Observe. It
// carries nothing of any token.
type Event struct {
	// Kind says what happened, and which of the other fields are set.
	Kind EventKind
	// Issuer is the configured name: [Options].Issuer.
	Issuer string
	// Cause is the context of the lookup that a refresh was made for, to link
	// traces by its values; it does not end with that. Nil where the refresher
	// made it by itself.
	Cause context.Context //nolint:containedctx // what happened belongs to no call, but may have been caused by one
	// Duration is how long a refresh took.
	Duration time.Duration
	// Keys is how many usable keys the set has after a refresh, and SkippedCount how
	// many elements of the document were left out.
	Keys, SkippedCount int
	// SkippedKey is the element that was left out; set with KeySkipped only.
	SkippedKey Skipped
	// Err is the cause of a failure, for logs: it names URLs and addresses.
	Err error
}
