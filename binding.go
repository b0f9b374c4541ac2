package bearer

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/bearerkit/bearer/internal/strictjson"
)

// Binding is one way in which a token can be bound to a key of the client (RFC 7800), and the check
// that the client holds this key. The function New of package dpop returns the Binding of DPoP (RFC
// 9449). Config.Bindings lists the bindings that a verifier accepts.
type Binding struct {
	// Member is the member of "cnf" that holds the confirmation value, such as "jkt". Required.
	Member string
	// Scheme is the authentication scheme of requests with such a token, such as "DPoP". Names are
	// compared without regard to case. Required.
	Scheme string
	// Algorithms lists the algorithms of proofs, in the order of preference. Challenges contain the
	// list as "algs" (RFC 9449, section 7.1). Empty: challenges contain no "algs".
	Algorithms []string
	// Check returns nil if the request shows that the client holds the key. Required. The verifier
	// calls Check on every request with a token that is bound in this way, even if the token is
	// cached, after all other checks of the token and before Config.Validate. It must be safe for
	// concurrent use. If the error is or wraps a [Reason] or an *[Error], the refusal has the reason
	// of this error. Otherwise the reason is [InvalidProof]. A fault of this service must have the
	// reason [Unavailable] or [Internal]. The error must not contain the proof or the token.
	Check func(ctx context.Context, p Proof) error
}

// Proof is the input of Binding.Check.
type Proof struct {
	// Request has the facts of the request. Check must not change or keep it.
	Request *Request
	// Confirmation is the value of Binding.Member in "cnf". It is not empty. The signature of the
	// token is verified.
	Confirmation string
	// TokenHash is the SHA-256 hash of the token's text in base64url: the value that "ath" of a proof
	// must have (RFC 9449, section 4.2).
	TokenHash string
	// DryRun is true if [Explain] calls Check. Check must then give its verdict without remembering
	// that the proof was used.
	DryRun bool
	// SetNonce sets the nonce that the response to an allowed request contains, for the next proof of
	// this client (RFC 9449, section 8.2). A refusal has Error.Nonce instead. SetNonce must be called
	// before Check returns. It may be nil.
	SetNonce func(nonce string)
}

func (v *JWTVerifier) accepting() []Binding { return v.accepts }

// Accepts returns the bindings with which this verifier accepts tokens: Config.Bindings, and before
// them a Binding that has only the Scheme "Bearer" if tokens without a binding are accepted too. It
// is for challenges and for the metadata of a protected resource (RFC 9728, section 2). The result
// is nil if Config.Bindings is empty. Do not change its elements. A [Verifier] of another package
// that wraps a *JWTVerifier should have this method too. Without it, a guard refuses bound tokens.
func (v *JWTVerifier) Accepts() []Binding { return slices.Clip(v.accepts) }

// newAccepts returns the field accepts for a configuration.
func (cfg *Config) newAccepts() []Binding {
	if len(cfg.Bindings) == 0 {
		return nil
	}
	var all []Binding
	if !cfg.RequireBound {
		all = append(all, Binding{Scheme: scheme})
	}
	for _, b := range cfg.Bindings {
		b.Algorithms = slices.Clone(b.Algorithms)
		if beginsWith(b.Scheme, scheme) {
			b.Scheme = scheme
		}
		for _, other := range all { // one spelling for each scheme, so that == compares schemes
			if strings.EqualFold(other.Scheme, b.Scheme) {
				b.Scheme = other.Scheme
			}
		}
		all = append(all, b)
	}
	return all
}

