package bearer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bearerkit/bearer/internal/nilcheck"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// Observer is told the outcome of every decision: metrics, logs and traces are built on
// it. Implementations MUST be safe for concurrent use, MUST NOT block, because they run
// within the request, and MUST NOT keep the context.
type Observer interface {
	Observe(ctx context.Context, e Event)
}

// ObserverFunc is a function as an [Observer].
type ObserverFunc func(ctx context.Context, e Event)

// Observe calls f.
func (f ObserverFunc) Observe(ctx context.Context, e Event) { f(ctx, e) }

// Observers is several observers as one, such as metrics and a log. Observe tells each,
// in this order. [New] refuses a nil observer among them.
type Observers []Observer

// Observe tells each observer.
func (o Observers) Observe(ctx context.Context, e Event) {
	for _, observer := range o {
		observer.Observe(ctx, e)
	}
}

// checkObserver returns what is wrong with an optional observer.
func checkObserver(field string, o Observer) []error {
	switch list, isList := o.(Observers); {
	case o == nil:
		return nil
	case nilcheck.IsNil(o):
		return []error{fmt.Errorf("%s: a nil %T", field, o)}
	case isList && len(list) == 0:
		return []error{fmt.Errorf("%s: no observers in it", field)}
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

// Event is one outcome: of a request, told by the guard that decided, or of a token, told
// by a verifier whose Verify was called without a guard. Each is told once. Requests to
// public routes are not told: nothing is decided there, and health probes would drown the
// rest.
type Event struct {
	// Transport is "http" or "grpc", or "" without a guard.
	Transport string
	// Route is the pattern of the route or the method as it was declared, never what the
	// client sent; "" if there is none.
	Route string
	// Reason is "" if the request was let through.
	Reason Reason
	// Issuer is the configured issuer that the token names, or "" if it names none. The
	// number of values is bounded, whatever clients send.
	Issuer string
	// CacheHit says that the signature was verified on an earlier request. It is false for
	// a request that waited for the verification of a concurrent one.
	CacheHit bool
	// Duration is how long the decision took.
	Duration time.Duration
	// Claims is what the token says; nil if it was not verified.
	Claims *Claims
	// Err is the error with its detail; it holds an *[Error]. If the request was let through, it is nil, or
	// what a rule in the mode of scopes.ReportOnly would have refused with.
	Err error
}

// Abandoned reports whether the request ended before there was a verdict: the caller hung
// up, or its deadline passed, while it waited for keys. Reason is KeysUnavailable then,
// but it is no outage: one caller alone can cause it. Call it within Observe, with the
// context that Observe gets.
func (e Event) Abandoned(ctx context.Context) bool {
	return e.Reason == KeysUnavailable && ctx.Err() != nil
}

// KeyID returns the "kid" of the token, or "". If Claims is nil, the token was not
// verified: anybody can have written it. Such a value is for logs only, which must escape
// and cut it.
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
	id, _ := strictjson.String(c.members.Lookup("jti")) // refused before it was decoded
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

// unverified returns what the token says, verified or not, or nil.
func (e Event) unverified() *Claims {
	if e.Claims != nil {
		return e.Claims
	}
	if refusal, ok := errors.AsType[*Error](e.Err); ok && refusal != nil {
		return refusal.unverified
	}
	return nil
}

// setOutcome fills in what the claims and the refusal say.
func (e *Event) setOutcome(claims *Claims, refusal *Error) {
	e.Claims = claims
	if claims != nil && claims.verifier != nil {
		e.Issuer = claims.verifier.issuer
	}
	if refusal == nil {
		return
	}
	e.Err, e.Reason = refusal.out(), refusal.Reason
	if e.Issuer == "" {
		e.Issuer = refusal.issuer
	}
}

// tell tells the outcome of a request: once, to one observer, and to the log. The
// observer is the guard's, or else the guard's verifier, or else the verifier of this
// package that the guard's verifier asked.
func (d *decision) tell(ctx context.Context, refusal *Error) {
	told := refusal
	if refusal == nil && d.refusal != nil && !d.refusal.withoutToken() {
		told = d.refusal // waived by the mode of the rule, or nil
	}
	event := func() Event {
		e := Event{Transport: d.req.Transport, Route: d.req.Route, CacheHit: d.remembered || d.inner.remembered}
		if !d.start.IsZero() {
			e.Duration = time.Since(d.start)
		}
		e.setOutcome(d.claims, told)
		if refusal == nil {
			e.Reason = ""
		}
		return e
	}
	own := d.own
	if own == nil {
		own = d.inner.verifier
	}
	if own != nil && told != nil {
		logRefusal(ctx, own.loggerOf(told.issuer), told, event)
	}
	observer := d.req.Observer
	if observer == nil {
		observer = d.verifierObserver()
	}
	if observer != nil {
		observer.Observe(ctx, event())
	}
}

// verifierObserver returns the verifier that is told of a request, or nil.
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

// verifyObserved is Verify of the verifiers of this package. It tells the outcome, unless
// a guard does. A panic of a hook or an observer ends this call only, and never lets the
// token pass.
func verifyObserved(ctx context.Context, v ownVerifier, raw string) (claims *Claims, err error) { //nolint:contextcheck // the call is made of ctx
	defer func() {
		if p := recover(); p != nil {
			claims, err = nil, panicked(p)
		}
	}()
	start, wrapped := time.Now(), wrappedCall(ctx) // now: the guard may not wait for this verdict
	if wrapped != nil {
		ctx = &call{Context: ctx} // a hook that verifies another token tells of it
	}
	claims, remembered, refusal := verify(ctx, v, raw, start)
	if claims == nil && refusal == nil {
		refusal = panicked(nil) // a hook called panic(nil), and GODEBUG has panicnil=1
	}
	if wrapped != nil {
		wrapped.add(&innerVerdict{verifier: v, claims: claims, remembered: remembered})
	} else {
		event := func() Event {
			e := Event{CacheHit: remembered, Duration: time.Since(start)}
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
		return nil, refusal.out()
	}
	return claims, nil
}

// verify makes a refusal of a panic, so that the panic is told too.
func verify(ctx context.Context, v ownVerifier, raw string, now time.Time) (claims *Claims, remembered bool, refusal *Error) {
	t := newToken()
	defer t.free()
	defer func() {
		if p := recover(); p != nil {
			claims, refusal = nil, panicked(p)
		}
	}()
	claims, refusal = t.judge(v, raw, now, func() context.Context { return ctx }) //nolint:contextcheck // it is ctx
	return claims, t.remembered, refusal
}

// panicked makes an error of a panic in a hook.
func panicked(p any) *Error { return refuse(Internal, "panic: %v", p) }
