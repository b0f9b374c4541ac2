package bearer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bearerkit/bearer/internal/claim"
	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/strictjson"
	"github.com/bearerkit/bearer/internal/tenant"
)

// skew is the maximum time by which "nbf" and "iat" may be in the future, because the
// issuer's clock may be ahead of this machine's clock. For "exp", there is no such time,
// because the issuer decides when the token expires. Config.Leeway is added to both.
const skew = 60 * time.Second

// checkAlgorithm requires an "alg" of Config.Algorithms (RFC 8725, section 3.1).
func checkAlgorithm(v *JWTVerifier, t *token) *Error {
	if v.methods[t.header.Alg] == nil {
		return refuse(WrongAlgorithm, "alg %q is not among the accepted algorithms (Config.Algorithms)", quote.Cut(t.header.Alg))
	}
	return nil
}

// checkType requires one of the profile's values of "typ" (RFC 9068, section 4).
func checkType(v *JWTVerifier, t *token) *Error {
	p, h := v.profile, t.header
	if name := p.forbiddenIn(h); name != "" {
		return refuse(WrongType, "header %q: %s", name, p.forbiddenHeader[name])
	}
	if slices.Contains(p.types, h.Media) && (h.Media != "" || !h.HasTyp) {
		return nil
	}
	return refuse(WrongType, "%v, want %v (profile %s)", typeText{h}, wantedTypes{p}, p.name)
}

// typeText formats the "typ" of a header. Like wantedTypes, it formats nothing until a caller
// reads the text of the refusal.
type typeText struct{ header *jws.Header }

// String returns the "typ", cut and quoted.
func (t typeText) String() string {
	if !t.header.HasTyp {
		return "the header has no typ"
	}
	return fmt.Sprintf("typ is %q", quote.Cut(t.header.Typ))
}

// wantedTypes formats the accepted values of "typ".
type wantedTypes struct{ profile *profile }

// String returns the list of the values.
func (w wantedTypes) String() string { return w.profile.typesText() }

// forbiddenIn returns the name of a header member that marks tokens issued for a different
// service. It returns "" if the header has no such member.
func (p *profile) forbiddenIn(h *jws.Header) string {
	for name := range p.forbiddenHeader {
		if h.Members.Lookup(name) != "" {
			return name
		}
	}
	return ""
}

// typesText returns the accepted values of "typ" as text.
func (p *profile) typesText() string {
	texts := make([]string, len(p.types))
	for i, typ := range p.types {
		if texts[i] = fmt.Sprintf("%q", typ); typ == "" {
			texts[i] = "none"
		}
	}
	return strings.Join(texts, " or ")
}

// checkReplicated checks "iss", "sub" and "aud" in the header (RFC 7519, section 5.3). If
// the header has one of these members, its value must equal the claim with the same name.
// Otherwise a router that reads the header may use a different issuer, subject or audience
// than this package. It does not compare a claim that is neither a string nor an array of
// strings: checkClaimTypes refuses such a "sub" or "aud" with an error that names the type,
// and no configured issuer equals such an "iss".
func checkReplicated(_ *JWTVerifier, t *token) *Error {
	for _, name := range [...]strictjson.Name{claimIss, claimSub, claimAud} {
		value, original := t.header.Members.Get(name), t.claims().members.Get(name)
		if value == "" || strictjson.SameTexts(value, original) {
			continue
		}
		if _, ok := new(claim.Texts).Find(original); ok || original == "" {
			return refuse(InvalidClaims, "header: %q differs from the claim with this name", name)
		}
	}
	return nil
}

// checkClaimTypes decodes the claims and checks the types of their values.
func checkClaimTypes(v *JWTVerifier, t *token) *Error {
	c := t.claims()
	var err *Error
	if t.audienceMatched, err = c.decode(v.profile, &v.audiences); err != nil {
		return err
	}
	t.decoded = true
	c.verifier = v
	if c.issuer = t.iss; v.template == nil {
		c.issuer = v.issuer // the issuer is Config.Issuer, even if "iss" is an alias
	}
	return nil
}

// checkExpiry requires "exp" plus Config.Leeway to be in the future.
func checkExpiry(v *JWTVerifier, t *token, now time.Time) *Error {
	switch c := t.claims(); {
	case c.expiresAt.IsZero() && c.members.Get(claimExp) == "":
		return refuse(InvalidClaims, `"exp" is required`)
	case !now.Before(c.expiresAt.Add(v.leeway)):
		return refuse(Expired, "exp was %v%v%v", date(c.expiresAt), leewayText(v.leeway), wrongClock{v, c.key, false})
	}
	return nil
}

