package bearer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bearerkit/bearer/internal/claim"
	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// suggestProfile adds to a refusal which other profiles of this package would take the
// token: a wrong profile is the most frequent mistake of a first configuration. It is
// called for genuine tokens only.
func (v *JWTVerifier) suggestProfile(t *token, e *Error) *Error {
	if e.Reason != WrongType && e.Reason != WrongAudience && e.Reason != InvalidClaims {
		return e
	}
	if v.profile.forbiddenIn(t.header) != "" {
		return e // the token is for another service, whatever the profile
	}
	form := form{t.header, t.claims(), t.iss} // t does not outlive the request
	e.Err = &profileError{err: e.Err, form: form, verifier: v, audience: e.Reason == WrongAudience}
	return e
}

// form is a token as a profile sees it.
type form struct {
	header *jws.Header
	claims *Claims
	iss    string
}

// profileError is a refusal that names the profiles which would take the token.
// It looks for them when somebody reads it: whoever sends genuine tokens of a
// wrong form again and again costs no more than their verification.
type profileError struct {
	err      error
	form     form
	verifier *JWTVerifier
	audience bool // the audience is what was wrong
}

func (e *profileError) Unwrap() error { return e.err }

func (e *profileError) Error() string {
	names := e.fits()
	if len(names) == 0 {
		return e.err.Error()
	}
	return e.err.Error() + "; the token has the form of profile " + strings.Join(names, " or ") + ": see Config.Profile"
}

// fits returns the names of the other profiles of whose form the token is: of
// those that read all its scopes and its client, if there are any.
func (e *profileError) fits() []string {
	var names, best []string
	for _, p := range known() {
		if p.name == e.verifier.profile.name || !e.fitting(p) {
			continue
		}
		names = append(names, p.name)
		if p.reads(e.form.claims) {
			best = append(best, p.name)
		}
	}
	if best != nil {
		return best
	}
	return names
}

// fitting reports whether the verifier would take the token if p were its profile. It
// ignores the times, and a wrong audience unless that was the refusal: a configuration
// with one mistake often has a second one.
func (e *profileError) fitting(p *profile) bool {
	v, f := *e.verifier, e.form
	v.profile = p
	t, now := &token{header: f.header, iss: f.iss, verifier: &v, entry: &entry{Value: verified{Claims: *f.claims}}}, time.Now()
	for i := range checks {
		if checks[i].stage != ofClaims {
			continue
		}
		err := checks[i].ask(t, now)
		if err != nil && err.Reason != Expired && err.Reason != NotYetValid && (err.Reason != WrongAudience || e.audience) {
			return false
		}
	}
	return p.audienceOf(f.claims) != "" && p.knowsKind(f.claims) && p.whyNotIssuer(f.iss) == ""
}

// knowsKind reports whether p looks at the claims by which the token's kind can be
// told. An ID token of Cognito's ("token_use": "id") fits many a profile that
// never heard of it, and to name one would be bad advice.
func (p *profile) knowsKind(c *Claims) bool {
	for _, other := range known() {
		for _, kind := range other.values {
			if _, ok := strictjson.String(kind.path.In(&c.members)); !ok {
				continue
			}
			if !slices.ContainsFunc(p.values, func(own claimValues) bool { return own.path.String() == kind.path.String() }) {
				return false
			}
		}
	}
	return true
}

// reads reports whether p knows the claims in which this token has its scopes,
// its roles and its client.
func (p *profile) reads(c *Claims) bool {
	for _, name := range []string{"scope", "scp", "scopes", "roles", "permissions"} {
		if _, ok := c.Value(name); ok && !names(p.scopes, name) && !names(p.roles, name) {
			return false
		}
	}
	client := false
	for _, name := range []string{"client_id", "azp", "appid", "cid"} {
		if _, ok := c.Value(name); ok {
			if names(p.clientID, name) {
				return true
			}
			client = true
		}
	}
	return !client
}

// names reports whether one of the paths is this claim.
func names(paths []claim.Path, name string) bool {
	return slices.ContainsFunc(paths, func(path claim.Path) bool { return path.Is(name) })
}

// explainMissing adds to the refusal of a token for a missing scope what the token has
// instead: other scopes, scopes in a claim that the profile does not read, or roles.
func (c *Claims) explainMissing(err error) error {
	if c.scopes.Len() > 0 {
		return fmt.Errorf("%w; the token grants %q", err, quote.CutAll(slices.Collect(c.scopes.All())))
	}
	for _, name := range []string{"scope", "scp", "scopes"} {
		if v, ok := c.Value(name); ok && len(v) > len(`""`) && string(v) != "null" {
			return fmt.Errorf("%w; nothing in the claim %q is a scope to the profile: see Config.Profile.Scopes", err, name)
		}
	}
	if len(c.roles) > 0 {
		return fmt.Errorf("%w; the token has roles, which are no scopes: a rule asks for them by HasRole", err)
	}
	return fmt.Errorf("%w; the token grants none", err)
}

// issuerAdvice is what may be the matter with an "iss" that is not the issuer's.
type issuerAdvice struct {
	verifier *JWTVerifier
	iss      string
}

// String returns a clause for the end of a sentence, or "".
func (a issuerAdvice) String() string {
	want := a.verifier.issuer
	if a.iss == want+"/" || a.iss+"/" == want {
		return ": the slash at the end counts"
	}
	if why := a.verifier.profile.whyNotIssuer(a.iss); why != "" {
		return ": " + why
	}
	return ""
}

// neighbour is an "iss" that is nobody's, and perhaps almost somebody's.
type neighbour struct {
	table *routes
	iss   string
}

// String returns a clause for the end of a sentence, or "".
func (n neighbour) String() string {
	other, slash := strings.CutSuffix(n.iss, "/")
	if !slash {
		other += "/"
	}
	if _, ok := n.table.exact[other]; ok {
		return fmt.Sprintf(", and %q is: the slash at the end counts", other)
	}
	return ""
}

// addressee is whom a token is for, as a profile sees it.
type addressee struct {
	profile *profile
	claims  *Claims
}

// String returns which claims are not there, and the one that is with its value.
func (a addressee) String() string {
	var absent []string
	for _, path := range a.profile.audience {
		value := path.In(&a.claims.members)
		if value == "" || emptyArray(value) {
			absent = append(absent, strconv.Quote(path.String()))
			continue
		}
		text := fmt.Sprintf("%q is %v", path, excerpt(value))
		if absent != nil {
			text = "there is no " + strings.Join(absent, " nor ") + ", " + text
		}
		return text
	}
	return "there is no " + strings.Join(absent, " nor ")
}

// known is the profiles of this package, resolved once.
//
//nolint:gochecknoglobals // computed once, from constants in all but name
var known = sync.OnceValue(func() []*profile {
	resolved := make([]*profile, len(builtIn))
	for i, row := range builtIn {
		resolved[i], _ = Profile(row.make()).resolve()
	}
	return resolved
})
