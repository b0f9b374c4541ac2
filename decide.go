package bearer

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/bearerkit/bearer/scopes"
)

// Request is what a guard knows of a request.
type Request struct {
	// Transport is the guard's: "http", "grpc" or another short constant.
	Transport string
	// Route is the pattern that Rule was declared with, for observers.
	Route string
	// Authorization is the values of all Authorization fields, as received.
	Authorization []string
	// Rule is what the route asks for. The zero Rule denies.
	Rule scopes.Rule
}

// Decide is the whole decision on a request, the same for every transport:
// credentials, token, rule. Where the request may pass it returns a context with
// the caller's claims in it; for a public rule that is ctx as it came, and no
// observer is told.
// Otherwise it returns an *[Error], and never panics. Guards are made of it, and
// so can be those of transports that this module does not have.
func Decide(ctx context.Context, v Verifier, req Request) (allowed context.Context, err error) {
	if req.Rule.IsPublic() {
		return ctx, nil
	}
	defer func() {
		// An observer's panic, too, ends this request only, and never as a pass.
		if p := recover(); p != nil {
			allowed, err = nil, panicked(p)
		}
	}()
	d := decision{verifier: v, req: req}
	var observer Observer
	if d.own, _ = v.(verifier); d.own == nil {
		observer, _ = v.(Observer)
	} else if d.own.observing() {
		observer = d.own // or else the clock need not be read for nobody
	}
	if observer == nil {
		d.decide(ctx)
		return d.settle(ctx)
	}
	d.observed = true
	start := time.Now()
	d.decide(ctx)
	e := Event{Transport: req.Transport, Route: req.Route, CacheHit: d.hit || d.call != nil && d.call.hit.Load(), Duration: time.Since(start)}
	if d.refusal == errNoBearer && req.Rule.IsOptional() {
		e.is(nil, nil)
	} else {
		e.is(d.claims, d.refusal)
	}
	allowed, err = d.settle(ctx)
	if err == nil {
		e.Reason = "" // what a mode waived is in Err
	}
	observer.Observe(ctx, e)
	return allowed, err
}

// decision is one request's way to its answer.
type decision struct {
	verifier Verifier
	own      verifier // if it is one of this package
	req      Request
	observed bool

	call    *call // nil: refused before it was worth one
	claims  *Claims
	hit     bool
	refusal *Error
}

// settle makes the answer of a refusal or nil. A rule's mode may waive its own
// verdict, and that there is no token; nothing else.
func (d *decision) settle(ctx context.Context) (context.Context, error) {
	switch rule := d.req.Rule; {
	case d.refusal == nil:
		return d.call, nil
	case d.refusal == errNoBearer && rule.IsOptional():
		// Not whatever a hook calls NoToken: no credentials were sent.
		return d.enter(ctx), nil
	case d.refusal.Reason == MissingScope && rule.IsReportOnly() && d.claims != nil:
		return d.call, nil
	}
	return nil, d.refusal.out()
}

// enter makes the context of the request.
func (d *decision) enter(ctx context.Context) *call {
	d.call = &call{Context: ctx, transport: d.req.Transport, route: d.req.Route, observed: d.observed}
	return d.call
}

func (d *decision) decide(ctx context.Context) {
	defer func() {
		if p := recover(); p != nil {
			d.refusal = panicked(p)
		}
	}()
	token, refusal := credentials(d.req.Authorization)
	if refusal != nil {
		d.refusal = refusal
		return
	}
	if d.own != nil {
		d.verifyOwn(ctx, token)
	} else {
		d.verify(ctx, token)
	}
	if d.refusal != nil {
		return
	}
	d.call.claims.Store(d.claims)
	if err := d.req.Rule.Allow(d.call, d.claims.Scopes()); err != nil { //nolint:contextcheck // it is made of ctx
		d.refusal = denied(d.req.Rule, d.claims, err)
	}
}

// verifyOwn asks a verifier of this package. What the token is made of is looked
// at only where it could not be read: what was read is base64url, every character
// of it.
func (d *decision) verifyOwn(ctx context.Context, raw string) {
	t := newToken()
	defer t.free()
	if d.refusal = d.own.find(t, raw); d.refusal == nil {
		d.claims, d.refusal = t.verdict(d.enter(ctx)) //nolint:contextcheck // it is made of ctx
		d.hit = t.hit
	}
	if d.refusal != nil && !t.whole && !isB64Token(raw) {
		d.refusal = errNotOneText
	}
}