// checkNotBefore refuses an "nbf" that is more than skew and Config.Leeway in the future.
func checkNotBefore(v *JWTVerifier, t *token, now time.Time) *Error {
	if notBefore := t.claims().notBefore.time(); notBefore.After(now) && notBefore.After(now.Add(skew+v.leeway)) {
		return refuse(NotYetValid, "nbf is %v, more than %v ahead of this machine's clock%v", date(notBefore), toleranceText(skew+v.leeway), wrongClock{v, t.claims().key, true})
	}
	return nil
}

// checkIssuedAt refuses an "iat" that is more than skew and Config.Leeway in the future.
func checkIssuedAt(v *JWTVerifier, t *token, now time.Time) *Error {
	if c := t.claims(); c.issuedAt.time().After(now) && c.issuedAt.time().After(now.Add(skew+v.leeway)) {
		return refuse(NotYetValid, "iat is %v, more than %v ahead of this machine's clock%v", date(c.issuedAt.time()), toleranceText(skew+v.leeway), wrongClock{v, c.key, true})
	}
	return nil
}

// checkLifetime enforces Config.MaxLifetime, and requires the "iat" that checkAge reads.
func checkLifetime(v *JWTVerifier, t *token) *Error {
	if v.maxLifetime == 0 && v.maxAge == 0 {
		return nil
	}
	c := t.claims()
	if c.issuedAt.time().IsZero() {
		return refuse(InvalidClaims, `"iat" is required, because Config.MaxLifetime or Config.MaxAge is set`)
	}
	if lifetime := c.expiresAt.Sub(c.issuedAt.time()); v.maxLifetime > 0 && lifetime > v.maxLifetime {
		return refuse(InvalidClaims, "the lifetime of the token is %v, and Config.MaxLifetime is %v", lifetime, v.maxLifetime)
	}
	return nil
}

// checkAge enforces Config.MaxAge.
func checkAge(v *JWTVerifier, t *token, now time.Time) *Error {
	if v.maxAge == 0 {
		return nil
	}
	if age := now.Sub(t.claims().issuedAt.time()); age > v.maxAge {
		return refuse(Expired, "the age of the token is %v, and Config.MaxAge is %v%v", age.Round(time.Second), v.maxAge, wrongClock{v, t.claims().key, false})
	}
	return nil
}

// The type date formats a time for logs.
type date time.Time

// String returns the time in UTC (RFC 3339).
func (d date) String() string { return time.Time(d).UTC().Format(time.RFC3339) }

// checkAudience requires one of Config.Audience in the audience claim. The audience claim
// is the first claim of Profile.Audience that the token has.
func checkAudience(v *JWTVerifier, t *token) *Error {
	c := t.claims()
	value := v.profile.audienceOf(c)
	matched := value != "" && t.audienceMatched
	if value != "" && (!t.decoded || value != c.members.Get(claimAud)) { // audienceMatched is only for the claim "aud"
		var ok bool
		if matched, ok = v.audiences.Find(value); !ok {
			return refuse(InvalidClaims, "the audience claim is neither a string nor an array of strings")
		}
	}
	if matched {
		return nil
	}
	return refuse(WrongAudience, "%v, want one of %v", audienceText{v.profile, c}, audienceList(v.audience))
}

// An audienceList formats the accepted audiences for logs. If the list is long, it formats only the
// first strings.
type audienceList []string

// String returns a list of the strings. Each string is quoted and cut.
func (l audienceList) String() string {
	text := fmt.Sprintf("%q", quote.CutAll(l))
	if n := len(l) - quote.MaxList; n > 0 {
		text += " and " + strconv.Itoa(n) + " more"
	}
	return text
}

// audienceOf returns the value of the first claim of Profile.Audience that the token has.
// It returns "" if the token has none of these claims. A claim that is an empty array
// counts as absent.
func (p *profile) audienceOf(c *claimSet) string {
	for _, path := range p.audience {
		if value := path.In(&c.members); value != "" && !emptyArray(value) {
			return value
		}
	}
	return ""
}

