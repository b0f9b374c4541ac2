package bearer

import "time"

// check is one row of the table of checks: what is checked, where the rule is from, and
// what an explanation says about it.
type check struct {
	name    string // of [CheckResult.Name]
	section string // of an RFC, or a field of Config
	stage   stage

	// A row has one of the following three. They say when it is asked.
	//
	// once looks at the token and the configuration only, so its verdict is remembered.
	// It gets no time: what depends on the time belongs into always.
	once func(v *JWTVerifier, t *token) *Error
	// always may depend on the time or on the issuer's keys. It is asked again of a
	// remembered token, on every request. It reads t.header and t.claims() only: the other
	// fields of a remembered token are not set.
	always func(v *JWTVerifier, t *token, now time.Time) *Error
	// explain is for rows that the verdict does not ask one by one: it repeats the step
	// of the verdict, and says in skipped why it could not.
	explain func(e *explainer) (refusal *Error, skipped string)

	// needsClaims: the row reads claims that the row "claim types" decodes.
	needsClaims bool

	// What an explanation says: what the check wants, what it got ("" if only its error can
	// say that), and what to do if it failed.
	want, got func(e *explainer) string
	advice    func(e *explainer, reason Reason) string
}

// stage is the part of a verdict to which a row belongs.
type stage int

const (
	ofRequest stage = iota // the credentials
	ofForeign              // the verifier, if it is one of another package; then the rule
	ofForm                 // form and issuer of the token
	beforeKey              // before a key is looked for
	ofClaims               // with and without a key
	ofProof                // key, signature, hooks
	ofRule                 // the rule of the route
)

// passes makes the checks of one stage, in the order of the table. It may be called twice
// on one token.
func (t *token) passes(s stage, now time.Time) *Error {
	for i := range checks {
		c := &checks[i]
		if c.stage != s {
			continue
		}
		if err := c.ask(t, now); err != nil {
			return err
		}
	}
	return nil
}

// ask makes a check that has a function for the verdict.
func (c *check) ask(t *token, now time.Time) *Error {
	if c.once != nil {
		return c.once(t.verifier, t)
	}
	return c.always(t.verifier, t, now)
}