// checkBindings returns the faults of Config.Bindings and Config.RequireBound.
func (cfg *Config) checkBindings() (errs []error) {
	if cfg.RequireBound && len(cfg.Bindings) == 0 {
		errs = append(errs, errors.New("Config.RequireBound: requires Config.Bindings, because without bindings every bound token is refused"))
	}
	for i, b := range cfg.Bindings {
		bad := func(what string) {
			errs = append(errs, fmt.Errorf("Config.Bindings[%d]: %s", i, what))
		}
		switch {
		case b.Member == "" || b.Scheme == "" || b.Check == nil:
			bad("Member, Scheme and Check are required; package dpop makes a Binding")
		case !isToken(b.Scheme):
			bad(fmt.Sprintf("Scheme: %q is not the name of a scheme", b.Scheme))
		case slices.ContainsFunc(b.Algorithms, func(alg string) bool { return !isToken(alg) }):
			bad(fmt.Sprintf("Algorithms: %q contains a text that is not the name of an algorithm", b.Algorithms))
		case slices.ContainsFunc(cfg.Bindings[:i], func(other Binding) bool { return other.Member == b.Member }):
			bad(fmt.Sprintf("there are two bindings for the member %q of cnf", b.Member))
		case slices.Contains(cfg.Profile.InertConfirmation, b.Member):
			bad(fmt.Sprintf("Profile.InertConfirmation says that the member %q of cnf does not bind the token", b.Member))
		}
	}
	return errs
}

// isToken reports whether s is a token of RFC 9110, section 5.6.2, so that a challenge can contain it.
func isToken(s string) bool {
	return s != "" && !slices.ContainsFunc([]byte(s), func(c byte) bool { return !isTokenChar(c) })
}

// bindingFor returns the binding for a member of "cnf", or nil.
func (v *JWTVerifier) bindingFor(member string) *Binding {
	for i := range v.accepts {
		if b := &v.accepts[i]; b.Member == member && member != "" {
			return b
		}
	}
	return nil
}

// BoundTo returns the confirmation value of a member of "cnf" to which the verifier has checked that
// the token is bound: for "jkt", the thumbprint of the client's key (RFC 7638). It returns "" if the
// token is not bound in this way, or if Config.Bindings has no binding for the member. If a guard has
// allowed the request, the client has shown that it holds the key. The same key can have tokens of
// several issuers, so use the thumbprint together with Issuer.
func (c *Claims) BoundTo(member string) string {
	set := c.all()
	if set.verifier == nil || set.verifier.bindingFor(member) == nil {
		return ""
	}
	value, _ := strictjson.String(set.confirmation(member))
	return value
}

// The method confirmation returns the JSON text of a member of "cnf", or "".
func (c *claimSet) confirmation(member string) string {
	if cnf := c.members.Get(claimCnf); cnf != "" {
		for name, value := range strictjson.Members(cnf) {
			if name == member {
				return value
			}
		}
	}
	return ""
}

// facts are what a guard knows about a request, for the check of possession.
type facts struct {
	Request
	token  string // the token in the Authorization value
	scheme string // the scheme of the Authorization value
	dryRun bool   // Explain makes the decision
	home   *call  // the call that was allocated together with the facts; nil if newCall has used it

	// A verifier of another package may verify the token in several goroutines.
	shown atomic.Bool            // possession was shown
	nonce atomic.Pointer[string] // for the response; set by Binding.Check
}

// accepter is a verifier that tells the guard how its tokens can be bound.
type accepter interface{ Accepts() []Binding }

// accepts returns how the verifier of d accepts tokens. Nil means unbound tokens only.
func (d *decision) accepts() []Binding {
	if d.own != nil {
		return d.own.accepting()
	}
	if v, ok := d.verifier.(accepter); ok {
		return v.Accepts()
	}
	return nil
}

// newFacts returns the facts for the check of possession. It returns nil if the verifier needs none.
func (d *decision) newFacts(token, scheme string) *facts {
	if len(d.accepts()) == 0 {
		return nil
	}
	own := &struct { // one allocation for both
		facts
		call
	}{facts: facts{Request: d.req, token: token, scheme: scheme, dryRun: d.dryRun}}
	own.home = &own.call
	return &own.facts
}

