package bearer

import "time"

// A check is a row of the table of checks. It has the function of the check, the RFC
// section or the field of Config that requires the check, and the texts for an
// [Explanation].
type check struct {
	name    string // value of [CheckResult.Name]
	section string // value of [CheckResult.Section]
	stage   stage

	// A row has one of the following three functions. Only the row "key" has two functions,
	// because perRequest checks a cached token, and explain checks a new token.

	// The function perToken reads only the token and the configuration, so the result of
	// perToken stays valid while the token is cached. A check that depends on the time must
	// have the function perRequest instead.
	perToken func(v *JWTVerifier, t *token) *Error
	// The function perRequest may depend on the time or on the issuer's keys. It runs on every
	// request, even if the token is cached. It must read only t.header and t.claims(), because
	// the other fields of t are not set for a cached token.
	perRequest func(v *JWTVerifier, t *token, now time.Time) *Error
	// The function explain repeats a step of Decide for Explain, if neither perToken nor
	// perRequest implements the step. If explain cannot repeat the step, skipped is a sentence
	// that explains the obstacle. Otherwise skipped is "".
	explain func(e *explainer) (refusal *Error, skipped string)

	// ofBindings is true if the check applies only to a verifier with Config.Bindings.
	ofBindings bool
	// needsClaims is true if the check reads claims that the row "claim types" decodes.
	needsClaims bool

	// The texts of an explanation. The function want returns the requirement of the check. The
	// function got returns the value that the check found; if the value is "", the explanation
	// shows the error of the check. The function advice returns the text that tells an
	// operator how to fix a failure.
	want, got func(e *explainer) string
	advice    func(e *explainer, reason Reason) string
}

// A stage is a group of rows. Each step of the verification runs the rows of one stage.
type stage int

const (
	ofRequest stage = iota // the credentials
	ofForeign              // the result of a verifier of another package
	ofForm                 // the form and the issuer of the token
	beforeKey              // checks that run before the verifier looks up the key
	ofClaims               // checks of the claims; these checks need no key
	ofProof                // key, signature, Config.Custom and Config.Validate
	ofRule                 // the rule of the route
)

// rowsOf lists the rows of the table checks by their stage, and rowsAgain the rows that run for a
// cached token too. So a request does not go through all rows for each stage.
//
//nolint:gochecknoglobals // a part of a table of functions
var rowsOf, rowsAgain = groupChecks(checks)

// groupChecks groups the rows of a table. The rows of again run for a cached token too.
func groupChecks(table []check) (byStage [ofRule + 1][]*check, again []*check) {
	for i := range table {
		c := &table[i]
		byStage[c.stage] = append(byStage[c.stage], c)
		if c.perRequest != nil {
			again = append(again, c)
		}
	}
	return byStage, again
}

// runChecks runs the checks of one stage in the order of the table, and returns the first
// refusal. For some tokens, the verifier calls runChecks twice with the same stage.
func (t *token) runChecks(s stage, now time.Time) *Error {
	for _, c := range rowsOf[s] {
		if err := c.run(t, now); err != nil {
			return err
		}
	}
	return nil
}

// The method run calls c.perToken or c.perRequest. The check must have one of these
// functions.
func (c *check) run(t *token, now time.Time) *Error {
	if c.perToken != nil {
		return c.perToken(t.verifier, t)
	}
	return c.perRequest(t.verifier, t, now)
}

