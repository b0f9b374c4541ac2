package bearer

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bearerkit/bearer/internal/claim"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/strictjson"
	"github.com/bearerkit/bearer/jwks"
)

// The words of the table of checks: what a check wants, what it got, and what to do about
// a failure.

// says returns the same text for every token.
func says(text string) func(*explainer) string { return func(*explainer) string { return text } }

// advises returns the same advice for every failure.
func advises(text string) func(*explainer, Reason) string {
	return func(*explainer, Reason) string { return text }
}

const (
	adviceChanged = "No authorization server writes this. Look for what changes the token on its way, and for where the client has it from."
	adviceClocks  = "Compare the clocks: this machine's is behind, or the issuer's ahead. Look at NTP here first."
	adviceLife    = "Have the issuer give tokens of a shorter life, or raise Config.MaxLifetime or Config.MaxAge."
	adviceProfile = "The token is not of the form that the profile describes: choose the Config.Profile of this issuer, or have the issuer add the claim."
)

// maxListed is how many names are listed.
const maxListed = 30

func (e *explainer) gotCredentials() string {
	switch values := e.decision.req.Authorization; len(values) {
	case 0:
		return "no Authorization field"
	case 1:
		return "" // the value must not be quoted
	default:
		return fmt.Sprintf("%d Authorization fields", len(values))
	}
}

func (e *explainer) wantForm() string {
	return fmt.Sprintf("three parts of base64url with dots between them, %d bytes at most", maxToken)
}

func (e *explainer) gotForm() string {
	if len(e.t.raw) == 0 {
		return "" // it was refused before it was split
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
		issuers = slices.Sorted(maps.Keys(v.table().all))
	}
	if len(issuers) == 1 {
		return "iss " + quote.List(issuers)
	}
	return "iss one of " + quote.List(issuers)
}

func (e *explainer) gotIssuer() string {
	if e.t.iss == "" {
		return "iss none"
	}
	return "iss " + strconv.Quote(quote.Cut(e.t.iss))
}

func (e *explainer) adviseIssuer(Reason) string {
	own, ok := e.decision.own.(*JWTVerifier)
	switch {
	case e.t.iss == "":
		return "The token names no issuer, so nobody can tell whose it is."
	case ok && strings.TrimSuffix(e.t.iss, "/") == strings.TrimSuffix(own.issuer, "/"):
		return "They differ by the slash at the end: Config.Issuer must be what tokens say, byte for byte."
	}
	return "If this is your authorization server, set Config.Issuer to what the token says, byte for byte. If not, the client has its token from somewhere else, such as another environment or tenant."
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
		return "typ none"
	}
	return "typ " + strconv.Quote(quote.Cut(e.t.header.Typ))
}

// clock prints the time that is d ahead of this machine's clock.
func (e *explainer) clock(d time.Duration) string { return date(e.now.Add(d)).String() }

// when prints a time claim and how far away it is.
func (e *explainer) when(name string, at time.Time) string {
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
	return "exp after " + e.clock(0) + ", the clock of this machine"
}

func (e *explainer) gotExpiry() string { return e.when("exp", e.t.claims().expiresAt) }

func (e *explainer) adviseExpiry(reason Reason) string {
	switch late := e.now.Sub(e.t.claims().expiresAt); {
	case reason == InvalidClaims:
		return "Have the issuer set exp: a token without an end cannot be accepted."
	case late < time.Minute:
		return "It expired a moment ago: have the client fetch the next token some time before this one expires, and compare the clocks."
	}
	return "Have the client fetch a new token when its own expires. If it just did, compare the clocks: this machine's may be ahead."
}

func (e *explainer) wantNotBefore() string {
	return "no nbf, or one until " + e.clock(skew) + ", a minute ahead of this machine's clock"
}

func (e *explainer) gotNotBefore() string { return e.when("nbf", e.t.claims().notBefore) }

func (e *explainer) wantIssuedAt() string {
	return "no iat, or one until " + e.clock(skew) + ", a minute ahead of this machine's clock"
}

func (e *explainer) gotIssuedAt() string { return e.when("iat", e.t.claims().issuedAt) }

func (e *explainer) wantLifetime() string {
	if e.v.maxLifetime == 0 {
		return "any"
	}
	return "exp within " + e.v.maxLifetime.String() + " of iat"
}

func (e *explainer) gotLifetime() string {
	if e.v.maxLifetime == 0 {
		return "not bounded"
	}
	c := e.t.claims()
	return c.expiresAt.Sub(c.issuedAt).String()
}

func (e *explainer) wantAge() string {
	if e.v.maxAge == 0 {
		return "any"
	}
	return "iat within the last " + e.v.maxAge.String()
}

func (e *explainer) gotAge() string {
	if e.v.maxAge == 0 {
		return "not bounded"
	}
	return e.now.Sub(e.t.claims().issuedAt).Round(time.Second).String()
}

func (e *explainer) wantAudience() string {
	return "one of " + quote.List(e.v.audience) + " in " + strings.Join(paths(e.v.profile.audience), ", or else ")
}

