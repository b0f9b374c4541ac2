package bearer

import (
	"context"
	"crypto/x509"
	"errors"
	"time"

	"github.com/bearerkit/bearer/scopes"
)

// Request is the input of [Decide]. Its printed form and its JSON form contain the numbers of the
// values of Authorization and of Proofs, but not the values, and neither the path nor the certificate. There are three limits. First, package fmt calls no
// methods for an unexported field. So do not print a struct of yours that has a Request in an
// unexported field. A *Request in such a field is safe with the verb %v. Second, package fmt calls
// no methods for %p and %w, which are not valid for a Request. So do not print a Request with these
// verbs; go vet reports them in constant formats. Third, a struct that embeds a Request is printed
// like the Request, without its other fields.
type Request struct {
	// Transport is a short constant that names the transport, such as "http" or "grpc".
	Transport string
	// Route is the pattern of the route to which Rule applies. Decide passes Route to the
	// observer in [Event].
	Route string
	// Authorization has the values of all Authorization header fields of the request, without
	// changes.
	Authorization []string
	// Method is the method of the request, as the client wrote it. Method, Scheme, Host, Path, Proofs
	// and Certificate are the facts of the request for Config.Bindings. Without bindings they have no
	// effect. A request without Method has no facts, and then every bound token is refused.
	Method string
	// Scheme is the scheme of the target URI: "https" if the connection uses TLS, and "http"
	// otherwise. It is "wss" or "ws" if the request opens a WebSocket.
	Scheme string
	// Host is the authority of the target URI, as the client sent it: the field Host of HTTP/1.1, or
	// ":authority".
	Host string
	// Path is the path of the target URI as the client wrote it, with its percent-encodings and
	// without the query: not URL.Path, which is decoded.
	Path string
	// Proofs has the values of all DPoP header fields of the request, without changes (RFC 9449,
	// section 4.1).
	Proofs []string
	// Certificate is the certificate of the client, from the TLS connection or from a configured
	// proxy. Nil: the client has shown none.
	Certificate *x509.Certificate
	// Rule is the rule of the route. The zero Rule denies every request.
	Rule scopes.Rule
	// NoRule explains why no rule applies to the request. It has an effect only if Rule is the
	// zero Rule. The detail of the refusal, which is for logs, then contains the text, even if
	// the token is missing or is refused for another reason. Guards of this module put at most
	// a part of the method and of the path into the text, and never the query. Your own guard
	// must escape and cut every value of the request. Of a longer text, only the first 512
	// bytes are kept. Empty: the detail says only that there is no rule, and only if the token
	// is valid.
	NoRule string
	// Decide notifies Observer of the outcome. If Observer is nil, Decide notifies its
	// argument v if v is an [Observer]. If v is not an Observer, Decide notifies the verifier
	// of this package that v calls; see [Verifier].
	Observer Observer
}

// Decide decides whether one request is allowed. It parses the credentials, verifies the
// token and applies the rule. The guards of all transports call Decide. You can also call
// Decide in your own guard.
//
// If the request is allowed, Decide returns a context from which [FromContext] gets the
// claims of the caller. The context has no claims if the rule is optional and the request
// has no token. If the rule is public, Decide returns ctx, does not read the token, and
// notifies no observer.
//
// If the request is refused, the error holds an *[Error]. Decide never panics. If the
// verifier, a function in the rule or an observer panics, Decide refuses the request with
// [Internal].
func Decide(ctx context.Context, v Verifier, req Request) (allowed context.Context, err error) {
	if req.Rule.IsPublic() {
		return ctx, nil
	}
	defer func() {
		// If an observer panics, only this request is refused.
		if p := recover(); p != nil {
			allowed, err = nil, panicRefusal(p)
		}
	}()
	d := decision{verifier: v, own: ownOf(v), req: req}
	if d.reportsAllowed() {
		d.start = time.Now() // for Event.Duration; if start is zero and the request has a token, prepare reads the clock
	}
	d.decide(ctx)
	allowed, refusal := d.settle(ctx)
	if d.refusal != nil || d.reportsAllowed() {
		d.report(ctx, refusal)
	}
	if refusal != nil {
		return nil, refusal.toCaller()
	}
	return allowed, nil
}

// decision is the state of one call of Decide.
type decision struct {
	verifier Verifier
	own      ownVerifier // the verifier if it is from this package; nil otherwise
	req      Request
	start    time.Time // zero if the duration is not measured

	scheme   string       // the scheme of the credentials; "" if there are none of an accepted scheme
	facts    *facts       // for the check of possession; nil if the verifier needs none
	dryRun   bool         // Explain makes the decision
	call     *call        // nil until newCall is called
	inner    innerVerdict // the verdict of the inner verifier, if there is one
	claims   *Claims
	cacheHit bool
	refusal  *Error // the refusal by the verifier or the rule; the mode of the rule may waive it
}

// reportsAllowed reports whether there may be an observer. Only an observer is notified of
// allowed requests.
func (d *decision) reportsAllowed() bool {
	return d.req.Observer != nil || d.own == nil || d.own.observing()
}

