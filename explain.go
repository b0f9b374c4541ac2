package bearer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// Explain returns the decision about a request, with the result of every check. It makes
// the same decision as [Decide], and then runs every check, even if an earlier check
// failed. It stops before the last check only if no further check is possible, for example
// because the request has no token, the token cannot be decoded, or the issuer of the
// token is not configured.
//
// Explain is for operators. Do not show its result to clients, and do not call it on every
// request.
//
// Explain notifies no observer and writes no log. It calls Config.Custom, Config.Validate
// and the functions of the rule, as Decide does, and may call each function twice. If the
// signature of the token is invalid, Explain calls none of these functions.
//
// Explain may fetch keys, even for a token that Decide refuses without a fetch. If
// Config.Keys is a *[jwks.Set], Explain causes no traffic. If v is a [Verifier] of another
// package, the explanation has one check for the whole verdict of v.
func Explain(ctx context.Context, v Verifier, req Request) *Explanation {
	x := &Explanation{Time: time.Now()}
	d := decision{verifier: v, req: req, start: x.Time, dryRun: true}
	d.own = ownOf(v)
	if req.Rule.IsPublic() {
		x.Checks = []CheckResult{{Name: "rule", State: passed, Want: "nothing", Got: "the route is public, so the guard does not check tokens"}}
		return x
	}
	d.decide(ctx)
	if _, refusal := d.settle(ctx); refusal != nil {
		x.Reason = refusal.Reason
		if refusal.Err != nil {
			_ = callSafely(func() error { x.Detail = quote.Line(refusal.Err.Error()); return nil }) // the method Error may panic
		}
	}
	e := explainer{decision: &d, ctx: ctx, x: x, now: x.Time}
	if err := callSafely(func() error { e.runAll(); return nil }); err != nil {
		// A KeySet of another package panicked. The explanation keeps the results of the earlier
		// checks.
		x.Checks = append(x.Checks, CheckResult{
			Name: "verifier", Section: fmt.Sprintf("%T", v), State: failed, Want: "no panic",
			Got: quote.Line(refusalOf(err, Internal).Err.Error()), Reason: Internal,
		})
	}
	return x
}

// explainer is the state of one call of Explain.
type explainer struct {
	ctx      context.Context //nolint:containedctx // it is the context of the request
	decision *decision
	x        *Explanation
	now      time.Time

	raw       string       // the token in the credentials
	v         *JWTVerifier // the verifier of the token's issuer, or nil
	t         *token
	genuine   bool   // the signature is valid
	svid      bool   // the check of the signature leaves out a key for JWT-SVIDs
	denied    *Error // the refusal of the rule, if the rule was applied and denies the request
	decoded   bool   // the claims have the right types
	opaque    bool   // the header or the claims set cannot be read
	possessed bool   // the client has shown that it holds the key, or the token is not bound
	waives    bool   // the mode of the rule waives the current check
	end       bool   // no further check is possible
}

// runAll runs the checks in the order of the table. A check runs even if an earlier check
// failed, and may use the results of earlier checks.
func (e *explainer) runAll() {
	e.t = newToken()
	scratch := e.t
	defer scratch.free()
	for i := range checks {
		c := &checks[i]
		possible := !e.end || c.stage == ofRule && e.decision.req.Rule.IsZero() // the zero Rule denies every request
		if possible && e.isApplicable(c) {
			e.addResult(c)
		}
	}
	if e.v == nil {
		return
	}
	p := profileError{form: tokenForm{e.t.header, e.t.claims(), e.t.iss}, verifier: e.v}
	if !p.acceptedWith(e.v.profile) && e.v.profile.forbiddenIn(e.t.header) == "" {
		e.x.Fits = p.suggestions()
	}
}

// isApplicable reports whether a check applies to the verifier of this request.
func (e *explainer) isApplicable(c *check) bool {
	switch c.stage {
	case ofRequest, ofRule:
		return true
	case ofForeign:
		return e.decision.own == nil
	default:
		return e.decision.own != nil && (!c.ofBindings || len(e.decision.accepts()) > 0)
	}
}

