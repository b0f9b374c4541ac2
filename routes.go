package bearer

import (
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// The method route sets t.verifier to the verifier of the issuer in the token. The order is
// important: "iss" comes before the trust domain in "sub", because every issuer can write any
// "sub".
func (r *routes) route(t *token) *Error {
	if t.verifier = r.exact[t.iss]; t.verifier != nil {
		return nil
	}
	for _, v := range r.templates {
		if v.issuerMatches(t) {
			t.verifier = v
			return nil
		}
	}
	if len(r.domains) > 0 {
		if t.verifier = r.domains[t.domain()]; t.verifier != nil {
			return nil
		}
	}
	if t.hasIssOfWrongType() {
		return t.annotate(refuse(WrongIssuer, issOfWrongType))
	}
	if len(r.domains) > 0 && t.isSVID() {
		return t.annotate(refuse(WrongIssuer, "%v, and its trust domain is not a configured issuer", subjectText{t.claims()}))
	}
	return t.annotate(refuse(WrongIssuer, "iss %q is not a configured issuer%v", quote.Cut(t.iss), unknownIssuerAdvice{r, t.iss, t.isSVID()}))
}

// takesOver reports whether a verifier takes precedence over the verifier of a cached token. This
// verifier may have been added after the token was cached.
func (r *routes) takesOver(t *token) bool {
	if t.verifier.template == nil && t.verifier.domain == "" {
		return false
	}
	iss, _ := strictjson.String(t.claims().members.Get(claimIss))
	if r.exact[iss] != nil {
		return true
	}
	if t.verifier.domain != "" {
		for _, v := range r.templates {
			if v.template.Matches(iss, t.tenant) {
				return true
			}
		}
	}
	return false
}
