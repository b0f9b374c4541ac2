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
	"github.com/bearerkit/bearer/internal/strictjson"
)

// suggestProfile changes the detail of a refusal. The new detail names the profiles of
// this package that accept the token. A wrong profile is the most frequent mistake in a
// new configuration. The function is called after the signature was verified, and while there
// are no keys. If there are keys and the signature was not verified, a forged token must not
// write advice into the log.
func (v *JWTVerifier) suggestProfile(t *token, e *Error) *Error {
	if e.Reason != WrongType && e.Reason != WrongAudience && e.Reason != InvalidClaims {
		return e
	}
	if v.profile.forbiddenIn(t.header) != "" {
		return e // the token is for a different service, so there is no profile to suggest
	}
	form := tokenForm{t.header, t.claims(), t.iss} // the error must not keep t, because a later request reuses t
	e.Err = &profileError{err: e.Err, form: form, verifier: v, audience: e.Reason == WrongAudience, proved: t.proved}
	return e
}

// tokenForm holds the parts of a token that profiles read.
type tokenForm struct {
	header *jws.Header
	claims *claimSet
	iss    string
}

// profileError is the detail of a refusal. Its text names the profiles that accept the
// token. Error searches for these profiles only when a caller reads the text. A client that
// keeps sending correctly signed tokens of the wrong form therefore causes no extra work.
type profileError struct {
	err      error
	form     tokenForm
	verifier *JWTVerifier
	audience bool // the reason of the refusal is WrongAudience
	proved   bool // the signature was verified
}

func (e *profileError) Unwrap() error { return e.err }

func (e *profileError) Error() string {
	names := e.suggestions()
	if len(names) == 0 {
		return e.err.Error()
	}
	text := "; the token has the form of profile "
	if !e.proved {
		text = "; the signature is not verified, because there are no keys yet; if the token is genuine, it has the form of profile "
	}
	return e.err.Error() + text + profilesText(names) + ": see Config.Profile"
}

// profilesText formats the names of profiles that accept a token. The profile for all other servers
// is the last, because its tokens have no mark of a product. The profile for JWT-SVIDs needs a
// different issuer too.
func profilesText(names []string) string {
	const others, svid = "Plain JWT", "SPIFFE"
	var products []string
	for _, name := range names {
		switch name {
		case others:
		case svid:
			products = append(products, svid+" (with the trust domain as Config.Issuer)")
		default:
			products = append(products, name)
		}
	}
	text := strings.Join(products, " or ")
	switch {
	case len(products) == len(names):
		return text
	case text == "":
		return others
	}
	return text + ", or, if the server is none of these products, " + others
}

// suggestions returns the names of the profiles that accept the token, except the
// configured profile. If some of these profiles read the scopes, the roles and the client
// of the token, suggestions returns only the names of these better profiles.
func (e *profileError) suggestions() []string {
	var names, best []string
	for _, p := range resolvedProfiles() {
		if p.name == e.verifier.profile.name || !e.acceptedWith(p) {
			continue
		}
		names = append(names, p.name)
		if p.readsGrants(e.form.claims) {
			best = append(best, p.name)
		}
	}
	if best != nil {
		return best
	}
	return names
}

// acceptedWith reports whether the verifier accepts the token if p is the profile of the
// verifier. It ignores the times of the token. It checks the audience only if the reason
// of the refusal is WrongAudience. For other reasons, it ignores a wrong audience, because
// a configuration with a wrong profile often has a wrong audience too.
func (e *profileError) acceptedWith(p *profile) bool {
	v, f := *e.verifier, e.form
	if f.iss == "" && !p.spiffe {
		return false // every other profile requires "iss"
	}
	v.profile = p
	t, now := &token{header: f.header, iss: f.iss, verifier: &v, entry: entryOf(f.claims)}, time.Now()
	for i := range checks {
		if checks[i].stage != ofClaims {
			continue
		}
		err := checks[i].run(t, now)
		if err != nil && err.Reason != Expired && err.Reason != NotYetValid && (err.Reason != WrongAudience || e.audience) {
			return false
		}
	}
	return p.audienceOf(f.claims) != "" && p.checksKind(f.claims) && p.wrongIssuerText(f.iss) == ""
}