// checks is every check, in the order of the verdict. The verdict on a new token, the
// verdict on a remembered one and Explain walk this table.
//
// To add a check of the token, add a row of the stage beforeKey or ofClaims: once if only
// the token and the configuration decide, always otherwise.
//
//nolint:gochecknoglobals // a table of functions
var checks = []check{
	{
		name: "credentials", section: "RFC 6750, section 2.1", stage: ofRequest, explain: (*explainer).credentials,
		want: says("one Authorization field: Bearer, a space and the token"), got: (*explainer).gotCredentials,
		advice: advises("Have the client send exactly one Authorization field with the token that its authorization server gave it. A gateway on the way may add or replace it."),
	},
	{
		name: "verifier", section: "", stage: ofForeign, explain: (*explainer).foreign,
		want: says("whatever it asks for"), got: says(""),
		advice: advises("The verifier is not one of this package; its error says why it refuses."),
	},
	{
		name: "form", section: "RFC 7515, section 7.1", stage: ofForm, explain: (*explainer).form,
		want: (*explainer).wantForm, got: (*explainer).gotForm,
		advice: advises("The client has a token that is not a signed JWT: an opaque or an encrypted one. Have the authorization server issue JWT access tokens for this API; many do so only for a request that names an audience or resource."),
	},
	{
		name: "header", section: "RFC 7515, section 4; RFC 8725, section 3.10", stage: ofForm, explain: (*explainer).header,
		want: says("one JSON object in one spelling, without extensions (crit, b64, zip, enc)"), got: (*explainer).gotHeader,
		advice: advises(adviceChanged),
	},
	{
		name: "claims set", section: "RFC 7519, section 7.2", stage: ofForm, explain: (*explainer).claimsSet,
		want: says("one JSON object in one spelling, without a name that comes twice"), got: (*explainer).gotNames,
		advice: advises(adviceChanged),
	},
	{
		name: "signature encoding", section: "RFC 7515, section 5.2", stage: ofForm, explain: (*explainer).signatureEncoding,
		want: says("base64url in its one canonical spelling"), got: says(""),
		advice: advises(adviceChanged),
	},
	{
		name: "issuer", section: "RFC 9068, section 4", stage: ofForm, explain: (*explainer).issuer,
		want: (*explainer).wantIssuer, got: (*explainer).gotIssuer, advice: (*explainer).adviseIssuer,
	},
	{
		name: "algorithm", section: "RFC 8725, section 3.1", stage: beforeKey, once: checkAlgorithm,
		want: (*explainer).wantAlgorithm, got: (*explainer).gotAlgorithm,
		advice: advises("If the issuer signs with a key pair, add its algorithm to Config.Algorithms. A shared secret (HS256) is not supported: have the issuer use a key pair."),
	},
	{
		name: "type", section: "RFC 9068, section 4; RFC 8725, section 3.11", stage: ofClaims, once: checkType,
		want: (*explainer).wantType, got: (*explainer).gotType,
		advice: advises("Access tokens differ by vendor: choose the Config.Profile of this issuer. If typ is that of another kind of token, the client sends the wrong one."),
	},
	{
		name: "claims in the header", section: "RFC 7519, section 5.3", stage: ofClaims, once: checkReplicated,
		want: says("iss, sub and aud as in the claims, if the header has them"), got: says(""),
		advice: advises(adviceProfile),
	},
	{
		name: "claim types", section: "RFC 7519, section 4.1", stage: ofClaims, once: checkClaimTypes,
		want: says("exp, nbf and iat numbers of seconds; sub, jti and the client strings; aud a string or strings"), got: says(""),
		advice: advises(adviceProfile),
	},
	{
		name: "expiry", section: "RFC 7519, section 4.1.4", stage: ofClaims, always: checkExpiry, needsClaims: true,
		want: (*explainer).wantExpiry, got: (*explainer).gotExpiry, advice: (*explainer).adviseExpiry,
	},
	{
		name: "not before", section: "RFC 7519, section 4.1.5", stage: ofClaims, always: checkNotBefore, needsClaims: true,
		want: (*explainer).wantNotBefore, got: (*explainer).gotNotBefore, advice: advises(adviceClocks),
	},
	{
		name: "issued at", section: "RFC 7519, section 4.1.6", stage: ofClaims, always: checkIssuedAt, needsClaims: true,
		want: (*explainer).wantIssuedAt, got: (*explainer).gotIssuedAt, advice: advises(adviceClocks),
	},
	{
		name: "lifetime", section: "Config.MaxLifetime", stage: ofClaims, once: checkLifetime, needsClaims: true,
		want: (*explainer).wantLifetime, got: (*explainer).gotLifetime, advice: advises(adviceLife),
	},
	{
		name: "age", section: "Config.MaxAge", stage: ofClaims, always: checkAge, needsClaims: true,
		want: (*explainer).wantAge, got: (*explainer).gotAge, advice: advises(adviceLife),
	},
	{
		name: "audience", section: "RFC 9068, section 4; RFC 7519, section 4.1.3", stage: ofClaims, once: checkAudience,
		want: (*explainer).wantAudience, got: (*explainer).gotAudience,
		advice: advises("Have the client ask for a token for this API (the audience or resource parameter of the token request), or add what is there to Config.Audience, if it is this API's own identifier."),
	},
	{
		name: "binding", section: "RFC 7800, section 3.1", stage: ofClaims, once: checkConfirmation,
		want: (*explainer).wantBinding, got: (*explainer).gotBinding,
		advice: advises("The token is bound to a key of its sender (DPoP or mTLS). Have the authorization server issue plain bearer tokens for this API."),
	},
	{
		name: "required claims", section: "RFC 9068, section 2.2", stage: ofClaims, once: checkRequired,
		want: (*explainer).wantRequired, got: (*explainer).gotRequired, advice: advises(adviceProfile),
	},
	{
		name: "claim values", section: "RFC 8725, section 3.12", stage: ofClaims, once: checkValues,
		want: (*explainer).wantValues, got: (*explainer).gotValues, advice: advises(adviceProfile),
	},
	{
		name: "kind of token", section: "RFC 8725, section 3.12", stage: ofClaims, once: checkForbidden,
		want: (*explainer).wantKind, got: (*explainer).gotKind,
		advice: advises("This is not an access token: clients that have several kinds must send the access token."),
	},
	{
		name: "key", section: "RFC 7515, section 4.1.4", stage: ofProof, always: checkKeyKept, explain: (*explainer).key,
		want: (*explainer).wantKey, got: (*explainer).gotKeys, advice: (*explainer).adviseKey,
	},
	{
		name: "signature", section: "RFC 7515, section 5.2", stage: ofProof, explain: (*explainer).signature,
		want: says("valid under that key"), got: (*explainer).gotSignature,
		advice: advises("The token was changed, or signed by somebody else under the issuer's kid. If all tokens fail so, compare the key with that kid at the issuer: a test environment's key set looks like the real one."),
	},
	{
		name: "custom claims", section: "Config.Custom", stage: ofProof, explain: (*explainer).custom,
		want: says("no error of Config.Custom"), got: (*explainer).gotCustom,
		advice: advises("Config.Custom refuses the claims: compare its type with what the token has."),
	},
	{
		name: "validation", section: "Config.Validate", stage: ofProof, explain: (*explainer).validation,
		want: says("no error of Config.Validate"), got: (*explainer).gotValidation,
		advice: advises("Config.Validate refuses the claims; its error says why."),
	},
	{
		name: "rule", section: "RFC 6750, section 3.1", stage: ofRule, explain: (*explainer).rule,
		want: (*explainer).wantRule, got: (*explainer).gotGranted, advice: (*explainer).adviseRule,
	},
}
