package bearer

import (
	"strings"
	"time"
)

// advise returns what to do about a check that failed.
func (e *explainer) advise(name string, reason Reason) string {
	switch name {
	case "credentials":
		return "Have the client send exactly one Authorization field with the token that its authorization server gave it. A gateway on the way may add or replace it."
	case "form":
		return "The client has a token that is not a signed JWT: an opaque or an encrypted one. Have the authorization server issue JWT access tokens for this API; many do so only for a request that names an audience or resource."
	case "header", "claims set", "signature encoding":
		return "No authorization server writes this. Look for what changes the token on its way, and for where the client has it from."
	case "issuer":
		return e.adviseIssuer()
	case "algorithm":
		return "If the issuer signs with a key pair, add its algorithm to Config.Algorithms. A shared secret (HS256) is not supported: have the issuer use a key pair."
	case "type":
		return "Access tokens differ by vendor: choose the Config.Profile of this issuer. If typ is that of another kind of token, the client sends the wrong one."
	case "expiry":
		return e.adviseExpiry(reason)
	case "not before", "issued at":
		return "Compare the clocks: this machine's is behind, or the issuer's ahead. Look at NTP here first."
	case "lifetime", "age":
		return "Have the issuer give tokens of a shorter life, or raise Config.MaxLifetime or Config.MaxAge."
	case "audience":
		return "Have the client ask for a token for this API (the audience or resource parameter of the token request), or add what is there to Config.Audience, if it is this API's own identifier."
	case "required claims", "claim values", "claim types", "claims in the header":
		return "The token is not of the form that the profile describes: choose the Config.Profile of this issuer, or have the issuer add the claim."
	case "kind of token":
		return "This is not an access token: clients that have several kinds must send the access token."
	case "binding":
		return "The token is bound to a key of its sender (DPoP or mTLS). Have the authorization server issue plain bearer tokens for this API."
	case "key":
		return e.adviseKey(reason)
	case "signature":
		return "The token was changed, or signed by somebody else under the issuer's kid. If all tokens fail so, compare the key with that kid at the issuer: a test environment's key set looks like the real one."
	case "custom claims":
		return "Config.Custom refuses the claims: compare its type with what the token has."
	case "validation":
		return "Config.Validate refuses the claims; its error says why."
	case "rule":
		return e.adviseRule(reason)
	}
	return ""
}

func (e *explainer) adviseIssuer() string {
	own, ok := e.decision.own.(*JWTVerifier)
	switch {
	case e.t.iss == "":
		return "The token names no issuer. It cannot be told whose it is."
	case ok && strings.TrimSuffix(e.t.iss, "/") == strings.TrimSuffix(own.issuer, "/"):
		return "They differ by the slash at the end: Config.Issuer must be what tokens say, byte for byte."
	}
	return "If this is your authorization server, set Config.Issuer to what the token says, byte for byte. If not, the client has its token from somewhere else, such as another environment or tenant."
}

func (e *explainer) adviseExpiry(reason Reason) string {
	c := &e.t.entry.Claims
	switch late := e.now.Sub(c.expiresAt); {
	case reason == InvalidClaims:
		return "Have the issuer set exp: a token without an end cannot be accepted."
	case late < time.Minute:
		return "It expired a moment ago: have the client fetch the next token some time before this one expires, and compare the clocks."
	}
	return "Have the client fetch a new token when its own expires. If it just did, compare the clocks: this machine's may be ahead."
}

func (e *explainer) adviseKey(reason Reason) string {
	if reason == KeysUnavailable {
		return "This is our side's fault, not the client's: the issuer's keys cannot be had. Look at the log of package jwks for the cause."
	}
	if e.t.header.Kid == "" {
		return "The token names no key, and more than one of the issuer's fits. Have the issuer set kid."
	}
	return "The issuer does not publish the key that the token names: it has rotated and the key set here is old, it signs before it publishes, or the token is from another environment."
}

func (e *explainer) adviseRule(reason Reason) string {
	switch {
	case e.decision.req.Rule.IsZero():
		return "The route has no rule, so that nobody may call it. Declare one."
	case reason == Internal:
		return "The rule cannot work, or a function of it fails: this is our side's fault."
	case reason != MissingScope:
		return "A function of the rule refuses the caller; its error says why."
	}
	return "Grant the client what is missing at the authorization server, and have it ask for that in its token request. A token that was issued before has still what it had."
}
