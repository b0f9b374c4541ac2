package bearer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bearerkit/bearer/internal/nilcheck"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// Observer is notified of the outcome of every decision. Metrics, logs and traces are
// Observers. Implementations MUST be safe for concurrent use, MUST NOT block, because they
// run within the request, and MUST NOT keep the context.
type Observer interface {
	// Observe is called once for each outcome.
	Observe(ctx context.Context, e Event)
}

// ObserverFunc is a function that implements [Observer].
type ObserverFunc func(ctx context.Context, e Event)

// Observe calls f.
func (f ObserverFunc) Observe(ctx context.Context, e Event) { f(ctx, e) }

// Observers combines several observers, such as metrics and a log, into one. Observe calls
// the observers in order. [New] refuses an empty list, and a list that contains nil.
type Observers []Observer

// Observe calls Observe of each observer.
func (o Observers) Observe(ctx context.Context, e Event) {
	for _, observer := range o {
		observer.Observe(ctx, e)
	}
}

// checkObserver returns the faults of an optional observer.
func checkObserver(field string, o Observer) []error {
	switch list, isList := o.(Observers); {
	case o == nil:
		return nil
	case nilcheck.IsNil(o):
		return []error{fmt.Errorf("%s: a nil %T; leave the field unset for no observer", field, o)}
	case isList && len(list) == 0:
		return []error{fmt.Errorf("%s: an empty list; leave the field unset for no observer", field)}
	case isList:
		var errs []error
		for i, observer := range list {
			if nilcheck.IsNil(observer) {
				errs = append(errs, fmt.Errorf("%s: observer %d is nil", field, i+1))
				continue
			}
			errs = append(errs, checkObserver(fmt.Sprintf("%s: observer %d", field, i+1), observer)...)
		}
		return errs
	}
	return nil
}

// Event is the outcome of a request or of a token. A guard reports the outcome of a
// request. A verifier reports the outcome of a token if its Verify was called without a
// guard. Each outcome is reported once. Requests to public routes are not reported, so that
// frequent health probes do not hide other outcomes.
type Event struct {
	// Transport is [Request.Transport]: "http", "grpc" or the constant of another guard. It is
	// empty without a guard.
	Transport string
	// Route is the declared pattern of the route or method, never a path that the client
	// sent. It is empty if there is none.
	Route string
	// Reason is the reason of the refusal; empty if the request was allowed.
	Reason Reason
	// Issuer is the configured issuer of the token; empty if no configured issuer matches.
	// Clients cannot choose other values, so the configuration limits the number of values.
	Issuer string
	// CacheHit is true if the token was in the cache of verified tokens. It is false for a
	// request that waited for a concurrent verification of the token.
	CacheHit bool
	// Duration is how long the decision took.
	Duration time.Duration
	// Claims has the claims of the token; nil if the token was not verified.
	Claims *Claims
	// Err is the refusal with its detail, and holds an *[Error]. If the request was allowed,
	// Err is nil, except if a report-only rule waived a refusal: Err is then this refusal
	// (see [scopes.ReportOnly]).
	Err error
}

// Abandoned reports whether the request ended while it waited for keys: the client
// disconnected, or its deadline passed. In this case Reason is KeysUnavailable, but a
// single client can cause it, so do not count it as an outage. Call Abandoned within
// Observe, with the context that Observe gets.
func (e Event) Abandoned(ctx context.Context) bool {
	return e.Reason == KeysUnavailable && ctx.Err() != nil
}

// KeyID returns the "kid" of the token, or "". If Claims is nil, the token was not
// verified, and anyone may have written the value: use it only in logs, escaped and cut.
func (e Event) KeyID() string {
	if c := e.unverified(); c != nil && c.header != nil {
		return c.header.Kid
	}
	return ""
}

// TokenID returns the "jti" of the token, or ""; see KeyID.
func (e Event) TokenID() string {
	c := e.unverified()
	switch {
	case c == nil:
		return ""
	case c.id != "":
		return c.id
	}
	id, _ := strictjson.String(c.members.Lookup("jti")) // the token was refused before its claims were decoded
	return id
}

