package bearer

import "time"

// check is a row of the table of checks: the function of the check, its source, and its
// texts in an [Explanation].
type check struct {
	name    string // value of [CheckResult.Name]
	section string // of an RFC, or a field of Config; value of [CheckResult.Section]
	stage   stage

	// A row has one of the following three functions. The row "key" has two: always for a
	// cached token, and explain.

	// once reads only the token and the configuration, so its verdict is cached. A check that
	// depends on the time must use always.
	once func(v *JWTVerifier, t *token) *Error
	// always may depend on the time or on the issuer's keys. It runs on every request, also
	// for a cached token. It may read only t.header and t.claims(): the other fields of a
	// cached token are not set.
	always func(v *JWTVerifier, t *token, now time.Time) *Error
	// explain repeats a step of the verdict that has no function once or always. If it cannot
	// repeat the step, skipped is the reason.
	explain func(e *explainer) (refusal *Error, skipped string)

	// needsClaims is true if the check reads claims that the row "claim types" decodes.
	needsClaims bool

	// The texts of an explanation: what the check requires, what it found ("" to use the text
	// of its error), and what to do if it failed.
	want, got func(e *explainer) string
	advice    func(e *explainer, reason Reason) string
}

// stage is the part of the verdict to which a row belongs.
type stage int

const (
	ofRequest stage = iota // the credentials
	ofForeign              // the verdict of a verifier of another package
	ofForm                 // form and issuer of the token
	beforeKey              // checks before the look-up of the key
	ofClaims               // checks of the claims, which do not need a key
	ofProof                // key, signature and hooks
	ofRule                 // the rule of the route
)

// runChecks runs the checks of one stage in the order of the table, and returns the first
// refusal. It may be called twice for one token.
func (t *token) runChecks(s stage, now time.Time) *Error {
	for i := range checks {
		c := &checks[i]
		if c.stage != s {
			continue
		}
		if err := c.run(t, now); err != nil {
			return err
		}
	}
	return nil
}

// run runs a check that has the function once or always.
func (c *check) run(t *token, now time.Time) *Error {
	if c.once != nil {
		return c.once(t.verifier, t)
	}
	return c.always(t.verifier, t, now)
}

