package bearer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/jwks"
)

// Explain answers why a request is refused, or let through: it makes the same
// decision as [Decide], and then every check by itself instead of stopping at the
// first that fails. It is for operators, not for clients, whom the answer is not
// meant for, and not for every request.
//
// Observers are told nothing. The hooks of the configuration and the functions of
// the rule are called as on a request, and some of them twice; for a token whose
// signature is not valid they are not. Keys are asked for as on a request: with a
// fixed *[jwks.Set] nothing leaves the machine. Of a [Verifier] that is not of this
// package the verdict is explained, and not its checks.
func Explain(ctx context.Context, v Verifier, req Request) *Explanation {
	x := &Explanation{Time: time.Now()}
	d := decision{verifier: v, req: req, observed: true}
	d.own, _ = v.(verifier)
	if req.Rule.IsPublic() {
		x.Checks = []Check{{Name: "rule", State: Passed, Want: "nothing", Got: "the route is public: no token is looked at"}}
		return x
	}
	d.decide(ctx)
	if _, err := d.settle(ctx); err != nil {
		refusal := asError(err)
		x.Reason = refusal.Reason
		if refusal.Err != nil {
			x.Detail = quote.Line(refusal.Err.Error())
		}
	}
	e := explainer{decision: &d, x: x, now: x.Time}
	if err := safely(func() error { e.explain(ctx); return nil }); err != nil {
		// A KeySet or a Verifier of somebody else: what was found until then stays.
		x.Checks = append(x.Checks, Check{
			Name: "verifier", Section: fmt.Sprintf("%T", v), State: Failed, Want: "whatever it asks for",
			Got: quote.Line(asError(err).Err.Error()), Reason: Internal,
		})
	}
	return x
}

// explainer is one explanation under way.
type explainer struct {
	decision *decision
	x        *Explanation
	now      time.Time

	v       *JWTVerifier // whose token it is, or nil
	t       *token
	genuine bool // the signature is valid
	decoded bool // the claims are of their types
}

// explain makes every check. Each part needs what came before to be readable, not
// to be right.
func (e *explainer) explain(ctx context.Context) {
	raw, refusal := credentials(e.decision.req.Authorization)
	if refusal == nil && !isB64Token(raw) {
		refusal = errNotOneText
	}
	e.add("credentials", "RFC 6750, section 2.1", refusal)
	if refusal != nil {
		if e.x.Reason == "" {
			e.waive() // no token, and the rule is optional
		}
		return
	}
	if e.decision.own == nil {
		e.foreign(ctx)
		return
	}
	e.t = newToken()
	defer e.t.free()
	if !e.read(raw) {
		return
	}
	if refusal = e.decision.own.route(e.t); refusal == nil {
		e.v = e.t.by
		e.x.Issuer, e.x.Profile = e.v.issuer, e.v.profile.name
	}
	e.add("issuer", "RFC 9068, section 4", refusal)
	if e.v == nil {
		return
	}
	e.add("algorithm", "RFC 8725, section 3.1", e.v.checkAlgorithm(e.t))
	e.accept()
	e.key(ctx)
	e.hooks(ctx)
	e.rule(ctx)
}

// read reads the parts of a token, each by itself, and reports whether there is a
// header and a claims set.
func (e *explainer) read(raw string) bool {
	t := e.t
	refusal := t.load(raw)
	e.add("form", "RFC 7515, section 7.1", refusal)
	if refusal != nil {
		return false
	}
	dot := len(t.parts.Header)
	noHeader := t.readHeader(t.raw[:dot], nil)
	if noHeader != nil {
		t.header = nil
	} else {
		e.x.KeyID, e.x.Algorithm, e.x.Type = quote.Escape(t.header.Kid), quote.Escape(t.header.Alg), quote.Escape(t.header.Typ)
	}
	e.add("header", "RFC 7515, section 4; RFC 8725, section 3.10", noHeader)
	noClaims := t.readClaims(t.raw[dot+1 : len(t.parts.Signed)])
	e.add("claims set", "RFC 7519, section 7.2", noClaims)
	if noClaims == nil {
		said := Event{Claims: &t.entry.Claims}
		e.x.ClientID, e.x.TokenID = quote.Escape(said.ClientID()), quote.Escape(said.TokenID())
	}
	e.add("signature encoding", "RFC 7515, section 5.2", t.readSignature(t.raw[len(t.parts.Signed)+1:]))
	return noHeader == nil && noClaims == nil
}

// accept makes the checks of the verdict's own table.
func (e *explainer) accept() {
	for _, c := range acceptance {
		if c.decoded && !e.decoded {
			e.skip(c.name, c.section, "the claims are not of their types")
			continue
		}
		refusal := c.run(e.v, e.t, e.now)
		if c.name == "claim types" {
			e.decoded = refusal == nil
		}
		e.add(c.name, c.section, refusal)
	}
	if said := (Event{Claims: &e.t.entry.Claims}); e.decoded {
		e.x.ClientID = quote.Escape(said.ClientID())
	}
	p := profileError{form: form{e.t.header, &e.t.entry.Claims, e.t.iss}, verifier: e.v}
	if !p.fitting(e.v.profile) && e.v.profile.forbiddenIn(e.t.header) == "" {
		e.x.Fits = p.fits()
	}
}

