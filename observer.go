package bearer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bearerkit/bearer/internal/nilcheck"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// Observer is told every outcome: metrics, logs and traces hang on it.
// Implementations MUST be safe for concurrent use, MUST NOT block, since they run
// within the request, and MUST NOT keep the context.
type Observer interface {
	Observe(ctx context.Context, e Event)
}

// ObserverFunc is a function as an [Observer].
type ObserverFunc func(ctx context.Context, e Event)

// Observe calls f.
func (f ObserverFunc) Observe(ctx context.Context, e Event) { f(ctx, e) }

// Event is one outcome: of a request where a guard asked, of a token where
// Verify was called without one. Each is told once. A request under a rule that is
// public is not told: nothing is decided there, and probes would drown the rest.
// Count requests where they are served.
type Event struct {
	// Transport is "http" or "grpc", or "" without a guard.
	Transport string
	// Route is the pattern of the route or the method as it was declared, never
	// what the client sent; "" where there is none.
	Route string
	// Reason is "" where the request was let through.
	Reason Reason
	// Issuer is the configured issuer that the token names, or "" where it
	// names none, so that the number of values is bounded whatever clients send.
	Issuer string
	// CacheHit says that the signature was verified on an earlier request.
	CacheHit bool
	// Duration is the time that the decision took.
	Duration time.Duration
	// Claims is what the token says; nil where it was not verified.
	Claims *Claims
	// Err is the error with its detail. Where the request was let through it is
	// nil, or what a rule in the mode of scopes.ReportOnly would have said.
	Err error
}

// Abandoned reports whether the request with this context ended before there was a
// verdict: the caller hung up, or its deadline came, while it waited for keys.
// Reason is KeysUnavailable then, since more patience might have helped, but an
// outage it is not: one caller alone can bring it about. Ask within Observe, with
// the context given there.
func (e Event) Abandoned(ctx context.Context) bool {
	return e.Reason == KeysUnavailable && ctx.Err() != nil
}

// KeyID returns "kid", TokenID "jti" and ClientID the client identifier that the
// token names, or "". Where Claims is nil they are what a token says of itself that
// was not verified: for logs, which must escape and cut them, and for nothing else.
func (e Event) KeyID() string {
	if c := e.said(); c != nil && c.header != nil {
		return c.header.Kid
	}
	return ""
}

// TokenID returns "jti"; see KeyID.
func (e Event) TokenID() string {
	c := e.said()
	switch {
	case c == nil:
		return ""
	case c.id != "":
		return c.id
	}
	id, _ := strictjson.String(c.members.Lookup("jti")) // it may have been refused before it was decoded
	return id
}

// ClientID returns the client identifier; see KeyID.
func (e Event) ClientID() string {
	c := e.said()
	switch {
	case c == nil:
		return ""
	case c.clientID != "":
		return c.clientID
	}
	for _, name := range [...]string{"client_id", "azp", "appid", "cid"} {
		if id, ok := strictjson.String(c.members.Lookup(name)); ok {
			return id
		}
	}
	return ""
}

// said is what the token says, believed or not, or nil.
func (e Event) said() *Claims {
	if e.Claims != nil {
		return e.Claims
	}
	if refusal, ok := errors.AsType[*Error](e.Err); ok && refusal != nil {
		return refusal.said
	}
	return nil
}

// MultiObserver is several observers as one. [NewMultiObserver] makes one. It is
// safe for concurrent use.
type MultiObserver struct{ observers []Observer }

// NewMultiObserver returns an Observer that tells each of the observers, in this
// order: metrics and logs, say. A nil observer is an error, and so are none.
func NewMultiObserver(observers ...Observer) (*MultiObserver, error) {
	var errs []error
	for i, o := range observers {
		if nilcheck.IsNil(o) {
			errs = append(errs, fmt.Errorf("bearer: observer %d is nil", i+1))
		}
	}
	if len(observers) == 0 {
		errs = append(errs, errors.New("bearer: no observers"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &MultiObserver{slices.Clone(observers)}, nil
}

// Observe tells each observer.
func (m *MultiObserver) Observe(ctx context.Context, e Event) {
	for _, o := range m.observers {
		o.Observe(ctx, e)
	}
}
