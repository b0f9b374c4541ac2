package bearer

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// The functions below return the texts of the table of checks.

// fixed returns a function that returns the same text for every token.
func fixed(text string) func(*explainer) string { return func(*explainer) string { return text } }

// fixedAdvice returns a function that returns the same text for every failure.
func fixedAdvice(text string) func(*explainer, Reason) string {
	return func(*explainer, Reason) string { return text }
}

const (
	advicePadded  = "The token looks like the token that an AWS load balancer writes into X-Amzn-Oidc-Data. It describes a session of a browser, and is not for this service. Use the token in X-Amzn-Oidc-Accesstoken: see docs/issuers.md."
	adviceChanged = "No authorization server issues such a token. Find the source of the client's token, and check whether a program between the client and this service changes the token."
	adviceLife    = "Configure a shorter lifetime of tokens at the issuer, or increase Config.MaxLifetime or Config.MaxAge. If one of these fields is set, every token must have iat."
	adviceProfile = "The token does not have the form that the profile describes. Set Config.Profile to the profile of this issuer, or change the claims at the issuer."
)

// adviseChanged is the advice if a part of the token cannot be read.
func (e *explainer) adviseChanged(Reason) string {
	if hasPadding(e.raw) {
		return advicePadded
	}
	return adviceChanged
}

// maxListed is the maximum number of names that a text lists.
const maxListed = 30

// listText lists at most maxListed names. Each name is quoted and cut.
func listText(names []string) string {
	if n := len(names) - maxListed; n > 0 {
		return quote.List(names[:maxListed]) + " and " + strconv.Itoa(n) + " more"
	}
	return quote.List(names)
}

func (e *explainer) adviseCredentials(Reason) string {
	if hasPadding(e.raw) {
		return advicePadded
	}
	return "The client must send exactly one Authorization field, with the token from its authorization server. If the client does so, check the gateways between the client and this service: a gateway may add or replace the field."
}

func (e *explainer) gotCredentials() string {
	switch values := e.decision.req.Authorization; len(values) {
	case 0:
		return "no Authorization field"
	case 1:
		return "" // an explanation must not quote the value, so it shows the error instead
	default:
		return fmt.Sprintf("%d Authorization fields", len(values))
	}
}

func (e *explainer) wantForm() string {
	return fmt.Sprintf("three parts of base64url with dots between them, and at most %d bytes", maxToken)
}

func (e *explainer) gotForm() string {
	if len(e.t.raw) == 0 {
		return "" // the token was refused before it was split
	}
	return fmt.Sprintf("three parts, %d bytes", len(e.t.raw))
}

func (e *explainer) gotHeader() string {
	h := e.t.header
	if h == nil {
		return ""
	}
	return "alg " + quote.Escape(h.Alg) + label(", kid ", quote.Escape(h.Kid)) + label(", typ ", quote.Escape(h.Typ))
}

func (e *explainer) gotNames() string {
	if e.t.entry == nil {
		return ""
	}
	var names []string
	for name := range strictjson.Members(e.t.claims().members.Text()) {
		names = append(names, quote.Escape(name))
	}
	slices.Sort(names)
	if len(names) > maxListed {
		names = append(names[:maxListed], "...")
	}
	return strings.Join(names, ", ")
}

func (e *explainer) wantIssuer() string {
	var issuers []string
	switch v := e.decision.own.(type) {
	case *JWTVerifier:
		issuers = append(issuers, v.issuer)
	case *Issuers:
		issuers = v.table().issuers()
	}
	if own, ok := e.decision.own.(*JWTVerifier); ok && own.domain != "" {
		return "sub a SPIFFE ID of " + quote.List(issuers)
	}
	if len(issuers) == 1 {
		return "iss " + quote.List(issuers)
	}
	return "iss one of " + listText(issuers)
}

// issOfWrongType is the text for a token whose "iss" is not a string.
const issOfWrongType = "iss is not a string"

func (e *explainer) gotIssuer() string {
	if e.t.hasIssOfWrongType() {
		return issOfWrongType
	}
	if own, ok := e.decision.own.(*JWTVerifier); ok && own.domain != "" {
		return e.gotSubject()
	}
	if e.t.iss == "" {
		return "no iss"
	}
	return "iss " + strconv.Quote(quote.Cut(e.t.iss))
}

