package bearer

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/bearerkit/bearer/scopes"
)

// Request is what a guard knows about a request.
type Request struct {
	// Transport is the guard's: "http", "grpc" or another short constant.
	Transport string
	// Route is the pattern that Rule was declared with, for observers.
	Route string
	// Authorization is the values of all Authorization fields, as received.
	Authorization []string
	// Rule is what the route asks for. The zero Rule denies.
	Rule scopes.Rule
	// Observer is told the outcome. Nil: the Verifier is told, if it is an [Observer].
	Observer Observer
}

// Decide is the whole decision on a request, the same for every transport: credentials,
// token, rule. If the request may pass, it returns a context with the caller's claims.
// For a public rule it returns ctx itself and tells nobody. Otherwise it returns an error
// that holds an *[Error]. It never panics. Guards of other transports can be built on it.
func Decide(ctx context.Context, v Verifier, req Request) (allowed context.Context, err error) {
	if req.Rule.IsPublic() {
		return ctx, nil
	}
	defer func() {
		// A panic of an observer ends this request only, and never lets it pass.
		if p := recover(); p != nil {
			allowed, err = nil, panicked(p)
		}
	}()
	d := decision{verifier: v, own: ownOf(v), req: req}
	if d.watched() {
		d.start = time.Now() // or else the clock is read only for a token that is looked up
	}
	d.decide(ctx)
	allowed, refusal := d.settle(ctx)
	if d.refusal != nil || d.watched() {
		d.tell(ctx, refusal)
	}
	if refusal != nil {
		return nil, refusal.out()
	}
	return allowed, nil
}

// decision is one request on its way to an answer.
type decision struct {
	verifier Verifier
	own      ownVerifier // verifier, if it is one of this package
	req      Request
	start    time.Time // zero: not measured

	call       *call        // nil until credentials were found
	inner      innerVerdict // of a verifier of this package that verifier asked
	claims     *Claims
	remembered bool
	refusal    *Error // of the token or the rule, before the rule's mode is applied
}

// watched reports whether anybody may be told of a request that is let through.
func (d *decision) watched() bool {
	return d.req.Observer != nil || d.own == nil || d.own.observing()
}

// settle applies the mode of the rule and returns the answer: a context or the refusal. A
// mode can waive the verdict of its own rule and a
// missing token, and nothing else.
func (d *decision) settle(ctx context.Context) (context.Context, *Error) {
	switch rule := d.req.Rule; {
	case d.refusal == nil && d.claims == nil:
		// A hook that calls panic(nil) ends here if GODEBUG has panicnil=1.
		return nil, refuse(Internal, "no claims and no refusal")
	case d.refusal == nil:
		return d.call, nil
	case d.refusal.withoutToken() && rule.IsOptional():
		return d.enter(ctx), nil
	case d.refusal.Reason == MissingScope && rule.IsReportOnly() && d.claims != nil:
		return d.call, nil
	}
	return nil, d.refusal
}

// withoutToken reports whether the request has no bearer credentials. It compares by
// identity: a hook that returns NoToken had credentials to judge.
func (e *Error) withoutToken() bool { return e == errNoField || e == errNoScheme || e == errNoBearer }

// enter makes the context of the request.
func (d *decision) enter(ctx context.Context) *call {
	d.call = &call{Context: ctx}
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
	if err := d.req.Rule.Allow(d.call, d.claims.Scopes()); err != nil { //nolint:contextcheck // the call is made of ctx
		d.refusal = denied(d.req.Rule, d.claims, err)
		if d.claims.verifier != nil {
			d.refusal.issuer = d.claims.verifier.issuer
		}
	}
}

// verifyOwn asks a verifier of this package. The alphabet check is skipped for decoded
// tokens: base64url is a subset of it.
func (d *decision) verifyOwn(ctx context.Context, raw string) {
	t := newToken()
	defer t.free()
	d.claims, d.refusal = t.judge(d.own, raw, d.start, func() context.Context { return d.enter(ctx) }) //nolint:contextcheck // the call is made of ctx
	if d.start.IsZero() {
		d.start = t.now
	}
	if d.remembered = t.remembered; d.refusal != nil && !t.decodedAll && !isB64Token(raw) {
		d.refusal = errNotOneText
	}
}

