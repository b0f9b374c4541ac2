package bearer

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

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
	adviceChanged = "No authorization server issues such a token. Find the source of the client's token, and check whether a program between the client and this service changes the token."
	adviceClocks  = "Compare the clocks: this machine's clock is behind, or the issuer's clock is ahead. Check NTP on this machine first."
	adviceLife    = "Configure a shorter lifetime of tokens at the issuer, or increase Config.MaxLifetime or Config.MaxAge. If one of these fields is set, every token must have iat."
	adviceProfile = "The token does not have the form that the profile describes. Set Config.Profile to the profile of this issuer, or change the claims at the issuer."
)

// adviseChanged is the advice if a part of the token cannot be read.
func (e *explainer) adviseChanged(Reason) string {
	if hasPadding(e.raw) {
		return "The token looks like the token that an AWS load balancer writes into X-Amzn-Oidc-Data. It describes a session of a browser, and is not for this service. Use the token in X-Amzn-Oidc-Accesstoken: see docs/issuers.md."
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
	if len(issuers) == 1 {
		return "iss " + quote.List(issuers)
	}
	return "iss one of " + listText(issuers)
}

func (e *explainer) gotIssuer() string {
	if e.t.iss == "" {
		return "no iss"
	}
	return "iss " + strconv.Quote(quote.Cut(e.t.iss))
}

func (e *explainer) adviseIssuer(Reason) string {
	own, ok := e.decision.own.(*JWTVerifier)
	switch {
	case e.t.iss == "":
		return "The token has no iss, so its issuer is unknown. Configure the authorization server to add iss."
	case ok && strings.TrimSuffix(e.t.iss, "/") == strings.TrimSuffix(own.issuer, "/"):
		return "The two issuers differ only by the slash at the end. Copy the iss of the tokens into Config.Issuer without a change."
	}
	return "If this iss is the issuer of your authorization server, copy it into Config.Issuer without a change. Otherwise the client got its token from a different server, environment or tenant."
}

func (e *explainer) wantAlgorithm() string {
	return "one of " + strings.Join(slices.Sorted(maps.Keys(e.v.methods)), ", ")
}

func (e *explainer) gotAlgorithm() string { return quote.Escape(e.t.header.Alg) }

func (e *explainer) wantType() string {
	return "typ " + e.v.profile.typesText() + " (profile " + e.v.profile.name + ")"
}

func (e *explainer) gotType() string {
	if !e.t.header.HasTyp {
		return "no typ"
	}
	return "typ " + strconv.Quote(quote.Cut(e.t.header.Typ))
}

// clockText formats the time that is d after the current time of this machine's clock.
func (e *explainer) clockText(d time.Duration) string { return date(e.now.Add(d)).String() }

// timeText formats a time claim and the distance between this time and now.
func (e *explainer) timeText(name string, at time.Time) string {
	if at.IsZero() {
		return "no " + name
	}
	distance := "in " + at.Sub(e.now).Round(time.Second).String()
	if !at.After(e.now) {
		distance = e.now.Sub(at).Round(time.Second).String() + " ago"
	}
	return fmt.Sprintf("%s %v, %s", name, date(at), distance)
}

func (e *explainer) wantExpiry() string {
	return "exp after " + e.clockText(0) + ", which is the time on this machine"
}

func (e *explainer) gotExpiry() string { return e.timeText("exp", e.t.claims().expiresAt) }

func (e *explainer) adviseExpiry(reason Reason) string {
	switch late := e.now.Sub(e.t.claims().expiresAt); {
	case reason == InvalidClaims:
		return "Configure the issuer to set exp, because a token without exp never expires and is refused."
	case late < time.Minute:
		return "The token expired less than 1 minute ago. The client must fetch a new token before the old token expires. Also compare this machine's clock with the issuer's clock."
	}
	return "The client must fetch a new token before the old token expires. If the token is new, compare this machine's clock with the issuer's clock: this machine's clock may be ahead."
}

func (e *explainer) wantNotBefore() string {
	return "no nbf, or nbf not after " + e.clockText(skew) + ", which is 1 minute ahead of this machine's clock"
}

func (e *explainer) gotNotBefore() string { return e.timeText("nbf", e.t.claims().notBefore.time()) }

func (e *explainer) wantIssuedAt() string {
	return "no iat, or iat not after " + e.clockText(skew) + ", which is 1 minute ahead of this machine's clock"
}

func (e *explainer) gotIssuedAt() string { return e.timeText("iat", e.t.claims().issuedAt.time()) }

func (e *explainer) wantLifetime() string {
	switch {
	case e.v.maxLifetime > 0:
		return "exp at most " + e.v.maxLifetime.String() + " after iat"
	case e.v.maxAge > 0:
		return "iat, because Config.MaxAge is set"
	default:
		return "any"
	}
}

func (e *explainer) gotLifetime() string {
	switch c := e.t.claims(); {
	case c.issuedAt.time().IsZero() && e.v.maxLifetime+e.v.maxAge > 0:
		return "no iat"
	case e.v.maxLifetime == 0:
		return "no limit"
	default:
		return c.expiresAt.Sub(c.issuedAt.time()).String()
	}
}

func (e *explainer) wantAge() string {
	if e.v.maxAge == 0 {
		return "any"
	}
	return "iat within the last " + e.v.maxAge.String()
}

func (e *explainer) gotAge() string {
	switch issuedAt := e.t.claims().issuedAt.time(); {
	case e.v.maxAge == 0:
		return "no limit"
	case issuedAt.IsZero():
		return "no iat"
	default:
		return e.now.Sub(issuedAt).Round(time.Second).String()
	}
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
	want := "no cnf, because proof of possession is not checked"
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