// settle applies the mode of the rule. It returns the context if the request is allowed,
// and the refusal otherwise. A mode can waive only two kinds of refusals: a missing token
// and a missing scope.
func (d *decision) settle(ctx context.Context) (context.Context, *Error) {
	switch rule := d.req.Rule; {
	case d.refusal == nil && d.claims == nil:
		// There is no verdict. For example, a hook called panic(nil), and GODEBUG has panicnil=1.
		return nil, d.refused(refuse(Internal, "the verifier, Config.Custom or Config.Validate ended without a result and may have called panic(nil)"))
	case d.refusal == nil:
		return d.call, nil
	case d.refusal.withoutToken() && rule.IsOptional():
		return d.newCall(ctx), nil
	case d.refusal.Reason == MissingScope && rule.IsReportOnly() && d.claims != nil:
		return d.call, nil
	}
	return nil, d.refused(d.refusal)
}

// The method refused returns the refusal for callers, with everything that depends on the request
// and on the configuration of the verifier.
func (d *decision) refused(e *Error) *Error { return d.withAccepts(d.explained(e)) }

// withoutToken reports whether the request has no bearer credentials. It does not only compare
// reasons, because a hook may return NoToken for a request that has credentials. A hook cannot
// return a shared refusal.
func (e *Error) withoutToken() bool { return e.shared != nil && e.Reason == NoToken && e != errEmpty }

// newCall creates the context of the request, stores it in d.call and returns it.
func (d *decision) newCall(ctx context.Context) *call {
	if d.facts != nil && d.facts.home != nil {
		d.call, d.facts.home = d.facts.home, nil
		d.call.Context, d.call.facts = ctx, d.facts
	} else {
		d.call = &call{Context: ctx, facts: d.facts}
	}
	return d.call
}

// decide sets d.claims if the token is valid, and d.refusal if the request is refused.
func (d *decision) decide(ctx context.Context) {
	defer func() {
		if p := recover(); p != nil {
			d.refusal = panicRefusal(p)
		}
	}()
	token, used, refusal := credentials(d.req.Authorization, d.accepts())
	if refusal != nil {
		d.refusal = refusal
		return
	}
	d.scheme = used
	d.facts = d.newFacts(token, used)
	if d.own != nil {
		d.verifyOwn(ctx, token)
	} else {
		d.verify(ctx, token)
	}
	if d.refusal != nil {
		return
	}
	d.call.claims.Store(d.claims)
	if err := d.req.Rule.Allow(d.call, d.claims.Scopes()); err != nil { //nolint:contextcheck // the call wraps ctx
		d.refusal = ruleRefusal(d.req.Rule, d.claims, err)
		if v := d.claims.all().verifier; v != nil {
			d.refusal.issuer = v.issuer
		}
	}
}

// verifyOwn verifies the token with a verifier of this package. If all parts of the token
// were decoded, verifyOwn skips the check of the alphabet, because every character of
// base64url is a valid character of a token.
func (d *decision) verifyOwn(ctx context.Context, raw string) {
	t := newToken()
	defer t.free()
	t.facts = d.facts
	d.claims, d.refusal = t.verify(d.own, raw, d.start, func() context.Context { return d.newCall(ctx) }) //nolint:contextcheck // the call wraps ctx
	if d.start.IsZero() {
		d.start = t.now
	}
	if d.cacheHit = t.cacheHit; d.refusal != nil && !t.decodedAll && !isB64Token(raw) {
		d.refusal = notOneToken(d.req.Authorization[0], d.scheme)
	}
}

// The method verify verifies the token with a verifier of another package. This verifier
// may call a verifier of this package.
func (d *decision) verify(ctx context.Context, raw string) {
	if !isB64Token(raw) {
		d.refusal = notOneToken(d.req.Authorization[0], d.scheme)
		return
	}
	c := d.newCall(ctx)
	c.wrapped.Store(true)
	defer c.wrapped.Store(false)
	claims, err := d.verifier.Verify(c, raw) //nolint:contextcheck // the call wraps ctx
	d.inner = c.innerOf(claims)
	switch {
	case err != nil:
		d.refusal = refusalOf(err, Internal)
		if d.refusal.issuer == "" && d.inner.claims != nil { // the inner verifier accepted the token
			d.refusal.issuer, d.refusal.unverified = d.inner.claims.all().verifier.issuer, d.inner.claims
		}
	case claims == nil:
		d.refusal = refuse(Internal, "the verifier returned no claims and no error")
	default:
		d.claims = claims
	}
}

// ruleRefusal returns the refusal for the error of a rule. If the error of a function in
// the rule contains a reason, the refusal has this reason.
func ruleRefusal(rule scopes.Rule, claims *Claims, err error) *Error {
	switch {
	case rule.IsZero():
		return &Error{Reason: MissingScope, Err: err, ownText: true}
	case rule.Err() != nil:
		// The text describes the declaration of the rule and contains nothing of the token.
		return &Error{Reason: Internal, Err: err, ownText: true}
	}
	e := &Error{Reason: MissingScope, Err: err}
	if d, ok := errors.AsType[*scopes.DeniedError](err); ok {
		e.Missing, e.Required, e.ownText = d.Missing, d.Required, d.Err == nil || isRuleText(d.Err)
		// The mode of the rule does not waive a refusal with a reason other than MissingScope.
		if given := refusalOf(d.Err, MissingScope); given.Reason != MissingScope {
			return given
		}
		if len(d.Missing) > 0 {
			e.Err = claims.all().explainMissing(err)
		}
	}
	return e
}
