package bearer

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// skew is how far the issuer's clock may be ahead of ours, for "nbf" and "iat".
// "exp" has no leeway: it is the issuer's word on when to stop.
const skew = 60 * time.Second

// acceptable checks all that does not depend on the signature: acceptance. It
// fills in the claims. It may be called twice on one token.
func (v *JWTVerifier) acceptable(t *token, now time.Time) *Error {
	for i := range acceptance {
		if err := acceptance[i].run(v, t, now); err != nil {
			return err
		}
	}
	return nil
}

// checkAlgorithm wants "alg" to be one that was configured (RFC 8725, section
// 3.1).
func (v *JWTVerifier) checkAlgorithm(t *token) *Error {
	if v.methods[t.header.Alg] == nil {
		return refuse(WrongAlgorithm, "%q is not among the accepted algorithms", quote.Cut(t.header.Alg))
	}
	return nil
}

// decode fills in the claims.
func (v *JWTVerifier) decode(t *token) *Error {
	c := &t.entry.Claims
	var err *Error
	if t.named, err = c.decode(v.profile, v.audience); err != nil {
		return err
	}
	t.decoded = true
	if len(v.hierarchy) > 0 {
		c.scopes = v.hierarchy.Expand(c.scopes)
	}
	c.by = v
	if c.issuer = t.iss; v.template == nil {
		c.issuer = v.issuer // where the token has an alias of it
	}
	return nil
}

func (p *profile) checkType(h *jws.Header) *Error {
	if name := p.forbiddenIn(h); name != "" {
		return refuse(WrongType, "header %q: %s", name, p.forbiddenHeader[name])
	}
	if slices.Contains(p.types, h.Media) && (h.Media != "" || !h.HasTyp) {
		return nil
	}
	got := "none"
	if h.HasTyp {
		got = fmt.Sprintf("%q", quote.Cut(h.Typ))
	}
	return refuse(WrongType, "typ is %s, and profile %s wants %s", got, p.name, p.typesText())
}

// forbiddenIn returns the member of the header that makes the token of use to
// somebody else only, or "".
func (p *profile) forbiddenIn(h *jws.Header) string {
	for name := range p.forbiddenHeader {
		if h.Members.Lookup(name) != "" {
			return name
		}
	}
	return ""
}

// checkReplicated wants claims that the header repeats to be the same there (RFC
// 7519, section 5.3): whoever routed the token by its header must not have seen
// another one.
func checkReplicated(h *jws.Header, c *Claims) *Error {
	for _, name := range [...]strictjson.Name{claimIss, claimSub, claimAud} {
		value := h.Members.Get(name)
		if value == "" {
			continue
		}
		repeated, claim := jsontext.Value(value), jsontext.Value(c.members.Get(name))
		if len(claim) == 0 || repeated.Canonicalize() != nil || claim.Canonicalize() != nil || string(repeated) != string(claim) {
			return refuse(InvalidClaims, "header: %q is not what the claims say", name)
		}
	}
	return nil
}

func (p *profile) typesText() string {
	texts := make([]string, len(p.types))
	for i, typ := range p.types {
		if texts[i] = fmt.Sprintf("%q", typ); typ == "" {
			texts[i] = "none"
		}
	}
	return strings.Join(texts, " or ")
}

// checkTimes is the part of the verdict that the clock can change.
func (v *JWTVerifier) checkTimes(c *Claims, now time.Time) *Error {
	if err := c.checkExpiry(now); err != nil {
		return err
	}
	if err := c.checkNotBefore(now); err != nil {
		return err
	}
	if err := c.checkIssuedAt(now); err != nil {
		return err
	}
	if err := v.checkLifetime(c); err != nil {
		return err
	}
	return v.checkAge(c, now)
}

func (c *Claims) checkExpiry(now time.Time) *Error {
	switch {
	case c.expiresAt.IsZero() && c.members.Get(claimExp) == "":
		return refuse(InvalidClaims, `"exp" is required`)
	case !now.Before(c.expiresAt):
		return refuse(Expired, "at %v", date(c.expiresAt))
	}
	return nil
}

func (c *Claims) checkNotBefore(now time.Time) *Error {
	if c.notBefore.After(now) && c.notBefore.After(now.Add(skew)) {
		return refuse(NotYetValid, "nbf is %v", date(c.notBefore))
	}
	return nil
}

func (c *Claims) checkIssuedAt(now time.Time) *Error {
	if c.issuedAt.After(now) && c.issuedAt.After(now.Add(skew)) {
		return refuse(NotYetValid, "iat is %v", date(c.issuedAt))
	}
	return nil
}