// addResult runs one check and adds its result to the explanation.
func (e *explainer) addResult(c *check) {
	result := CheckResult{Name: c.name, Section: c.section, State: passed}
	var refusal *Error
	var why string
	switch {
	case c.needsClaims && !e.decoded:
		why = "the claims have wrong types, so this check is not possible"
	case c.explain != nil:
		refusal, why = c.explain(e)
	default:
		refusal = c.run(e.t, e.now)
	}
	if c.stage == ofForeign {
		result.Section = fmt.Sprintf("%T", e.decision.verifier)
	}
	e.fillIn(c)
	result.Want = c.want(e)
	switch {
	case why != "":
		result.State, result.Got = skipped, why
	case refusal != nil:
		result.State, result.Reason, result.Advice = failed, refusal.Reason, c.advice(e, refusal.Reason)
		if e.waives {
			result.State = waived
		}
		if result.Got = c.got(e); result.Got == "" && refusal.Err != nil {
			result.Got = quote.Line(refusal.Err.Error())
		}
	default:
		result.Got = c.got(e)
	}
	switch {
	case result.Got != "":
	case refusal == nil:
		result.Got = "as required"
	default:
		result.Got = "not as required"
	}
	e.waives = false
	e.x.Checks = append(e.x.Checks, result)
}

// fillIn sets the fields of the explanation whose values are known after the check c.
func (e *explainer) fillIn(c *check) {
	if e.decision.own == nil || e.t.entry == nil {
		return
	}
	unverified := Event{Claims: e.t.public()}
	switch c.stage {
	case ofForm:
		e.x.ClientID, e.x.TokenID = quote.Escape(unverified.ClientID()), quote.Escape(unverified.TokenID())
	case ofClaims:
		if e.t.decoded && !e.decoded {
			e.decoded, e.x.ClientID = true, quote.Escape(unverified.ClientID())
			e.t.claims().decodeGrants(e.v.profile, e.v.hierarchy)
		}
	default:
	}
}

// The methods below are the values of the field explain in the table of checks.

func (e *explainer) credentials() (*Error, string) {
	raw, used, refusal := credentials(e.decision.req.Authorization, e.decision.accepts())
	if refusal == nil && !isB64Token(raw) {
		refusal = notOneToken(e.decision.req.Authorization[0], used)
	}
	e.raw, e.end = raw, refusal != nil
	e.waives = e.end && e.x.Reason == "" // allowed, because the request has no token and the rule is optional
	return refusal, ""
}

// The method foreign returns the refusal by a verifier of another package, or nil.
func (e *explainer) foreign() (*Error, string) {
	c := e.decision.claims
	if c == nil {
		e.end = true
		return e.decision.refusal, ""
	}
	e.t = &token{entry: entryOf(c.all())}
	e.genuine, e.decoded = true, true
	return nil, "" // the verifier accepted the token, so only the rule can refuse the request
}

func (e *explainer) form() (*Error, string) {
	refusal := e.t.load(e.raw)
	e.end = refusal != nil
	return refusal, ""
}

func (e *explainer) header() (*Error, string) {
	t := e.t
	refusal := t.readHeader(t.raw[:len(t.parts.Header)], nil)
	if refusal != nil {
		t.header, e.opaque = nil, true
		return refusal, ""
	}
	e.x.KeyID, e.x.Algorithm, e.x.Type = quote.Escape(t.header.Kid), quote.Escape(t.header.Alg), quote.Escape(t.header.Typ)
	return nil, ""
}

func (e *explainer) claimsSet() (*Error, string) {
	t := e.t
	refusal := t.readClaims(t.raw[len(t.parts.Header)+1 : len(t.parts.Signed)])
	e.opaque = e.opaque || refusal != nil
	return refusal, ""
}

func (e *explainer) signatureEncoding() (*Error, string) {
	e.end = e.opaque
	return e.t.readSignature(e.t.raw[len(e.t.parts.Signed)+1:]), ""
}

func (e *explainer) issuer() (*Error, string) {
	refusal := e.decision.own.route(e.t)
	if e.v = e.t.verifier; refusal != nil || e.v == nil {
		e.end = true
		return refusal, ""
	}
	e.x.Issuer, e.x.Profile = e.v.issuer, e.v.profile.name
	return nil, ""
}

func (e *explainer) key() (*Error, string) {
	_, err := e.lookupKeys()
	if err == nil {
		return nil, ""
	}
	refusal := &Error{Reason: KeysUnavailable, Err: err}
	unavailable, _ := errors.AsType[*jwks.UnavailableError](err)
	switch {
	case unavailable != nil && unavailable.NotAsked, e.x.Reason == KeyNotAsked:
		refusal.Reason = KeyNotAsked
	case errors.Is(err, jwks.ErrUnknownKey):
		refusal.Reason = UnknownKey
	}
	return refusal, ""
}