// verify asks a verifier of another package, which may ask one of this package in turn.
func (d *decision) verify(ctx context.Context, raw string) {
	if !isB64Token(raw) {
		d.refusal = errNotOneText
		return
	}
	c := d.enter(ctx)
	c.wrapped.Store(true)
	defer c.wrapped.Store(false)
	claims, err := d.verifier.Verify(c, raw) //nolint:contextcheck // the call is made of ctx
	d.inner = c.innerOf(claims)
	switch {
	case err != nil:
		d.refusal = asError(err)
		if d.refusal.issuer == "" && d.inner.claims != nil { // the wrapper refuses what the verifier accepts
			d.refusal.issuer, d.refusal.unverified = d.inner.claims.verifier.issuer, d.inner.claims
		}
	case claims == nil:
		d.refusal = refuse(Internal, "the verifier returned no claims and no error")
	default:
		d.claims = claims
	}
}

// denied makes an *Error of a rule's verdict. A function of the rule may have given a
// reason of its own.
func denied(rule scopes.Rule, claims *Claims, err error) *Error {
	if !rule.IsZero() && rule.Err() != nil {
		return &Error{Reason: Internal, Err: err}
	}
	e := &Error{Reason: MissingScope, Err: err}
	if d, ok := errors.AsType[*scopes.DeniedError](err); ok {
		e.Missing, e.ours = d.Missing, d.Err == nil
		// A reason that a function gives weighs more than a missing scope: a mode must not
		// waive it.
		given := asError(d.Err)
		if d.Err != nil && given.Reason != MissingScope && (given.Reason != Internal || errors.Is(d.Err, Internal)) {
			return given
		}
		if len(d.Missing) > 0 {
			e.Err = claims.explainMissing(err)
		}
	}
	return e
}

var (
	errSeveral    = sharedRefusal(InvalidRequest, errors.New("several Authorization values"))
	errNoField    = sharedRefusal(NoToken, errors.New("no Authorization field"))
	errNoScheme   = sharedRefusal(NoToken, errors.New("the Authorization field has a token and no scheme: it must be Bearer, a space and the token"))
	errNoBearer   = sharedRefusal(NoToken, errors.New("the Authorization field is of another scheme than Bearer"))
	errNotOneText = sharedRefusal(InvalidRequest, errors.New("the credentials are not the Bearer scheme, a space and one token"))
)

const scheme = "Bearer"

// credentials returns the token of the Authorization values (RFC 6750, section 2.1; RFC
// 9110, section 11.4): the scheme in any case, spaces, and the token. The caller checks
// the token's alphabet with isB64Token.
func credentials(values []string) (string, *Error) {
	if len(values) > 1 {
		return "", errSeveral
	}
	if len(values) == 0 || values[0] == "" {
		return "", errNoField
	}
	value := values[0]
	if token, ok := strings.CutPrefix(value, scheme+" "); ok && token != "" && token[0] != ' ' && len(token) <= maxToken {
		return token, nil // the usual form
	}
	if len(value) > maxToken+2*len(scheme) && strings.EqualFold(value[:len(scheme)], scheme) && !isTokenChar(value[len(scheme)]) {
		return "", errTooLong // without reading it
	}
	if len(value) < len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme) {
		return "", otherScheme(value)
	}
	rest := value[len(scheme):]
	if rest != "" && isTokenChar(rest[0]) {
		return "", otherScheme(value) // another scheme that begins like ours
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

// otherScheme judges credentials of another scheme, or of none: there is no bearer token,
// unless a list hides one behind the other scheme.
func otherScheme(value string) *Error {
	if value[0] == ' ' || value[0] == '\t' {
		return errNotOneText
	}
	if len(value) > maxToken {
		return errNoBearer
	}
	if strings.Count(value, ".") == 2 && strings.IndexByte(value, ' ') < 0 {
		return errNoScheme // a JWT, as it seems
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