func (v *JWTVerifier) checkLifetime(c *Claims) *Error {
	if v.maxLifetime == 0 && v.maxAge == 0 {
		return nil
	}
	if c.issuedAt.IsZero() {
		return refuse(InvalidClaims, `"iat" is required, since there is a maximum lifetime or age`)
	}
	if lifetime := c.expiresAt.Sub(c.issuedAt); v.maxLifetime > 0 && lifetime > v.maxLifetime {
		return refuse(InvalidClaims, "lifetime %v is over %v", lifetime, v.maxLifetime)
	}
	return nil
}

func (v *JWTVerifier) checkAge(c *Claims, now time.Time) *Error {
	if v.maxAge == 0 {
		return nil
	}
	if age := now.Sub(c.issuedAt); age > v.maxAge {
		return refuse(Expired, "%v old, and the maximum is %v", age.Round(time.Second), v.maxAge)
	}
	return nil
}

// date prints a time as logs have it.
type date time.Time

// String returns the time in UTC (RFC 3339).
func (d date) String() string { return time.Time(d).UTC().Format(time.RFC3339) }

// checkAudience wants one of our names in the first claim of the profile that
// says whom the token is for.
func (v *JWTVerifier) checkAudience(t *token) *Error {
	c := &t.entry.Claims
	// "aud" counts where the profile says so, and not where it says otherwise.
	value := v.profile.audienceOf(c)
	named := value != "" && t.named // which is of "aud"
	if value != "" && (!t.decoded || value != c.members.Get(claimAud)) {
		var ok bool
		if named, ok = findText(value, v.audience); !ok {
			return refuse(InvalidClaims, "what names the audience is neither a string nor an array of strings")
		}
	}
	if named {
		return nil
	}
	return refuse(WrongAudience, "%v, and want one of %q", addressee{v.profile, c}, v.audience)
}

// audienceOf returns the value of the first claim that says whom the token is
// for, or "". An empty array says nothing.
func (p *profile) audienceOf(c *Claims) string {
	for _, path := range p.audience {
		if value := path.in(&c.members); value != "" && !emptyArray(value) {
			return value
		}
	}
	return ""
}

func emptyArray(value string) bool {
	if value[0] != '[' {
		return false
	}
	for range strictjson.Elements(value) {
		return false
	}
	return true
}

// checkRequired wants the claims that the profile and the configuration require.
func (v *JWTVerifier) checkRequired(c *Claims) *Error {
	for _, path := range v.profile.required {
		if !c.has(path) {
			return refuse(InvalidClaims, "%q is required (profile %s)", path, v.profile.name)
		}
	}
	for _, path := range v.required {
		if !c.has(path) {
			return refuse(InvalidClaims, "%q is required (Config.Required)", path)
		}
	}
	return nil
}

// has reports whether the claim is there. Null and an empty text name nobody:
// accessors return them for a claim that is not there.
func (c *Claims) has(path claimPath) bool {
	value := path.in(&c.members)
	return value != "" && value != "null" && value != `""`
}

func (p *profile) checkValues(c *Claims) *Error {
	for _, want := range p.values {
		value := want.path.in(&c.members)
		if text, ok := strictjson.String(value); !ok || !slices.Contains(want.values, text) {
			return refuse(InvalidClaims, "%q is %v, and profile %s wants one of %q", want.path, excerpt(value), p.name, want.values)
		}
	}
	return nil
}

func (p *profile) checkForbidden(c *Claims) *Error {
	for _, path := range p.forbidden {
		if path.in(&c.members) != "" {
			return refuse(InvalidClaims, "%q marks another kind of token, such as an ID token (profile %s)", path, p.name)
		}
	}
	return nil
}

// checkConfirmation refuses a token that is bound to its sender (RFC 7800,
// section 3.1): to take it as a plain bearer token would be a downgrade (RFC
// 9449, section 7.2; RFC 8705, section 3).
func (p *profile) checkConfirmation(c *Claims) *Error {
	value := c.members.Get(claimCnf)
	if value == "" {
		return nil
	}
	bound := true
	for name := range strictjson.Members(value) {
		if !slices.Contains(p.inert, name) {
			return refuse(WrongBinding, `bound to its sender by "cnf" member %q, which is not supported`, quote.Cut(name))
		}
		bound = false
	}
	if bound {
		return refuse(WrongBinding, `"cnf" is not an object with members`)
	}
	return nil
}

// excerpt prints a string, or some of the strings of an array.
type excerpt string

// String returns them quoted, each of them cut.
func (e excerpt) String() string {
	return fmt.Sprintf("%q", quote.CutAll(texts(string(e))))
}