func (e *explainer) adviseIssuer(Reason) string {
	own, ok := e.decision.own.(*JWTVerifier)
	switch {
	case e.t.hasIssOfWrongType():
		return "The iss of the token is not a string, so its issuer is unknown. Configure the authorization server to write iss as a string."
	case ok && own.domain != "":
		return "If the trust domain in this sub is yours, copy it into Config.Issuer, for example spiffe://example.org. Otherwise the client got its token from a different trust domain."
	case e.t.isSVID():
		return "The token has no iss, and its sub is a SPIFFE ID, so it is a JWT-SVID. Add a Config with the profile SPIFFE, and with the trust domain of this sub as the Issuer."
	case e.t.iss == "":
		return "The token has no iss, so its issuer is unknown. Configure the authorization server to add iss."
	case ok && strings.TrimSuffix(e.t.iss, "/") == strings.TrimSuffix(own.issuer, "/"):
		return "The two issuers differ only by the slash at the end. Copy the iss of the tokens into Config.Issuer without a change."
	case ok && own.profile.wrongIssuerText(e.t.iss) != "":
		return "The profile " + own.profile.name + " is not for this iss: " + own.profile.wrongIssuerText(e.t.iss) + "."
	}
	return "If this iss is the issuer of your authorization server, copy it into Config.Issuer without a change. Otherwise the client got its token from a different server, environment or tenant."
}

func (e *explainer) wantAlgorithm() string {
	return "one of " + strings.Join(slices.Sorted(maps.Keys(e.v.methods)), ", ")
}

func (e *explainer) gotAlgorithm() string { return quote.Escape(e.t.header.Alg) }

func (e *explainer) wantType() string {
	if name := e.v.profile.forbiddenIn(e.t.header); name != "" {
		return "a header without " + strconv.Quote(name) + " (profile " + e.v.profile.name + ")"
	}
	return "typ " + e.v.profile.typesText() + " (profile " + e.v.profile.name + ")"
}

func (e *explainer) gotType() string {
	if name := e.v.profile.forbiddenIn(e.t.header); name != "" {
		return "a header with " + strconv.Quote(name)
	}
	if !e.t.header.HasTyp {
		return "no typ"
	}
	return "typ " + strconv.Quote(quote.Cut(e.t.header.Typ))
}

// adviseType returns the sentence of Profile.ForbiddenHeader if the header has such a member.
func (e *explainer) adviseType(Reason) string {
	if name := e.v.profile.forbiddenIn(e.t.header); name != "" {
		return "Profile.ForbiddenHeader refuses the token: " + e.v.profile.forbiddenHeader[name] + "."
	}
	return "Set Config.Profile to the profile of this issuer, because vendors use different values of typ. If this value of typ marks a different kind of token, the client sends the wrong token."
}

func (e *explainer) wantAudience() string {
	return "one of " + listText(e.v.audience) + " in " + strings.Join(pathNames(e.v.profile.audience), ", or else ")
}

func (e *explainer) gotAudience() string {
	for _, path := range e.v.profile.audience {
		if value := path.In(&e.t.claims().members); value != "" && !emptyArray(value) {
			return fmt.Sprintf("%s %v", path, excerpt(value))
		}
	}
	return "no such claim" + e.t.claims().hints(e.v.profile.audience)
}

func (e *explainer) wantBinding() string {
	want := "no cnf, because Config.Bindings is empty, so that no proof of possession is checked"
	if members := membersOf(e.v.accepts); len(members) > 0 {
		want = "cnf only with members that Config.Bindings names: " + quote.List(members)
	}
	if inert := e.v.profile.inertConfirmation; len(inert) > 0 {
		want += "; the members " + quote.List(inert) + " are allowed, because they do not bind the token to a client key"
	}
	return want
}

func (e *explainer) gotBinding() string {
	value := e.t.claims().members.Lookup("cnf")
	if value == "" {
		return "no cnf"
	}
	var names []string
	for name := range strictjson.Members(value) {
		names = append(names, name)
	}
	if len(names) == 0 {
		return "cnf without members"
	}
	return "cnf with " + listText(names)
}

func (e *explainer) gotCustom() string {
	if e.v.custom == nil {
		return "Config.Custom is not set"
	}
	return ""
}

func (e *explainer) gotValidation() string {
	if e.v.validate == nil {
		return "Config.Validate is not set"
	}
	return ""
}