// checks is the table of all checks, in the order of the verdict. The verdict on a new
// token, the verdict on a cached token and Explain use this table.
//
// To add a check of the token, add a row of the stage beforeKey or ofClaims. Use once if
// the check reads only the token and the configuration, and always otherwise.
//
//nolint:gochecknoglobals // a table of functions
var checks = []check{
	{
		name: "credentials", section: "RFC 6750, section 2.1", stage: ofRequest, explain: (*explainer).credentials,
		want: fixed("one Authorization field: Bearer, a space and the token"), got: (*explainer).gotCredentials,
		advice: fixedAdvice("Have the client send exactly one Authorization field with the token that its authorization server gave it. A gateway between the client and this service may add or replace the field."),
	},
	{
		name: "verifier", section: "", stage: ofForeign, explain: (*explainer).foreign,
		want: fixed("no error from the verifier"), got: fixed(""),
		advice: fixedAdvice("The verifier is from another package. The text of its error names the cause."),
	},
	{
		name: "form", section: "RFC 7515, section 7.1", stage: ofForm, explain: (*explainer).form,
		want: (*explainer).wantForm, got: (*explainer).gotForm,
		advice: fixedAdvice("The client has a token that is not a signed JWT: an opaque or an encrypted token. Have the authorization server issue JWT access tokens for this API. Many servers do so only if the token request names an audience or resource."),
	},
	{
		name: "header", section: "RFC 7515, section 4; RFC 8725, section 3.10", stage: ofForm, explain: (*explainer).header,
		want: fixed("a JSON object without duplicate names and without extensions (crit, b64, zip, enc)"), got: (*explainer).gotHeader,
		advice: fixedAdvice(adviceChanged),
	},
	{
		name: "claims set", section: "RFC 7519, section 7.2", stage: ofForm, explain: (*explainer).claimsSet,
		want: fixed("a JSON object without duplicate names"), got: (*explainer).gotNames,
		advice: fixedAdvice(adviceChanged),
	},
	{
		name: "signature encoding", section: "RFC 7515, section 5.2", stage: ofForm, explain: (*explainer).signatureEncoding,
		want: fixed("canonical base64url"), got: fixed(""),
		advice: fixedAdvice(adviceChanged),
	},
	{
		name: "issuer", section: "RFC 9068, section 4", stage: ofForm, explain: (*explainer).issuer,
		want: (*explainer).wantIssuer, got: (*explainer).gotIssuer, advice: (*explainer).adviseIssuer,
	},
	{
		name: "algorithm", section: "RFC 8725, section 3.1", stage: beforeKey, once: checkAlgorithm,
		want: (*explainer).wantAlgorithm, got: (*explainer).gotAlgorithm,
		advice: fixedAdvice("If the issuer signs with a key pair, add its algorithm to Config.Algorithms. A shared secret (HS256) is not supported: have the issuer use a key pair."),
	},
	{
		name: "type", section: "RFC 9068, section 4; RFC 8725, section 3.11", stage: ofClaims, once: checkType,
		want: (*explainer).wantType, got: (*explainer).gotType,
		advice: fixedAdvice("Set Config.Profile to the profile of this issuer: access tokens differ by vendor. If typ belongs to another kind of token, the client sends the wrong token."),
	},
	{
		name: "claims in the header", section: "RFC 7519, section 5.3", stage: ofClaims, once: checkReplicated,
		want: fixed("iss, sub and aud in the header, if present, equal the claims"), got: fixed(""),
		advice: fixedAdvice(adviceProfile),
	},
	{
		name: "claim types", section: "RFC 7519, section 4.1", stage: ofClaims, once: checkClaimTypes,
		want: fixed("exp, nbf and iat are numbers of seconds; sub, jti and the client identifier are strings; aud is a string or an array of strings"), got: fixed(""),
		advice: fixedAdvice(adviceProfile),
	},
	{
		name: "expiry", section: "RFC 7519, section 4.1.4", stage: ofClaims, always: checkExpiry, needsClaims: true,
		want: (*explainer).wantExpiry, got: (*explainer).gotExpiry, advice: (*explainer).adviseExpiry,
	},
	{
		name: "not before", section: "RFC 7519, section 4.1.5", stage: ofClaims, always: checkNotBefore, needsClaims: true,
		want: (*explainer).wantNotBefore, got: (*explainer).gotNotBefore, advice: fixedAdvice(adviceClocks),
	},
	{
		name: "issued at", section: "RFC 7519, section 4.1.6", stage: ofClaims, always: checkIssuedAt, needsClaims: true,
		want: (*explainer).wantIssuedAt, got: (*explainer).gotIssuedAt, advice: fixedAdvice(adviceClocks),
	},
	{
		name: "lifetime", section: "Config.MaxLifetime", stage: ofClaims, once: checkLifetime, needsClaims: true,
		want: (*explainer).wantLifetime, got: (*explainer).gotLifetime, advice: fixedAdvice(adviceLife),
	},
	{
		name: "age", section: "Config.MaxAge", stage: ofClaims, always: checkAge, needsClaims: true,
		want: (*explainer).wantAge, got: (*explainer).gotAge, advice: fixedAdvice(adviceLife),
	},
	{
		name: "audience", section: "RFC 9068, section 4; RFC 7519, section 4.1.3", stage: ofClaims, once: checkAudience,
		want: (*explainer).wantAudience, got: (*explainer).gotAudience,
		advice: fixedAdvice("Have the client request a token for this API (the audience or resource parameter of the token request). If the value in the token is an identifier of this API, add it to Config.Audience."),
	},
	{
		name: "binding", section: "RFC 7800, section 3.1", stage: ofClaims, once: checkConfirmation,
		want: (*explainer).wantBinding, got: (*explainer).gotBinding,
		advice: fixedAdvice("The token is bound to a key of its sender (DPoP or mTLS). Have the authorization server issue plain bearer tokens for this API."),
	},
	{
		name: "required claims", section: "RFC 9068, section 2.2", stage: ofClaims, once: checkRequired,
		want: (*explainer).wantRequired, got: (*explainer).gotRequired, advice: fixedAdvice(adviceProfile),
	},
	{
		name: "claim values", section: "RFC 8725, section 3.12", stage: ofClaims, once: checkValues,
		want: (*explainer).wantValues, got: (*explainer).gotValues, advice: fixedAdvice(adviceProfile),
	},
	{
		name: "kind of token", section: "RFC 8725, section 3.12", stage: ofClaims, once: checkForbidden,
		want: (*explainer).wantKind, got: (*explainer).gotKind,
		advice: fixedAdvice("This is another kind of token. Have the client send its access token."),
	},
	{
		name: "key", section: "RFC 7515, section 4.1.4", stage: ofProof, always: checkKeyKept, explain: (*explainer).key,
		want: (*explainer).wantKey, got: (*explainer).gotKeys, advice: (*explainer).adviseKey,
	},
	{
		name: "signature", section: "RFC 7515, section 5.2", stage: ofProof, explain: (*explainer).signature,
		want: fixed("valid under the issuer's key"), got: (*explainer).gotSignature,
		advice: fixedAdvice("The token was changed, or signed with another key under the same kid. If all tokens fail this check, compare the keys that this service uses with the keys that the issuer publishes: the keys may come from another environment, such as a test environment."),
	},
	{
		name: "custom claims", section: "Config.Custom", stage: ofProof, explain: (*explainer).custom,
		want: fixed("no error from Config.Custom"), got: (*explainer).gotCustom,
		advice: fixedAdvice("Config.Custom refuses the claims. Compare the type that it decodes with the claims of the token."),
	},
	{
		name: "validation", section: "Config.Validate", stage: ofProof, explain: (*explainer).validation,
		want: fixed("no error from Config.Validate"), got: (*explainer).gotValidation,
		advice: fixedAdvice("Config.Validate refuses the claims. The text of its error names the cause."),
	},
	{
		name: "rule", section: "RFC 6750, section 3.1", stage: ofRule, explain: (*explainer).rule,
		want: (*explainer).wantRule, got: (*explainer).gotGranted, advice: (*explainer).adviseRule,
	},
}
