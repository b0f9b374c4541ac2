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
	observer, _ := v.(Observer)
	if own, ok := v.(verifier); ok && !own.observing() {
		observer = nil // the clock need not be read for nobody
	}
	c := &call{Context: ctx, transport: req.Transport, route: req.Route, observed: observer != nil}
	if observer == nil {
		return settle(c, req.Rule, decide(c, v, req))
	}
	start := time.Now()
	refusal := decide(c, v, req)
	anonymous := refusal == errNoBearer && req.Rule.IsOptional()
	e := Event{Transport: req.Transport, Route: req.Route, CacheHit: c.hit.Load(), Duration: time.Since(start)}
	allowed, err = settle(c, req.Rule, refusal)
	if refusal == nil || anonymous {
		e.outcome(c.claims.Load(), nil)
	} else {
		e.outcome(c.claims.Load(), asError(refusal))
	}
	if err == nil {
		e.Reason = "" // what a mode waived is in Err
	}
	observer.Observe(ctx, e)
	return allowed, err
}

// settle makes the answer of a refusal or nil. A rule's mode may waive its own
// verdict, and that there is no token; nothing else.
func settle(c *call, rule scopes.Rule, refusal *Error) (context.Context, error) {
	switch {
	case refusal == nil:
		return c, nil
	case refusal == errNoBearer && rule.IsOptional():
		// Not whatever a hook calls NoToken: no credentials were sent.
		return c, nil
	case refusal.Reason == MissingScope && rule.IsReportOnly() && c.claims.Load() != nil:
		return c, nil
	}
	return nil, asError(refusal) // ours are shared
}

func decide(c *call, v Verifier, req Request) (refusal *Error) {
	defer func() {
		if p := recover(); p != nil {
			refusal = panicked(p)
		}
	}()
	token, err := credentials(req.Authorization)
	if err != nil {
		return err
	}
	claims, verr := v.Verify(c, token)
	if verr != nil {
		return asError(verr)
	}
	if claims == nil {
		return refuse(Internal, "the verifier returned no claims and no error")
	}
	c.claims.Store(claims)
	if err := req.Rule.Allow(c, claims.Scopes()); err != nil {
		return denied(req.Rule, claims, err)
	}
	return nil
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

// outcome fills in what the claims and the error say.
func (e *Event) outcome(claims *Claims, err error) {
	e.Claims = claims
	if claims != nil {
		e.Issuer = claims.configured
	}
	if err == nil {
		return
	}
	e.Err = err
	refusal := asError(err)
	e.Reason = refusal.Reason
	if e.Issuer == "" {
		e.Issuer = refusal.issuer
	}
}

var (
	errSeveral    = &Error{Reason: InvalidRequest, Err: errors.New("several Authorization values")}
	errNoBearer   = &Error{Reason: NoToken}
	errNotOneText = &Error{Reason: InvalidRequest, Err: errors.New("the credentials are not the Bearer scheme, a space and one token")}
)

const scheme = "Bearer"

// credentials returns the token of the Authorization values (RFC 6750, section
// 2.1; RFC 9110, section 11.4): the scheme in any case, spaces, one token and
// nothing else.
func credentials(values []string) (string, *Error) {
	if len(values) > 1 {
		return "", errSeveral
	}
	if len(values) == 0 || values[0] == "" {
		return "", errNoBearer
	}
	value := values[0]
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
	if !isB64Token(token) {
		return "", errNotOneText
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
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-' || c == '.' || c == '_' || c == '~' || c == '+' || c == '/':
		default:
			return false
		}
	}
	return text != ""
}

// isTokenChar reports whether c is a tchar of RFC 9110, section 5.6.2.
func isTokenChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