// emptyArray reports whether value is an array without elements. The text of value must not
// be empty.
func emptyArray(value string) bool {
	if value[0] != '[' {
		return false
	}
	for range strictjson.Elements(value) {
		return false
	}
	return true
}

// checkRequired requires the claims of Profile.Required and of Config.Required.
func checkRequired(v *JWTVerifier, t *token) *Error {
	c := t.claims()
	for i, path := range v.profile.required {
		if !c.hasClaim(path) {
			return refuse(InvalidClaims, "%q is required (profile %s)%v", path, v.profile.name, c.hint(&v.profile.required[i]))
		}
	}
	for i, path := range v.required {
		if !c.hasClaim(path) {
			return refuse(InvalidClaims, "%q is required (Config.Required)%v", path, c.hint(&v.required[i]))
		}
	}
	return nil
}

// checkValues enforces Profile.RequiredValues.
func checkValues(v *JWTVerifier, t *token) *Error {
	for i, want := range v.profile.requiredValues {
		value := want.path.In(&t.claims().members)
		if text, ok := strictjson.String(value); !ok || !slices.Contains(want.values, text) {
			return refuse(InvalidClaims, "%q is %v, want one of %q (profile %s)%v", want.path, excerpt(value), want.values, v.profile.name, t.claims().hint(&v.profile.requiredValues[i].path))
		}
	}
	return nil
}

// checkTenant enforces Config.Tenants.
func checkTenant(v *JWTVerifier, t *token) *Error {
	if c := t.claims(); v.tenants != nil && !v.tenants.Allows(&c.members) {
		return refuse(InvalidClaims, "tenant: %v, want one of %v (Config.Tenants)", tenantText{v.tenants, c}, v.tenants)
	}
	return nil
}

// tenantText formats the claims of a token that identify the tenant.
type tenantText struct {
	tenants *tenant.List
	claims  *claimSet
}

// String returns the names and the values of the claims.
func (x tenantText) String() string { return x.tenants.Values(&x.claims.members) }

// checkForbidden refuses tokens with a claim of Profile.Forbidden.
func checkForbidden(v *JWTVerifier, t *token) *Error {
	for _, path := range v.profile.forbidden {
		if path.In(&t.claims().members) != "" {
			return refuse(InvalidClaims, "%q marks a different kind of token, such as an ID token (profile %s)", path, v.profile.name)
		}
	}
	return nil
}

// checkConfirmation refuses a token that is bound to a client key in a way that no binding of the
// configuration is for (RFC 7800, section 3.1). A verifier that accepts such a token without proof of
// possession removes the protection of the binding (RFC 9449, section 7.2; RFC 8705, section 3). The
// proof itself depends on the request, so showPossession checks it.
func checkConfirmation(v *JWTVerifier, t *token) *Error {
	value := t.claims().members.Get(claimCnf)
	if value == "" {
		return nil
	}
	empty := true
	for name, confirmation := range strictjson.Members(value) {
		empty = false
		switch {
		case slices.Contains(v.profile.inertConfirmation, name):
		case v.bindingFor(name) == nil:
			return refuse(WrongBinding, `the token is bound to a client key by the "cnf" member %q, and Config.Bindings has no binding for it`, quote.Cut(name))
		default:
			if text, ok := strictjson.String(confirmation); !ok || text == "" {
				return refuse(WrongBinding, `the "cnf" member %q is not a string with at least one character`, quote.Cut(name))
			}
		}
	}
	if empty {
		return refuse(WrongBinding, `"cnf" is not an object with members`)
	}
	return nil
}

// pathNames returns the names of claims in the form that a Profile uses.
func pathNames(of []claim.Path) []string {
	names := make([]string, len(of))
	for i, path := range of {
		names[i] = path.String()
	}
	return names
}

// An excerpt formats a claim for logs. The claim is a string or an array of strings. If
// the array is long, an excerpt formats only its first strings.
type excerpt string

// String returns a list of the strings. Each string is quoted and cut.
func (e excerpt) String() string { return fmt.Sprintf("%q", quote.CutAll(stringsIn(string(e)))) }

// checkKeyKept requires that the issuer still publishes the key that signed a cached token.
func checkKeyKept(v *JWTVerifier, t *token, now time.Time) *Error {
	keys, err := v.lookup(t.header, now)
	if err != nil || !slices.Contains(keys, t.entry.Value.key) {
		return refuse(UnknownKey, "the issuer no longer publishes the key that signed the token")
	}
	return nil
}