// checksKind reports whether p checks the kind of the token. The profiles of this package
// identify access tokens by the claims in RequiredValues. If the token has a claim that any
// of these profiles checks, p must check this claim too. For example, "token_use" is "id"
// in an ID token of Cognito. Without checksKind, the advice for this ID token may name a
// profile that ignores "token_use" and so accepts ID tokens.
func (p *profile) checksKind(c *claimSet) bool {
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

// readsGrants reports whether p reads the claims of the token that hold scopes, roles and
// the client identifier.
func (p *profile) readsGrants(c *claimSet) bool {
	for _, name := range []string{"scope", "scp", "scopes", "roles", "permissions"} {
		if _, ok := c.value(name); ok && !includesClaim(p.scopes, name) && !includesClaim(p.roles, name) {
			return false
		}
	}
	client := false
	for _, name := range []string{"client_id", "azp", "appid", "cid"} {
		if _, ok := c.value(name); ok {
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

// issuerAdvice formats the probable mistake if the token is not from the configured issuer.
type issuerAdvice struct {
	verifier *JWTVerifier
	iss      string
	svid     bool // the result of token.isSVID
}

// String returns a text to append to the refusal. If no mistake is probable, it returns "".
func (a issuerAdvice) String() string {
	want := a.verifier.issuer
	if a.iss == want+"/" || a.iss+"/" == want {
		return ": the slash at the end must be the same"
	}
	if why := a.verifier.profile.wrongIssuerText(a.iss); why != "" {
		return ": " + why
	}
	return svidText(a.svid)
}

// unknownIssuerAdvice formats the name of a configured issuer that differs from iss only
// by a slash at the end.
type unknownIssuerAdvice struct {
	table *routes
	iss   string
	svid  bool // the result of token.isSVID
}

// String returns a text to append to the refusal. If there is no such issuer, it returns "".
func (n unknownIssuerAdvice) String() string {
	other, slash := strings.CutSuffix(n.iss, "/")
	if !slash {
		other += "/"
	}
	if _, ok := n.table.exact[other]; ok {
		return fmt.Sprintf("; compare it with the configured issuer %q: the slash at the end must be the same", other)
	}
	return svidText(n.svid)
}

// audienceText formats the audience claims of a token as a profile reads them.
type audienceText struct {
	profile *profile
	claims  *claimSet
}

// String returns the first audience claim that the token has, with the value of the claim.
// If earlier claims of Profile.Audience are absent, the text also lists their names.
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
	return "the token has no " + strings.Join(absent, " and no ") + a.claims.hints(a.profile.audience)
}

// hint returns the hint for a path if the token does not have the claim.
func (c *claimSet) hint(path *claim.Path) claim.Hint {
	if path.In(&c.members) != "" {
		return claim.Hint{}
	}
	return claim.Hint{Path: path}
}

// hints returns the hints for those paths whose claims the token does not have.
func (c *claimSet) hints(paths []claim.Path) string { return claim.Hints(paths, &c.members) }

// ownProfile returns the profile that decoded the claims. It returns an empty profile for claims
// that [Profile.Claims] made, because such claims do not keep their profile.
func (c *claimSet) ownProfile() *profile {
	if c.verifier == nil {
		return &profile{}
	}
	return c.verifier.profile
}

// resolvedProfiles returns the profiles of this package. The first call resolves the
// profiles, and later calls return the same result.
//
//nolint:gochecknoglobals // computed once, and the same for all verifiers
var resolvedProfiles = sync.OnceValue(func() []*profile {
	resolved := make([]*profile, len(builtIn))
	for i, row := range builtIn {
		resolved[i], _ = Profile(row.make()).resolve()
	}
	return resolved
})
