package jwks

import (
	"context"
	"time"
)

// Kind says what an [Event] is about. The set is closed for a version of this
// package and its values are safe as metric labels; new ones may come.
type Kind string

// The kinds of events.
const (
	// Refreshed: the issuer answered with a usable set, and it is in use.
	Refreshed Kind = "refreshed"
	// NotModified: the issuer confirmed the set in use (304).
	NotModified Kind = "not_modified"
	// RefreshFailed: the issuer did not answer, or not with a usable set. The
	// last good one stays in use.
	RefreshFailed Kind = "refresh_failed"
	// Restored: a set from the Store is in use until the issuer answers.
	Restored Kind = "restored"
	// StoreFailed: the Store could not be read or written, or what it holds was
	// refused. Nothing else is affected.
	StoreFailed Kind = "store_failed"
	// MetadataFailed: the issuer's metadata could not be renewed. The last good
	// one stays in use.
	MetadataFailed Kind = "metadata_failed"
	// KeySkipped: a new set has an element that cannot be used.
	KeySkipped Kind = "key_skipped"
	// MissFetch: a key that is not in the set caused a fetch.
	MissFetch Kind = "miss_fetch"
	// MissDenied: a key that is not in the set caused none, because of the
	// cool-down.
	MissDenied Kind = "miss_denied"
	// WentStale: the last good set is older than MaxStale: keys are unavailable.
	WentStale Kind = "went_stale"
)

// Event is one thing that happened to a [Cache], as told to Options.Observe. It
// carries nothing of any token.
type Event struct {
	// Kind says what happened, and which of the other fields are set.
	Kind Kind
	// Issuer is the configured name: [Options].Issuer.
	Issuer string
	// Cause is the context of the lookup that a refresh was made for, to link
	// traces by its values; it does not end with that. Nil where the refresher
	// made it by itself.
	Cause context.Context //nolint:containedctx // what happened belongs to no call, but may have been caused by one
	// Duration is how long a refresh took.
	Duration time.Duration
	// Keys is how many usable keys the set has after a refresh; Skipped is how
	// many elements were left out.
	Keys, Skipped int
	// Skip is the element left out, with KeySkipped.
	Skip Skipped
	// Err is the cause of a failure, for logs: it names URLs and addresses.
	Err error
}