// The variable checks is the table of all checks, in the order in which they determine the
// verdict. The verifier uses this table for new tokens and for cached tokens, and Explain
// uses it too.
//
// To add a check of the token, add a row with the stage beforeKey or ofClaims. If the check
// reads only the token and the configuration, set the field perToken. Otherwise set the
// field perRequest.
//
//nolint:gochecknoglobals // a table of functions
var checks = []check{
	{
		name: "credentials", section: "RFC 6750, section 2.1", stage: ofRequest, explain: (*explainer).credentials,
		want: fixed("one Authorization field: Bearer, a space and the token"), got: (*explainer).gotCredentials,
		advice: (*explainer).adviseCredentials,
	},
	{
		name: "verifier", section: "", stage: ofForeign, explain: (*explainer).foreign,
		want: fixed("no error from the verifier"), got: fixed(""),
		advice: fixedAdvice("The verifier is from another package. Read the text of its error."),
	},
	{
		name: "form", section: "RFC 7515, section 7.1", stage: ofForm, explain: (*explainer).form,
		want: (*explainer).wantForm, got: (*explainer).gotForm,
		advice: fixedAdvice("The token is not a signed JWT. It is an opaque token or an encrypted token. Configure the authorization server to issue JWT access tokens for this API. Many servers issue a JWT only if the token request names an audience or a resource."),
	},
	{
		name: "header", section: "RFC 7515, section 4; RFC 8725, section 3.10", stage: ofForm, explain: (*explainer).header,
		want: fixed("a JSON object without duplicate names and without extensions (crit, b64, enc)"), got: (*explainer).gotHeader,
		advice: (*explainer).adviseChanged,
	},
	{
		name: "claims set", section: "RFC 7519, section 7.2", stage: ofForm, explain: (*explainer).claimsSet,
		want: fixed("a JSON object without duplicate names"), got: (*explainer).gotNames,
		advice: (*explainer).adviseChanged,
	},
	{
		name: "signature encoding", section: "RFC 7515, section 5.2", stage: ofForm, explain: (*explainer).signatureEncoding,
		want: fixed("canonical base64url"), got: fixed(""),
		advice: (*explainer).adviseChanged,
	},
	{
		name: "issuer", section: "RFC 9068, section 4", stage: ofForm, explain: (*explainer).issuer,
		want: (*explainer).wantIssuer, got: (*explainer).gotIssuer, advice: (*explainer).adviseIssuer,
	},
	{
		name: "algorithm", section: "RFC 8725, section 3.1", stage: beforeKey, perToken: checkAlgorithm,
		want: (*explainer).wantAlgorithm, got: (*explainer).gotAlgorithm,
		advice: fixedAdvice("If the issuer signs with a key pair, add the algorithm of the key to Config.Algorithms. If the issuer signs with a shared secret (HS256), configure the issuer to sign with a key pair, because shared secrets are not supported."),
	},
	{
		name: "type", section: "RFC 9068, section 4; RFC 8725, section 3.11", stage: ofClaims, perToken: checkType,
		want: (*explainer).wantType, got: (*explainer).gotType,
		advice: (*explainer).adviseType,
	},
	{
		name: "claims in the header", section: "RFC 7519, section 5.3", stage: ofClaims, perToken: checkReplicated,
		want: fixed("if the header has iss, sub or aud, the value equals the claim"), got: fixed(""),
		advice: fixedAdvice(adviceProfile),
	},
	{
		name: "claim types", section: "RFC 7519, section 4.1", stage: ofClaims, perToken: checkClaimTypes,
		want: fixed("exp, nbf and iat are numbers of seconds; sub, jti and the client identifier are strings; aud is a string or an array of strings"), got: fixed(""),
		advice: fixedAdvice(adviceProfile),
	},
	{
		name: "expiry", section: "RFC 7519, section 4.1.4", stage: ofClaims, perRequest: checkExpiry, needsClaims: true,
		want: (*explainer).wantExpiry, got: (*explainer).gotExpiry, advice: (*explainer).adviseExpiry,
	},
	{
		name: "not before", section: "RFC 7519, section 4.1.5", stage: ofClaims, perRequest: checkNotBefore, needsClaims: true,
		want: (*explainer).wantNotBefore, got: (*explainer).gotNotBefore, advice: (*explainer).adviseStart,
	},
	{
		name: "issued at", section: "RFC 7519, section 4.1.6", stage: ofClaims, perRequest: checkIssuedAt, needsClaims: true,
		want: (*explainer).wantIssuedAt, got: (*explainer).gotIssuedAt, advice: (*explainer).adviseStart,
	},
	{
		name: "lifetime", section: "Config.MaxLifetime", stage: ofClaims, perToken: checkLifetime, needsClaims: true,
		want: (*explainer).wantLifetime, got: (*explainer).gotLifetime, advice: fixedAdvice(adviceLife),
	},
	{
		name: "age", section: "Config.MaxAge", stage: ofClaims, perRequest: checkAge, needsClaims: true,
		want: (*explainer).wantAge, got: (*explainer).gotAge, advice: (*explainer).adviseAge,
	},
	{
		name: "audience", section: "RFC 9068, section 4; RFC 7519, section 4.1.3", stage: ofClaims, perToken: checkAudience,
		want: (*explainer).wantAudience, got: (*explainer).gotAudience,
		advice: fixedAdvice("The client must request a token for this API, usually with the parameter audience or resource of the token request. If the value in the token is an identifier of this API, add the value to Config.Audience."),
	},
	{
		name: "binding", section: "RFC 7800, section 3.1", stage: ofClaims, perToken: checkConfirmation,
		want: (*explainer).wantBinding, got: (*explainer).gotBinding,
		advice: (*explainer).adviseBinding,
	},
	{
		name: "required claims", section: "RFC 9068, section 2.2", stage: ofClaims, perToken: checkRequired,
		want: (*explainer).wantRequired, got: (*explainer).gotRequired, advice: fixedAdvice(adviceProfile),
	},
	{
		name: "subject", section: "JWT-SVID, section 3.1", stage: ofClaims, perToken: checkSubject,
		want: (*explainer).wantSubject, got: (*explainer).gotSubject, advice: fixedAdvice(adviceProfile),
	},
	{
		name: "claim values", section: "RFC 8725, section 3.12", stage: ofClaims, perToken: checkValues,
		want: (*explainer).wantValues, got: (*explainer).gotValues, advice: fixedAdvice(adviceProfile),
	},
	{
		name: "tenant", section: "Config.Tenants", stage: ofClaims, perToken: checkTenant,
		want: (*explainer).wantTenant, got: (*explainer).gotTenant,
		advice: fixedAdvice("The token is from a different customer of the issuer. If this customer may call this API, add its identifier to Config.Tenants."),
	},
	{
		name: "kind of token", section: "RFC 8725, section 3.12", stage: ofClaims, perToken: checkForbidden,
		want: (*explainer).wantKind, got: (*explainer).gotKind,
		advice: fixedAdvice("This claim marks a token that is not an access token, such as an ID token. Then the client must send its access token. If the issuer writes this claim into its access tokens, Config.Profile does not fit: set the profile of the product, or write a profile of your own."),
	},
	{
		name: "key", section: "RFC 7515, section 4.1.4", stage: ofProof, perRequest: checkKeyKept, explain: (*explainer).key,
		want: (*explainer).wantKey, got: (*explainer).gotKeys, advice: (*explainer).adviseKey,
	},
	{
		name: "signature", section: "RFC 7515, section 5.2", stage: ofProof, explain: (*explainer).signature,
		want: (*explainer).wantSignature, got: (*explainer).gotSignature, advice: (*explainer).adviseSignature,
	},
	{
		name: "custom claims", section: "Config.Custom", stage: ofProof, explain: (*explainer).custom,
		want: fixed("no error from Config.Custom"), got: (*explainer).gotCustom,
		advice: fixedAdvice("Config.Custom refuses the claims. Compare the Go type that Config.Custom decodes with the claims of the token."),
	},
	{
		name: "possession", section: "RFC 9449, section 4.3 and section 7", stage: ofProof, explain: (*explainer).possession, ofBindings: true,
		want: (*explainer).wantPossession, got: (*explainer).gotPossession, advice: (*explainer).advisePossession,
	},
	{
		name: "validation", section: "Config.Validate", stage: ofProof, explain: (*explainer).validation,
		want: fixed("no error from Config.Validate"), got: (*explainer).gotValidation,
		advice: fixedAdvice("Config.Validate refuses the claims. Read the text of its error."),
	},
	{
		name: "rule", section: "RFC 6750, section 3.1", stage: ofRule, explain: (*explainer).rule,
		want: (*explainer).wantRule, got: (*explainer).gotGranted, advice: (*explainer).adviseRule,
	},
}
