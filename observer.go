package bearer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bearerkit/bearer/internal/nilcheck"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// Observer is notified of the outcome of every decision. The metrics, the logs and the
// traces of this module are Observers. Implementations MUST be safe for concurrent use.
// They MUST NOT block, because the request waits for them. They MUST NOT keep the context.
type Observer interface {
	// Observe is called once for each outcome. [Event] describes the outcomes.
	Observe(ctx context.Context, e Event)
}

// ObserverFunc is a function that implements [Observer].
type ObserverFunc func(ctx context.Context, e Event)

// Observe calls f.
func (f ObserverFunc) Observe(ctx context.Context, e Event) { f(ctx, e) }

// Observers combines several observers, such as metrics and a log, into one observer.
// Observe calls the observers in order. An empty list and a list that contains nil are
// faults of a Config.
type Observers []Observer

// Observe calls the method Observe of each observer.
func (o Observers) Observe(ctx context.Context, e Event) {
	for _, observer := range o {
		observer.Observe(ctx, e)
	}
}

// checkObserver returns the faults of an optional observer. A nil interface is valid.
func checkObserver(field string, o Observer) []error {
	switch list, isList := o.(Observers); {
	case o == nil:
		return nil
	case nilcheck.IsNil(o):
		return []error{fmt.Errorf("%s: a nil %T; if you want no observer, leave the field unset", field, o)}
	case isList && len(list) == 0:
		return []error{fmt.Errorf("%s: an empty list; if you want no observer, leave the field unset", field)}
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
// request. A verifier reports the outcome of a token only if its method Verify is called
// without a guard. Each outcome is reported once. Guards do not report requests to public
// routes, because frequent health probes can hide other outcomes.
type Event struct {
	// Transport is [Request.Transport], such as "http" or "grpc". It is empty without a guard.
	Transport string
	// Route is the declared pattern of the route or method. It is never a path that the client
	// sent. It is empty if no declared pattern is known.
	Route string
	// Reason is the reason of the refusal. It is empty if the request was allowed.
	Reason Reason
	// Unverified is true if the token was refused and its signature was not verified. So a
	// stranger may have written the token, and Reason, for example Expired, says nothing about
	// the tokens of the issuer. The client learned only that the token is invalid. Unverified is
	// false if Reason is not a reason of the token: InvalidRequest, NoToken, MissingScope,
	// KeysUnavailable or Internal. It is also false for the errors of a verifier of another
	// package, unless they wrap an error of a verifier of this package for which it is true.
	Unverified bool
	// Issuer is the configured issuer of the token. It is empty if no configured issuer
	// matches. So the number of different values is limited, even if clients send tokens of
	// other issuers.
	Issuer string
	// CacheHit is true if the token was in the cache of verified tokens. It is false if the
	// request waited until a concurrent request had verified the same token.
	CacheHit bool
	// Duration is the time from the start to the end of the decision.
	Duration time.Duration
	// Claims has the claims of the token. It is nil if the token was not verified.
	Claims *Claims
	// Err is the refusal with its detail, and holds an *[Error]. If a report-only rule waived
	// a refusal, the request was allowed and Err is the waived refusal (see
	// [scopes.ReportOnly]). For all other allowed requests, Err is nil.
	Err error
}

// Abandoned reports whether the request ended while it waited for keys, because the client
// disconnected or the deadline passed. Reason is then KeysUnavailable. Do not count such an
// event as an outage, because a single client can cause it. Call Abandoned within Observe,
// and pass the context that Observe receives.
func (e Event) Abandoned(ctx context.Context) bool {
	return e.Reason == KeysUnavailable && ctx.Err() != nil
}

// KeyID returns the "kid" of the token. It returns "" if the "kid" is not known. If Claims
// is nil, the token was not verified, and the value may be forged. Use such a value only in
// logs, and escape and cut it.
func (e Event) KeyID() string {
	if c := e.unverified(); c != nil && c.header != nil {
		return c.header.Kid
	}
	return ""
}

// TokenID returns the "jti" of the token. It returns "" if the "jti" is not known. The
// comment of KeyID says when the value may be forged.
func (e Event) TokenID() string {
	c := e.unverified()
	switch {
	case c == nil:
		return ""
	case c.id != "":
		return c.id
	}
	id, _ := strictjson.String(c.members.Lookup("jti")) // if the token was refused, c.id may not be set yet
	return id
}

// ClientID returns the client identifier in the token. It returns "" if the client
// identifier is not known. The comment of KeyID explains when the value may be forged.
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

// unverified returns the claims of the token, even if the token was not verified. It
// returns nil if the claims were not read.
func (e Event) unverified() *claimSet {
	if e.Claims != nil {
		return e.Claims.all()
	}
	if refusal, ok := errors.AsType[*Error](e.Err); ok && refusal != nil && refusal.unverified != nil {
		return refusal.unverified.all()
	}
	return nil
}

// setOutcome sets the fields of e that depend on the claims and on the refusal.
func (e *Event) setOutcome(claims *Claims, refusal *Error) {
	e.Claims = claims
	if claims != nil && claims.all().verifier != nil {
		e.Issuer = claims.all().verifier.issuer
	}
	if refusal == nil {
		return
	}
	e.Err, e.Reason, e.Unverified = refusal.toCaller(), refusal.Reason, refusal.isUnproved()
	if e.Issuer == "" {
		e.Issuer = refusal.issuer
	}
}

// The method report notifies one observer of the outcome of a request, and logs a refusal
// to Config.Logger. The comment of [Verifier] describes which observer this is.
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

// verifierObserver returns the observer to notify if Request.Observer is nil. This
// observer is the verifier or the inner verifier. The result is nil if neither of them is
// an observer.
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
// outcome, unless a guard reports the outcome. If a hook or an observer panics, only this
// token is refused.
func verifyObserved(ctx context.Context, v ownVerifier, raw string) (claims *Claims, err error) { //nolint:contextcheck // the call wraps ctx
	defer func() {
		if p := recover(); p != nil {
			claims, err = nil, panicRefusal(p)
		}
	}()
	start, wrapped := time.Now(), wrappedCall(ctx) // wrappedCall must run first, because the guard may stop waiting during the verification
	var known *facts
	if wrapped != nil {
		known = wrapped.facts
		ctx = &call{Context: ctx} // if a hook verifies a token of its own, the outcome of this token is reported too
	}
	claims, cacheHit, refusal := verify(ctx, v, raw, start, known)
	if claims == nil && refusal == nil {
		refusal = panicRefusal(nil) // a hook called panic(nil), and GODEBUG has panicnil=1
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

// The function verify verifies a token. If a hook panics, verify returns the panic as a
// refusal, so that the caller reports it.
func verify(ctx context.Context, v ownVerifier, raw string, now time.Time, known *facts) (claims *Claims, cacheHit bool, refusal *Error) {
	t := newToken()
	defer t.free()
	t.facts = known
	defer func() {
		if p := recover(); p != nil {
			claims, refusal = nil, panicRefusal(p)
		}
	}()
	claims, refusal = t.verify(v, raw, now, func() context.Context { return ctx }) //nolint:contextcheck // the function returns ctx
	return claims, t.cacheHit, refusal
}

// panicRefusal returns the refusal for a panic with the value p.
func panicRefusal(p any) *Error { return refuse(Internal, "panic: %v", p) }