// lookupKeys returns the keys for the token. It fetches no keys if Decide already tried to
// fetch keys for this token without success.
func (e *explainer) lookupKeys() ([]*jwks.Key, error) {
	h := e.t.header
	keys, err := e.v.keys.Lookup(h.Kid, h.Alg)
	if err != nil && e.x.Reason != UnknownKey && e.x.Reason != KeysUnavailable && e.x.Reason != KeyNotAsked {
		keys, err = e.v.keys.Key(e.ctx, h.Kid, h.Alg)
	}
	return keys, err
}

func (e *explainer) signature() (*Error, string) {
	keys, _ := e.lookupKeys() // the check "key" reports the error
	if len(keys) == 0 || e.v.methods[e.t.header.Alg] == nil || e.t.signature == nil {
		return nil, "the key, an accepted algorithm or the signature is missing, so the signature cannot be checked"
	}
	key, refusal := e.v.signer(e.t, keys)
	switch {
	case key != nil:
		e.genuine = true
	case refusal != nil:
	case e.x.Reason == KeyNotAsked:
		refusal = refuse(KeyNotAsked, "no key in memory with the kid %q verifies the signature, and the issuer was not asked for newer keys", quote.Cut(e.t.header.Kid))
	default:
		unused := unusedKeys{e.v.profile, [2][]*jwks.Key{keys}}.String()
		e.svid = unused != ""
		refusal = refuse(BadSignature, "the signature is not valid under the issuer's key %q%s", quote.Cut(e.t.header.Kid), unused)
	}
	return refusal, ""
}

func (e *explainer) custom() (*Error, string) {
	return e.hook(func(*Claims) (err error) {
		if c := e.t.claims(); e.v.custom != nil {
			c.custom, err = e.v.custom([]byte(c.members.Text()))
		}
		return err
	})
}

// The method possession repeats the check of the proof. Check gets DryRun, so that Explain does not
// use up the proof.
func (e *explainer) possession() (*Error, string) {
	if !e.genuine {
		return nil, "the signature was not verified, so the proof is not checked"
	}
	_, used, _ := credentials(e.decision.req.Authorization, e.decision.accepts())
	e.t.facts = e.decision.newFacts(e.raw, used)
	var refusal *Error
	if err := callSafely(func() error { refusal = e.t.showPossession(e.ctx); return nil }); err != nil {
		refusal = refusalOf(err, Internal)
	}
	e.possessed = refusal == nil
	return refusal, ""
}

func (e *explainer) validation() (*Error, string) {
	return e.hook(func(c *Claims) error {
		if e.v.validate == nil {
			return nil
		}
		return e.v.validate(e.ctx, c)
	})
}

func (e *explainer) hook(call func(*Claims) error) (*Error, string) {
	if !e.genuine || !e.decoded {
		return nil, "the signature was not verified or the claims have wrong types, so the function is not called"
	}
	if err := callSafely(func() error { return call(e.t.public()) }); err != nil {
		return hookError(err), ""
	}
	return nil, ""
}

// callSafely returns the error of call. If call panics, callSafely returns the panic as an
// error.
func callSafely(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicRefusal(p)
		}
	}()
	return call()
}

// The method rule applies the rule of the route, even if the token failed earlier checks.
func (e *explainer) rule() (refusal *Error, why string) {
	rule := e.decision.req.Rule
	switch {
	case rule.IsZero():
		return ruleRefusal(rule, nil, scopes.ErrNoRule), ""
	case !e.decoded:
		return nil, "the claims have wrong types, so the rule is not applied"
	case rule.HasFunc() && !e.genuine:
		return nil, "the signature was not verified, so the functions of the rule are not called"
	}
	c := e.t.public()
	if err := callSafely(func() error {
		if denial := rule.Allow(NewContext(e.ctx, c), c.Scopes()); denial != nil {
			refusal = ruleRefusal(rule, c, denial)
		}
		return nil
	}); err != nil {
		refusal = refusalOf(err, Internal)
	}
	e.denied = refusal
	e.waives = refusal != nil && refusal.Reason == MissingScope && rule.IsReportOnly()
	return refusal, ""
}
