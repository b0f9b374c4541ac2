// Package probe records in the context of a request what a guard did with the request.
// Package bearertest uses it to find routes without a guard.
package probe

import (
	"context"
	"sync/atomic"
)

// Record contains what the guards did with one request. A Record is safe for concurrent
// use.
type Record struct{ refused, allowed atomic.Bool }

type key struct{}

// With returns a context in which guards record what they do, and the record.
func With(ctx context.Context) (context.Context, *Record) {
	record := new(Record)
	return context.WithValue(ctx, key{}, record), record
}

// Observes reports whether the context has a record.
func Observes(ctx context.Context) bool {
	_, ok := ctx.Value(key{}).(*Record)
	return ok
}

// Refused records that a guard refused the request.
func Refused(ctx context.Context) {
	if record, ok := ctx.Value(key{}).(*Record); ok {
		record.refused.Store(true)
	}
}

// Allowed records that a rule allowed the request without a token.
func Allowed(ctx context.Context) {
	if record, ok := ctx.Value(key{}).(*Record); ok {
		record.allowed.Store(true)
	}
}

// Guarded reports whether a guard refused the request, or allowed it without a token.
func (r *Record) Guarded() bool { return r.refused.Load() || r.allowed.Load() }
