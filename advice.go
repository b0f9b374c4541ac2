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

// suggestProfile adds to a refusal the names of the profiles of this package that accept
// the token, because a wrong profile is the most frequent mistake in a new configuration.
// It is called only after the signature was verified.
func (v *JWTVerifier) suggestProfile(t *token, e *Error) *Error {
	if e.Reason != WrongType && e.Reason != WrongAudience && e.Reason != InvalidClaims {
		return e
	}
	if v.profile.forbiddenIn(t.header) != "" {
		return e // no profile accepts the token, because it is for another service
	}
	form := form{t.header, t.claims(), t.iss} // a copy, because t is reused after the request
	e.Err = &profileError{err: e.Err, form: form, verifier: v, audience: e.Reason == WrongAudience}
	return e
}

// form has the parts of a token that profiles read.
type form struct {
	header *jws.Header
	claims *Claims
	iss    string
}

// profileError is a refusal that names the profiles that accept the token. It searches for
// these profiles only when its text is read, so that a client that keeps sending genuine
// tokens of the wrong form causes no extra work.
type profileError struct {
	err      error
	form     form
	verifier *JWTVerifier
	audience bool // the token was refused for its audience
}

func (e *profileError) Unwrap() error { return e.err }

func (e *profileError) Error() string {
	names := e.fits()
	if len(names) == 0 {
		return e.err.Error()
	}
	return e.err.Error() + "; the token has the form of profile " + strings.Join(names, " or ") + ": see Config.Profile"
}

// fits returns the names of the other profiles that accept the token. If some of these
// profiles read all scopes, the roles and the client of the token, it returns only their
// names.
func (e *profileError) fits() []string {
	var names, best []string
	for _, p := range resolvedProfiles() {
		if p.name == e.verifier.profile.name || !e.accepts(p) {
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

// accepts reports whether the verifier accepts the token if p is its profile. It ignores
// the times. It also ignores a wrong audience, unless the token was refused for its
// audience: a configuration with one mistake often has a second mistake.
func (e *profileError) accepts(p *profile) bool {
	v, f := *e.verifier, e.form
	v.profile = p
	t, now := &token{header: f.header, iss: f.iss, verifier: &v, entry: &entry{Value: verified{Claims: *f.claims}}}, time.Now()
	for i := range checks {
		if checks[i].stage != ofClaims {
			continue
		}
		err := checks[i].run(t, now)
		if err != nil && err.Reason != Expired && err.Reason != NotYetValid && (err.Reason != WrongAudience || e.audience) {
			return false
		}
	}
	return p.audienceOf(f.claims) != "" && p.checksKind(f.claims) && p.wrongIssuerReason(f.iss) == ""
}

// checksKind reports whether p checks every claim of the token that another profile uses to
// identify access tokens. Otherwise the advice for an ID token of Cognito ("token_use":
// "id") may name a profile that ignores "token_use" and accepts ID tokens.
func (p *profile) checksKind(c *Claims) bool {
	for _, other := range resolvedProfiles() {
		for _, kind := range other.requiredValues {
			if _, ok := strictjson.String(kind.path.In(&c.members)); !ok {
				continue
			}
			if !slices.ContainsFunc(p.requiredValues, func(own claimValues) bool { return own.path.String() == kind.path.String() }) {
				return false
			}
		}
	}
	return true
}

// reads reports whether p reads the scopes, the roles and the client of the token from the
// claims that hold them.
func (p *profile) reads(c *Claims) bool {
	for _, name := range []string{"scope", "scp", "scopes", "roles", "permissions"} {
		if _, ok := c.Value(name); ok && !includesClaim(p.scopes, name) && !includesClaim(p.roles, name) {
			return false
		}
	}
	client := false
	for _, name := range []string{"client_id", "azp", "appid", "cid"} {
		if _, ok := c.Value(name); ok {
			if includesClaim(p.clientID, name) {
				return true
			}
			client = true
		}
	}
	return !client
}

// includesClaim reports whether one of the paths is the top-level claim with this name.
func includesClaim(paths []claim.Path, name string) bool {
	return slices.ContainsFunc(paths, func(path claim.Path) bool { return path.Is(name) })
}

// explainMissing adds to a refusal for a missing scope what the token has instead: other
// scopes, a claim in which the profile finds no scopes, or roles.
func (c *Claims) explainMissing(err error) error {
	if c.scopes.Len() > 0 {
		return fmt.Errorf("%w; the token grants %q", err, quote.CutAll(slices.Collect(c.scopes.All())))
	}
	for _, name := range []string{"scope", "scp", "scopes"} {
		if v, ok := c.Value(name); ok && len(v) > len(`""`) && string(v) != "null" {
			return fmt.Errorf("%w; the token has the claim %q, but the profile finds no scopes in it: see Config.Profile.Scopes", err, name)
		}
	}
	if len(c.roles) > 0 {
		return fmt.Errorf("%w; the token has roles, which are not scopes: to require a role, use HasRole", err)
	}
	return fmt.Errorf("%w; the token grants no scopes", err)
}

// issuerAdvice formats the probable reason why the token has another issuer.
type issuerAdvice struct {
	verifier *JWTVerifier
	iss      string
}

// String returns a text to append to the refusal, or "".
func (a issuerAdvice) String() string {
	want := a.verifier.issuer
	if a.iss == want+"/" || a.iss+"/" == want {
		return ": the slash at the end must be the same"
	}
	if why := a.verifier.profile.wrongIssuerReason(a.iss); why != "" {
		return ": " + why
	}
	return ""
}

// unknownIssuerAdvice formats the configured issuer that differs from iss only by a slash
// at the end, if there is such an issuer.
type unknownIssuerAdvice struct {
	table *routes
	iss   string
}

// String returns a text to append to the refusal, or "".
func (n unknownIssuerAdvice) String() string {
	other, slash := strings.CutSuffix(n.iss, "/")
	if !slash {
		other += "/"
	}
	if _, ok := n.table.exact[other]; ok {
		return fmt.Sprintf(", but %q is: the slash at the end must be the same", other)
	}
	return ""
}

// audienceText formats the audience claims of a token as a profile reads them.
type audienceText struct {
	profile *profile
	claims  *Claims
}

// String returns the names of the claims that are absent, and the first present claim with
// its value.
func (a audienceText) String() string {
	var absent []string
	for _, path := range a.profile.audience {
		value := path.In(&a.claims.members)
		if value == "" || emptyArray(value) {
			absent = append(absent, strconv.Quote(path.String()))
			continue
		}
		text := fmt.Sprintf("%q is %v", path, excerpt(value))
		if absent != nil {
			text = "the token has no " + strings.Join(absent, " and no ") + ", and " + text
		}
		return text
	}
	return "the token has no " + strings.Join(absent, " and no ")
}

// resolvedProfiles returns the profiles of this package. It resolves them once.
//
//nolint:gochecknoglobals // computed once, and the same for all verifiers
var resolvedProfiles = sync.OnceValue(func() []*profile {
	resolved := make([]*profile, len(builtIn))
	for i, row := range builtIn {
		resolved[i], _ = Profile(row.make()).resolve()
	}
	return resolved
})