// ClientID returns the client identifier in the token, or ""; see KeyID.
func (e Event) ClientID() string {
	c := e.unverified()
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

// unverified returns the claims of the token, verified or not, or nil.
func (e Event) unverified() *Claims {
	if e.Claims != nil {
		return e.Claims
	}
	if refusal, ok := errors.AsType[*Error](e.Err); ok && refusal != nil {
		return refusal.unverified
	}
	return nil
}

// setOutcome sets the fields that the claims and the refusal determine.
func (e *Event) setOutcome(claims *Claims, refusal *Error) {
	e.Claims = claims
	if claims != nil && claims.verifier != nil {
		e.Issuer = claims.verifier.issuer
	}
	if refusal == nil {
		return
	}
	e.Err, e.Reason = refusal.toCaller(), refusal.Reason
	if e.Issuer == "" {
		e.Issuer = refusal.issuer
	}
}

// report reports the outcome of a request to one observer and to the log. [Verifier] describes
// which observer is notified.
func (d *decision) report(ctx context.Context, refusal *Error) {
	reported := refusal
	if refusal == nil && d.refusal != nil && !d.refusal.withoutToken() {
		reported = d.refusal // the mode of the rule waived the refusal
	}
	event := func() Event {
		e := Event{Transport: d.req.Transport, Route: d.req.Route, CacheHit: d.cacheHit || d.inner.cacheHit}
		if !d.start.IsZero() {
			e.Duration = time.Since(d.start)
		}
		e.setOutcome(d.claims, reported)
		if refusal == nil {
			e.Reason = ""
		}
		return e
	}
	own := d.own
	if own == nil {
		own = d.inner.verifier
	}
	if own != nil && reported != nil {
		logRefusal(ctx, own.loggerOf(reported.issuer), reported, event)
	}
	observer := d.req.Observer
	if observer == nil {
		observer = d.verifierObserver()
	}
	if observer != nil {
		observer.Observe(ctx, event())
	}
}

// verifierObserver returns the verifier that is notified of a request, or nil.
func (d *decision) verifierObserver() Observer {
	own := d.own
	if own == nil {
		if observer, ok := d.verifier.(Observer); ok {
			return observer
		}
		own = d.inner.verifier
	}
	if own == nil || !own.observing() {
		return nil
	}
	return own
}

// verifyObserved implements Verify for the verifiers of this package. It reports the
// outcome, unless a guard reports it. A panic of a hook or an observer refuses this token
// and no other.
func verifyObserved(ctx context.Context, v ownVerifier, raw string) (claims *Claims, err error) { //nolint:contextcheck // the call wraps ctx
	defer func() {
		if p := recover(); p != nil {
			claims, err = nil, panicked(p)
		}
	}()
	start, wrapped := time.Now(), wrappedCall(ctx) // read now, because the guard may stop waiting for this verdict
	if wrapped != nil {
		ctx = &call{Context: ctx} // if a hook verifies another token, that outcome is reported
	}
	claims, cacheHit, refusal := verify(ctx, v, raw, start)
	if claims == nil && refusal == nil {
		refusal = panicked(nil) // a hook called panic(nil), and GODEBUG has panicnil=1
	}
	if wrapped != nil {
		wrapped.add(&innerVerdict{verifier: v, claims: claims, cacheHit: cacheHit})
	} else {
		event := func() Event {
			e := Event{CacheHit: cacheHit, Duration: time.Since(start)}
			e.setOutcome(claims, refusal)
			return e
		}
		if refusal != nil {
			logRefusal(ctx, v.loggerOf(refusal.issuer), refusal, event)
		}
		if v.observing() {
			v.Observe(ctx, event())
		}
	}
	if refusal != nil {
		return nil, refusal.toCaller()
	}
	return claims, nil
}

// verify verifies a token. It returns a panic as a refusal, so that the panic is reported.
func verify(ctx context.Context, v ownVerifier, raw string, now time.Time) (claims *Claims, cacheHit bool, refusal *Error) {
	t := newToken()
	defer t.free()
	defer func() {
		if p := recover(); p != nil {
			claims, refusal = nil, panicked(p)
		}
	}()
	claims, refusal = t.verify(v, raw, now, func() context.Context { return ctx }) //nolint:contextcheck // it is ctx
	return claims, t.cacheHit, refusal
}

// panicked returns the refusal for a panic of a hook.
func panicked(p any) *Error { return refuse(Internal, "panic: %v", p) }