// verify asks somebody else's.
func (d *decision) verify(ctx context.Context, raw string) {
	if !isB64Token(raw) {
		d.refusal = errNotOneText
		return
	}
	claims, err := d.verifier.Verify(d.enter(ctx), raw) //nolint:contextcheck // it is made of ctx
	switch {
	case err != nil:
		d.refusal = asError(err)
	case claims == nil:
		d.refusal = refuse(Internal, "the verifier returned no claims and no error")
	default:
		d.claims = claims
	}
}

// denied makes an Error of a rule's verdict. A function of the rule may have
// given a reason of its own.
func denied(rule scopes.Rule, claims *Claims, err error) *Error {
	if !rule.IsZero() && rule.Err() != nil {
		return &Error{Reason: Internal, Err: err}
	}
	e := &Error{Reason: MissingScope, Err: err}
	if d, ok := errors.AsType[*scopes.DeniedError](err); ok {
		e.Missing = d.Missing
		// A reason of a function's own weighs more than a missing scope: a mode
		// must not waive it.
		own := asError(d.Err)
		if d.Err != nil && own.Reason != MissingScope && (own.Reason != Internal || errors.Is(d.Err, Internal)) {
			return own
		}
		if len(d.Missing) > 0 {
			e.Err = claims.hint(err)
		}
	}
	return e
}

// is fills in what the claims and the refusal say.
func (e *Event) is(claims *Claims, refusal *Error) {
	e.Claims = claims
	if claims != nil && claims.by != nil {
		e.Issuer = claims.by.issuer
	}
	if refusal == nil {
		return
	}
	e.Err, e.Reason = refusal.out(), refusal.Reason
	if e.Issuer == "" {
		e.Issuer = refusal.issuer
	}
}

var (
	errSeveral    = shared(InvalidRequest, errors.New("several Authorization values"))
	errNoBearer   = shared(NoToken, nil)
	errNotOneText = shared(InvalidRequest, errors.New("the credentials are not the Bearer scheme, a space and one token"))
)

const scheme = "Bearer"

// credentials returns the token of the Authorization values (RFC 6750, section
// 2.1; RFC 9110, section 11.4): the scheme in any case, spaces, and what is behind
// them, which isB64Token has to judge.
func credentials(values []string) (string, *Error) {
	if len(values) > 1 {
		return "", errSeveral
	}
	if len(values) == 0 || values[0] == "" {
		return "", errNoBearer
	}
	value := values[0]
	if token, ok := strings.CutPrefix(value, scheme+" "); ok && token != "" && token[0] != ' ' && len(token) <= maxToken {
		return token, nil // what nearly everybody sends
	}
	if len(value) > maxToken+2*len(scheme) && strings.EqualFold(value[:len(scheme)], scheme) && !isTokenChar(value[len(scheme)]) {
		return "", errTooLong // whatever it is; it is not looked at
	}
	if len(value) < len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme) {
		return "", other(value)
	}
	rest := value[len(scheme):]
	if rest != "" && isTokenChar(rest[0]) {
		return "", other(value) // another scheme that begins like ours
	}
	token := strings.TrimLeft(rest, " ")
	if token == "" || token == rest {
		return "", errNotOneText
	}
	if len(token) > maxToken {
		return "", errTooLong
	}
	return token, nil
}

// other judges credentials of another scheme, or of none: they are not ours to
// judge, unless a list hides a Bearer token behind them.
func other(value string) *Error {
	if value[0] == ' ' || value[0] == '\t' {
		return errNotOneText
	}
	if len(value) > maxToken {
		return errNoBearer
	}
	for {
		var found bool
		if _, value, found = strings.Cut(value, ","); !found {
			return errNoBearer
		}
		value = strings.TrimLeft(value, " \t")
		if len(value) > len(scheme) && strings.EqualFold(value[:len(scheme)], scheme) && !isTokenChar(value[len(scheme)]) {
			return errSeveral
		}
	}
}

// isB64Token reports whether s is a b64token of RFC 6750, section 2.1.
func isB64Token(s string) bool {
	text := strings.TrimRight(s, "=")
	for len(text) >= 8 {
		if !b64[text[0]] || !b64[text[1]] || !b64[text[2]] || !b64[text[3]] || !b64[text[4]] || !b64[text[5]] || !b64[text[6]] || !b64[text[7]] {
			return false
		}
		text = text[8:]
	}
	for i := range len(text) {
		if !b64[text[i]] {
			return false
		}
	}
	return s != "" && s[0] != '='
}

// b64 marks the characters of a b64token, the padding left aside.
var b64 = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/" {
		t[c] = true
	}
	return t
}()

// isTokenChar reports whether c is a tchar of RFC 9110, section 5.6.2.
func isTokenChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