// key looks for the key and checks the signature.
func (e *explainer) key(ctx context.Context) {
	h := e.t.header
	keys, err := e.v.keys.Lookup(h.Kid, h.Alg)
	if err != nil && e.x.Reason != UnknownKey && e.x.Reason != KeysUnavailable {
		// The verdict found one, by asking for it, or did not come so far.
		keys, err = e.v.keys.Key(ctx, h.Kid, h.Alg)
	}
	var refusal *Error
	if err != nil {
		refusal = &Error{Reason: KeysUnavailable, Err: err}
		if errors.Is(err, jwks.ErrUnknownKey) {
			refusal.Reason = UnknownKey
		}
	}
	e.add("key", "RFC 7515, section 4.1.4", refusal)
	switch {
	case len(keys) == 0 || e.v.methods[h.Alg] == nil || e.t.signature == nil:
		e.skip("signature", "RFC 7515, section 5.2", "there is no key, algorithm or signature to check it with")
		return
	case e.v.signer(e.t, keys) != nil:
		e.genuine = true
	default:
		refusal = refuse(BadSignature, "not valid under the issuer's key %q", quote.Cut(h.Kid))
	}
	e.add("signature", "RFC 7515, section 5.2", refusal)
}

// hooks asks Config.Custom and Config.Validate.
func (e *explainer) hooks(ctx context.Context) {
	c := &e.t.entry.Claims
	for _, hook := range []struct {
		name string
		call func() error
	}{
		{"custom claims", func() (err error) {
			if e.v.custom != nil {
				c.custom, err = e.v.custom([]byte(c.members.Text()))
			}
			return err
		}},
		{"validation", func() error {
			if e.v.validate != nil {
				return e.v.validate(ctx, c)
			}
			return nil
		}},
	} {
		section := "Config.Custom"
		if hook.name == "validation" {
			section = "Config.Validate"
		}
		if !e.genuine || !e.decoded {
			e.skip(hook.name, section, "the token is not genuine, so that hooks are not asked about it")
			continue
		}
		var refusal *Error
		if err := safely(hook.call); err != nil {
			refusal = hookError(err)
		}
		e.add(hook.name, section, refusal)
	}
}

// safely makes an error of a panic in a hook.
func safely(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
	}()
	return call()
}

// rule judges the scopes, also of a token that is not good otherwise.
func (e *explainer) rule(ctx context.Context) {
	const section = "RFC 6750, section 3.1"
	rule, c := e.decision.req.Rule, &e.t.entry.Claims
	switch {
	case !e.decoded:
		e.skip("rule", section, "the claims are not of their types")
	case rule.HasFunc() && !e.genuine:
		e.skip("rule", section, "the token is not genuine, so that functions of the rule are not asked about it")
	default:
		var refusal *Error
		if err := safely(func() error {
			if denial := rule.Allow(NewContext(ctx, c), c.scopes); denial != nil {
				refusal = denied(rule, c, denial)
			}
			return nil
		}); err != nil {
			refusal = asError(err)
		}
		e.add("rule", section, refusal)
		if refusal != nil && refusal.Reason == MissingScope && rule.IsReportOnly() {
			e.waive()
		}
	}
}

// foreign is for verifiers of somebody else: one check, which is theirs.
func (e *explainer) foreign(ctx context.Context) {
	refusal := e.decision.refusal
	if e.decision.claims != nil {
		refusal = nil // of the rule
	}
	e.add("verifier", fmt.Sprintf("%T", e.decision.verifier), refusal)
	if c := e.decision.claims; c != nil {
		e.t, e.genuine, e.decoded = &token{entry: &entry{Claims: *c}}, true, true
		e.rule(ctx)
	}
}

// add adds a check with what came of it.
func (e *explainer) add(name, section string, refusal *Error) {
	c := Check{Name: name, Section: section, State: Passed}
	c.Want, c.Got = e.tell(name)
	if refusal != nil {
		c.State, c.Reason, c.Advice = Failed, refusal.Reason, e.advise(name, refusal.Reason)
		if c.Got == "" && refusal.Err != nil {
			c.Got = quote.Line(refusal.Err.Error())
		}
	}
	if c.Got == "" {
		c.Got = "as it must be"
	}
	e.x.Checks = append(e.x.Checks, c)
}

// waive is for the check that the mode of the rule waives.
func (e *explainer) waive() {
	e.x.Checks[len(e.x.Checks)-1].State = Waived
}

func (e *explainer) skip(name, section, why string) {
	want, _ := e.tell(name)
	e.x.Checks = append(e.x.Checks, Check{Name: name, Section: section, State: Skipped, Want: want, Got: why})
}

// paths prints claims as configurations name them.
func paths(of []claimPath) []string {
	names := make([]string, len(of))
	for i, path := range of {
		names[i] = path.String()
	}
	return slices.Clip(names)
}