// showPossession refuses a token if its binding, the scheme of the request and the proof in the
// request do not fit each other (RFC 9449, section 7; RFC 8705, section 3). It runs on every
// request, also for a cached token.
func (t *token) showPossession(ctx context.Context) *Error {
	v, f := t.verifier, t.facts
	if v.accepts == nil && (f == nil || f.scheme == scheme) {
		return nil
	}
	used := scheme
	if f != nil {
		used = f.scheme
	}
	bound, want := t.bindings()
	switch {
	case bound == nil && used != scheme:
		return refuse(WrongBinding, "the scheme of the request is %s, but the token is not bound to a client key", used)
	case bound == nil && v.requireBound:
		return refuse(WrongBinding, "the token is not bound to a client key, and Config.RequireBound requires a bound token")
	case bound == nil:
		return nil
	case f == nil || f.Method == "":
		return refuse(WrongBinding, "the token is bound to a client key, and there are no facts of a request: bearer.Request has no Method, the verifier was called without a guard, or a verifier of another package without a method Accepts wraps this one")
	case used != want:
		return refuse(WrongBinding, "the token is bound to a client key by %q, and the scheme of the request is %s, want %s", bound[0].binding.Member, used, want)
	}
	return t.checkProofs(ctx, f, bound)
}

// confirmed is a binding and the confirmation value in the token.
type confirmed struct {
	binding *Binding
	value   string
}

// bindings returns the bindings of the token, and the scheme that a request with the token must
// have: the scheme that is not Bearer, if there is one.
func (t *token) bindings() (bound []confirmed, want string) {
	cnf := t.claims().members.Get(claimCnf)
	if cnf == "" {
		return nil, ""
	}
	want = scheme
	for name, value := range strictjson.Members(cnf) {
		if b := t.verifier.bindingFor(name); b != nil {
			text, _ := strictjson.String(value)
			bound = append(bound, confirmed{b, text})
			if b.Scheme != scheme {
				want = b.Scheme
			}
		}
	}
	return bound, want
}

// checkProofs calls the checks of the bindings. It does not call them again if an outer guard of the
// same request, or the opening of the same stream, has called them.
func (t *token) checkProofs(ctx context.Context, f *facts, bound []confirmed) *Error {
	if f.wasShownIn(ctx) {
		f.shown.Store(true)
		return nil
	}
	hash := sha256.Sum256([]byte(f.token))
	proof := Proof{
		Request: &f.Request, TokenHash: base64.RawURLEncoding.EncodeToString(hash[:]), DryRun: f.dryRun,
		SetNonce: func(nonce string) { f.nonce.Store(&nonce) },
	}
	for _, c := range bound {
		proof.Confirmation = c.value
		if err := c.binding.Check(ctx, proof); err != nil {
			return refusalOf(err, InvalidProof)
		}
	}
	f.shown.Store(true)
	return nil
}

// wasShownIn reports whether the context of the request says that possession was shown for the same
// token by the same proof in the same request. Two guards may check one request, and a guard checks
// an open stream again. Without wasShownIn, the second check refuses the proof as a replay.
func (f *facts) wasShownIn(ctx context.Context) bool {
	if f.shown.Load() {
		return true
	}
	for c := callOf(ctx); c != nil; c = callOf(c.Context) { //nolint:contextcheck // it is an outer context of ctx
		other := c.facts
		if other != nil && other.shown.Load() && other.token == f.token && other.scheme == f.scheme &&
			other.Method == f.Method && other.Host == f.Host && other.Path == f.Path &&
			slices.Equal(other.Proofs, f.Proofs) && other.Certificate == f.Certificate {
			return true
		}
	}
	return false
}

// callOf returns the innermost call in ctx, or nil.
func callOf(ctx context.Context) *call {
	c, ok := ctx.(*call)
	if !ok {
		c, _ = ctx.Value(callKey{}).(*call)
	}
	return c
}

// withAccepts returns the refusal with the schemes that the verifier accepts, for the challenges.
func (d *decision) withAccepts(e *Error) *Error {
	accepts := d.accepts()
	if accepts == nil && d.inner.verifier != nil {
		accepts = d.inner.verifier.accepting()
	}
	if len(accepts) == 0 {
		return e
	}
	own := *e
	own.Accepts, own.Scheme = accepts, d.scheme
	if e.shared != nil {
		own.shared = nil
		own.shared = &sharedError{own}
	}
	return &own
}
