package bearer

import "time"

// check is one thing that must be so for a token to be accepted.
type check struct {
	name    string // as Explain calls it
	section string
	run     func(v *JWTVerifier, t *token, now time.Time) *Error
	// decoded says that run looks at claims that "claim types" fills in.
	decoded bool
}

// acceptance is all that does not depend on the signature, in the order of the
// verdict. Explain runs the same ones, so that it cannot know better.
//
//nolint:gochecknoglobals // a table of functions
var acceptance = [...]check{
	{name: "type", section: "RFC 9068, section 4; RFC 8725, section 3.11", run: func(v *JWTVerifier, t *token, _ time.Time) *Error {
		return v.profile.checkType(t.header)
	}},
	{name: "claims in the header", section: "RFC 7519, section 5.3", run: func(_ *JWTVerifier, t *token, _ time.Time) *Error {
		return checkReplicated(t.header, &t.entry.Claims)
	}},
	{name: "claim types", section: "RFC 7519, section 4.1", run: func(v *JWTVerifier, t *token, _ time.Time) *Error {
		return v.decode(t)
	}},
	{name: "expiry", section: "RFC 7519, section 4.1.4", decoded: true, run: func(_ *JWTVerifier, t *token, now time.Time) *Error {
		return t.entry.checkExpiry(now)
	}},
	{name: "not before", section: "RFC 7519, section 4.1.5", decoded: true, run: func(_ *JWTVerifier, t *token, now time.Time) *Error {
		return t.entry.checkNotBefore(now)
	}},
	{name: "issued at", section: "RFC 7519, section 4.1.6", decoded: true, run: func(_ *JWTVerifier, t *token, now time.Time) *Error {
		return t.entry.checkIssuedAt(now)
	}},
	{name: "lifetime", section: "Config.MaxLifetime", decoded: true, run: func(v *JWTVerifier, t *token, _ time.Time) *Error {
		return v.checkLifetime(&t.entry.Claims)
	}},
	{name: "age", section: "Config.MaxAge", decoded: true, run: func(v *JWTVerifier, t *token, now time.Time) *Error {
		return v.checkAge(&t.entry.Claims, now)
	}},
	{name: "audience", section: "RFC 9068, section 4; RFC 7519, section 4.1.3", run: func(v *JWTVerifier, t *token, _ time.Time) *Error {
		return v.checkAudience(t)
	}},
	{name: "binding", section: "RFC 7800, section 3.1", run: func(v *JWTVerifier, t *token, _ time.Time) *Error {
		return v.profile.checkConfirmation(&t.entry.Claims)
	}},
	{name: "required claims", section: "RFC 9068, section 2.2", run: func(v *JWTVerifier, t *token, _ time.Time) *Error {
		return v.checkRequired(&t.entry.Claims)
	}},
	{name: "claim values", section: "RFC 8725, section 3.12", run: func(v *JWTVerifier, t *token, _ time.Time) *Error {
		return v.profile.checkValues(&t.entry.Claims)
	}},
	{name: "kind of token", section: "RFC 8725, section 3.12", run: func(v *JWTVerifier, t *token, _ time.Time) *Error {
		return v.profile.checkForbidden(&t.entry.Claims)
	}},
}