func (e *explainer) gotAudience() string {
	for _, path := range e.v.profile.audience {
		if value := path.In(&e.t.claims().members); value != "" && !emptyArray(value) {
			return fmt.Sprintf("%s %v", path, excerpt(value))
		}
	}
	return "none of them"
}

func (e *explainer) wantBinding() string {
	want := "no cnf: possession of the sender's key is not checked"
	if inert := e.v.profile.inert; len(inert) > 0 {
		want += "; " + quote.List(inert) + " in it binds to nothing"
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
	return "cnf with " + quote.List(names[:min(len(names), maxListed)])
}

func (e *explainer) wantRequired() string {
	return quote.List(paths(slices.Concat(e.v.profile.required, e.v.required)))
}

func (e *explainer) gotRequired() string {
	var missing []string
	for _, path := range slices.Concat(e.v.profile.required, e.v.required) {
		if !e.t.claims().has(path) {
			missing = append(missing, path.String())
		}
	}
	if missing == nil {
		return "all there"
	}
	return "without " + quote.List(missing)
}

func (e *explainer) wantValues() string {
	if len(e.v.profile.values) == 0 {
		return "nothing"
	}
	var wants []string
	for _, w := range e.v.profile.values {
		wants = append(wants, w.path.String()+" one of "+quote.List(w.values))
	}
	return strings.Join(wants, ", ")
}

func (e *explainer) gotValues() string {
	var got []string
	for _, w := range e.v.profile.values {
		text, ok := strictjson.String(w.path.In(&e.t.claims().members))
		if text = strconv.Quote(quote.Cut(text)); !ok {
			text = "none"
		}
		got = append(got, w.path.String()+" "+text)
	}
	return strings.Join(got, ", ")
}

func (e *explainer) wantKind() string {
	if len(e.v.profile.forbidden) == 0 {
		return "any"
	}
	return "an access token: without " + quote.List(paths(e.v.profile.forbidden))
}

func (e *explainer) gotKind() string {
	var marks []string
	for _, path := range e.v.profile.forbidden {
		if path.In(&e.t.claims().members) != "" {
			marks = append(marks, path.String())
		}
	}
	if marks == nil {
		return ""
	}
	return "with " + quote.List(marks)
}

func (e *explainer) wantKey() string {
	h := e.t.header
	return fmt.Sprintf("a key of the issuer for %s%s", quote.Escape(h.Alg), label(" with the kid ", quote.Escape(h.Kid)))
}

// gotKeys names the keys of the issuer, and says how old the set is.
func (e *explainer) gotKeys() string {
	var ids []string
	age := ""
	switch keys := e.v.keys.(type) {
	case *jwks.Set:
		for _, key := range keys.Keys() {
			ids = append(ids, key.ID())
		}
	case *jwks.Cache:
		status := keys.Status()
		for _, key := range status.Keys {
			ids = append(ids, key.ID())
		}
		if !status.LastSuccess.IsZero() {
			age = ", asked for " + status.Age.Round(time.Second).String() + " ago"
		}
	default:
		return ""
	}
	if len(ids) == 0 {
		return "there are no keys"
	}
	more := ""
	if len(ids) > maxListed {
		ids, more = ids[:maxListed], " and more"
	}
	return "the issuer's keys are " + quote.List(ids) + more + age
}

func (e *explainer) adviseKey(reason Reason) string {
	if reason == KeysUnavailable {
		return "This service is at fault, not the client: it has no keys of the issuer. Look at the log of package jwks for the cause."
	}
	if e.t.header.Kid == "" {
		return "The token names no key, and more than one of the issuer's fits. Have the issuer set kid."
	}
	return "The issuer does not publish the key that the token names: it has rotated and the key set here is old, it signs before it publishes, or the token is from another environment."
}

func (e *explainer) gotSignature() string {
	if e.genuine {
		return "valid"
	}
	return ""
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

func (e *explainer) wantRule() string { return e.decision.req.Rule.String() }

func (e *explainer) gotGranted() string {
	c := e.t.claims()
	got := "no scopes"
	if c.scopes.Len() > 0 {
		got = "scopes " + quote.List(slices.Sorted(c.scopes.All()))
	}
	if len(c.roles) > 0 {
		got += ", roles " + quote.List(c.roles[:min(len(c.roles), maxListed)])
	}
	return got
}

func (e *explainer) adviseRule(reason Reason) string {
	switch {
	case e.decision.req.Rule.IsZero():
		return "The route has no rule, so nobody may call it. Declare one."
	case reason == Internal:
		return "The rule cannot work, or a function of it fails: this service is at fault."
	case reason != MissingScope:
		return "A function of the rule refuses the caller; its error says why."
	}
	return "Grant the client what is missing at the authorization server, and have the client ask for it in its token request. Tokens issued earlier keep their old scopes until they expire."
}

// paths prints claims as configurations name them.
func paths(of []claim.Path) []string {
	names := make([]string, len(of))
	for i, path := range of {
		names[i] = path.String()
	}
	return names
}
