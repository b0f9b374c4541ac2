package jwks

import (
	"context"
	"time"
)

// EventKind is the kind of an [Event]. The constants below are all kinds, and safe as
// metric labels. Later versions of this package may add kinds.
type EventKind string

// The kinds of events.
const (
	// Refreshed: the issuer answered with a usable set, which is now in use.
	Refreshed EventKind = "refreshed"
	// NotModified: the issuer confirmed the set in use (304).
	NotModified EventKind = "not_modified"
	// RefreshFailed: the issuer did not answer, or answered without a usable set. The
	// last good set stays in use.
	RefreshFailed EventKind = "refresh_failed"
	// Restored: a set from the Store is now in use, until the issuer answers.
	Restored EventKind = "restored"
	// StoreFailed: the Store cannot be read or written, or its data is refused. The keys
	// in use are not affected.
	StoreFailed EventKind = "store_failed"
	// MetadataFailed: the issuer's metadata cannot be refreshed. The last good metadata
	// stays in use.
	MetadataFailed EventKind = "metadata_failed"
	// KeySkipped: a new set has an element that cannot be used. A set causes at most 10 of
	// these events.
	KeySkipped EventKind = "key_skipped"
	// MissFetch: a key that is not in the set caused a fetch.
	MissFetch EventKind = "miss_fetch"
	// MissDenied: a key that is not in the set caused no fetch, because of the limits of
	// Options.CoolDown or the issuer's Retry-After.
	MissDenied EventKind = "miss_denied"
	// WentStale: the last good set became older than MaxStale. Keys are unavailable.
	WentStale EventKind = "went_stale"
)

// Event is one thing that happened to a [Cache]. Options.Observe receives each Event. An
// Event contains no data from tokens.
type Event struct {
	// Kind is what happened. It determines which of the fields after Issuer are set.
	Kind EventKind
	// Issuer is the issuer's name: Options.Issuer, or its default.
	Issuer string
	// Cause has the values of the context of the lookup that caused a refresh, to link
	// traces. It is never canceled. It is nil if no lookup caused the refresh. Refreshed,
	// NotModified and RefreshFailed set Cause and Duration.
	Cause context.Context //nolint:containedctx // a refresh outlives the lookup that caused it
	// Duration is how long a refresh took.
	Duration time.Duration
	// Keys is the number of usable keys in the set, after a successful refresh or a
	// restore. SkippedCount is the number of elements of the document that cannot be used.
	Keys, SkippedCount int
	// SkippedKey is the element that cannot be used. Only KeySkipped sets it.
	SkippedKey Skipped
	// Err is the cause of a failure. RefreshFailed, StoreFailed and MetadataFailed set it.
	// It names URLs and addresses: log it, but never send it to clients.
	Err error
}
