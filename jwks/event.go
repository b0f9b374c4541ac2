package jwks

import (
	"context"
	"time"
)

// EventKind is the kind of an [Event]. The constants below are the complete list of kinds, so
// a kind is safe as a metric label. Later versions of this package may add kinds.
type EventKind string

// The kinds of events.
const (
	// Refreshed means that the issuer sent a usable key set, which is now in use.
	Refreshed EventKind = "refreshed"
	// NotModified means that the issuer confirmed the key set in use (HTTP status 304).
	NotModified EventKind = "not_modified"
	// RefreshFailed means that the issuer did not answer, or that the response was not a
	// usable key set. The last good key set stays in use.
	RefreshFailed EventKind = "refresh_failed"
	// Restored means that a key set from the Store is now in use. It stays in use until the
	// issuer answers.
	Restored EventKind = "restored"
	// StoreFailed means that a call to the Store failed, or that the cache refused the stored
	// data. The keys in use are not affected.
	StoreFailed EventKind = "store_failed"
	// MetadataFailed means that the cache cannot refresh the issuer's metadata. The last good
	// metadata stays in use.
	MetadataFailed EventKind = "metadata_failed"
	// KeySkipped means that a new key set has an element that cannot be used. A key set causes
	// at most 10 of these events.
	KeySkipped EventKind = "key_skipped"
	// MissFetch means that a lookup caused a fetch while keys were available. No key in the key
	// set fits the token, or no key that fits verifies the signature.
	MissFetch EventKind = "miss_fetch"
	// MissDenied means that a lookup needed a fetch as in MissFetch, but the limits of
	// Options.CoolDown or the issuer's Retry-After did not allow the fetch. The error of the lookup
	// has the field NotAsked. A lookup that the issuer has answered a moment ago needs no fetch.
	MissDenied EventKind = "miss_denied"
	// WentStale means that the last good key set became older than Options.MaxStale. Keys are
	// unavailable.
	WentStale EventKind = "went_stale"
	// Withdrawn means that the keys were dropped, because the issuer answers but publishes no
	// usable key any more. Keys are unavailable until the issuer publishes a usable key.
	Withdrawn EventKind = "withdrawn"
)

// Event describes one event of a [Cache]. Options.Observe receives each Event. Except for
// Cause, an Event contains no data from requests or tokens.
type Event struct {
	// Kind is the kind of the event. The comments of the fields below Issuer name the kinds
	// that set these fields.
	Kind EventKind
	// Issuer is the name of the issuer, which is Options.Issuer or its default.
	Issuer string
	// Cause is a context with the values of the context of the lookup that caused a refresh.
	// For example, a tracer can link the refresh to the request. Cause is never canceled. It
	// is nil if no lookup caused the refresh. Refreshed, NotModified and RefreshFailed set
	// Cause and Duration.
	Cause context.Context //nolint:containedctx // a refresh outlives the lookup that caused it
	// Duration is the duration of the refresh.
	Duration time.Duration
	// Keys is the number of usable keys in the key set. SkippedCount is the number of elements
	// of the key set that cannot be used. Refreshed, NotModified and Restored set Keys and
	// SkippedCount.
	Keys, SkippedCount int
	// SkippedKey is the element that cannot be used. Only KeySkipped sets SkippedKey.
	SkippedKey Skipped
	// Err is the error of a failure. RefreshFailed, StoreFailed, MetadataFailed and Withdrawn set Err.
	// The error contains URLs and addresses, so log it but never send it to clients.
	Err error
}
