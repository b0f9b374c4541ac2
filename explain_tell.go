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
	"github.com/bearerkit/bearer/jwks"
)

// tell returns what a check wants, and what is there; "" where only its error can
// say that.
func (e *explainer) tell(name string) (want, got string) {
	switch name {
	case "credentials":
		return "one Authorization field: Bearer, a space and the token", e.tellCredentials()
	case "form":
		return fmt.Sprintf("three parts of base64url with dots between them, %d bytes at most", maxToken), e.tellForm()
	case "header":
		return "one JSON object in one spelling, without extensions (crit, b64, zip, enc)", e.tellHeader()
	case "claims set":
		return "one JSON object in one spelling, without a name that comes twice", e.tellNames()
	case "signature encoding":
		return "base64url in its one canonical spelling", ""
	case "issuer":
		return e.tellIssuer()
	case "verifier":
		return "whatever it asks for", ""
	case "algorithm":
		return "one of " + strings.Join(slices.Sorted(maps.Keys(e.v.methods)), ", "), quote.Escape(e.t.header.Alg)
	case "key":
		return fmt.Sprintf("a key of the issuer for %s%s", quote.Escape(e.t.header.Alg), label(" with the kid ", quote.Escape(e.t.header.Kid))), e.tellKeys()
	case "signature":
		if e.genuine {
			got = "valid"
		}
		return "valid under that key", got
	case "custom claims":
		if e.v.custom == nil {
			got = "nothing asks for any"
		}
		return "no error of Config.Custom", got
	case "validation":
		if e.v.validate == nil {
			got = "nothing more is asked for"
		}
		return "no error of Config.Validate", got
	case "rule":
		return e.decision.req.Rule.String(), e.tellGranted()
	}
	return e.tellClaims(name)
}

// tellClaims is tell for the checks of acceptance.
func (e *explainer) tellClaims(name string) (want, got string) {
	p, c := e.v.profile, &e.t.entry.Claims
	clock := func(d time.Duration) string { return date(e.now.Add(d)).String() }
	switch name {
	case "type":
		if got = "none"; e.t.header.HasTyp {
			got = strconv.Quote(quote.Cut(e.t.header.Typ))
		}
		return "typ " + p.typesText() + " (profile " + p.name + ")", "typ " + got
	case "claims in the header":
		return "iss, sub and aud as in the claims, where the header has them", ""
	case "claim types":
		return "exp, nbf and iat numbers of seconds; sub, jti and the client strings; aud a string or strings", ""
	case "expiry":
		return "exp after " + clock(0) + ", the clock of this machine", e.tellTime("exp", c.expiresAt)
	case "not before":
		return "no nbf, or one until " + clock(skew) + ", a minute ahead of this machine's clock", e.tellTime("nbf", c.notBefore)
	case "issued at":
		return "no iat, or one until " + clock(skew) + ", a minute ahead of this machine's clock", e.tellTime("iat", c.issuedAt)
	case "lifetime":
		if e.v.maxLifetime == 0 {
			return "any", "not bounded"
		}
		return "exp within " + e.v.maxLifetime.String() + " of iat", c.expiresAt.Sub(c.issuedAt).String()
	case "age":
		if e.v.maxAge == 0 {
			return "any", "not bounded"
		}
		return "iat within the last " + e.v.maxAge.String(), e.now.Sub(c.issuedAt).Round(time.Second).String()
	case "audience":
		return "one of " + quote.List(e.v.audience) + " in " + strings.Join(paths(p.audience), ", or else "), e.tellAudience()
	case "required claims":
		return quote.List(paths(slices.Concat(p.required, e.v.required))), e.tellRequired()
	case "claim values":
		return e.tellValues()
	case "kind of token":
		return e.tellKind()
	case "binding":
		return e.tellBinding()
	}
	return "", ""
}

func (e *explainer) tellCredentials() string {
	switch values := e.decision.req.Authorization; len(values) {
	case 0:
		return "no Authorization field"
	case 1:
		return "" // the value is not to be quoted
	default:
		return fmt.Sprintf("%d Authorization fields", len(values))
	}
}

func (e *explainer) tellForm() string {
	if len(e.t.raw) == 0 {
		return "" // it was not taken apart
	}
	return fmt.Sprintf("three parts, %d bytes", len(e.t.raw))
}

func (e *explainer) tellHeader() string {
	h := e.t.header
	if h == nil {
		return ""
	}
	return "alg " + quote.Escape(h.Alg) + label(", kid ", quote.Escape(h.Kid)) + label(", typ ", quote.Escape(h.Typ))
}

// maxTold is how many names of claims are listed.
const maxTold = 30

func (e *explainer) tellNames() string {
	if e.t.entry == nil {
		return ""
	}
	var names []string
	for name := range strictjson.Members(e.t.entry.members.Text()) {
		names = append(names, quote.Escape(name))
	}
	slices.Sort(names)
	if len(names) > maxTold {
		names = append(names[:maxTold], "...")
	}
	return strings.Join(names, ", ")
}

func (e *explainer) tellIssuer() (want, got string) {
	issuers := []string{}
	switch v := e.decision.own.(type) {
	case *JWTVerifier:
		issuers = append(issuers, v.issuer)
	case *Issuers:
		issuers = slices.Sorted(maps.Keys(v.table().all))
	}
	got = strconv.Quote(quote.Cut(e.t.iss))
	if e.t.iss == "" {
		got = "none"
	}
	if len(issuers) == 1 {
		return "iss " + quote.List(issuers), "iss " + got
	}
	return "iss one of " + quote.List(issuers), "iss " + got
}

// tellKeys names the keys that there are, and how old they are.
func (e *explainer) tellKeys() string {
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
			ids = append(ids, key.ID)
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
	if len(ids) > maxTold {
		ids, more = ids[:maxTold], " and more"
	}
	return "the issuer's keys are " + quote.List(ids) + more + age
}

func (e *explainer) tellGranted() string {
	c := &e.t.entry.Claims
	got := "no scopes"
	if c.scopes.Len() > 0 {
		got = "scopes " + quote.List(slices.Sorted(c.scopes.All()))
	}
	if len(c.roles) > 0 {
		got += ", roles " + quote.List(c.roles[:min(len(c.roles), maxTold)])
	}
	return got
}

// tellTime prints a time and how far away it is.
func (e *explainer) tellTime(name string, at time.Time) string {
	if at.IsZero() {
		return "no " + name
	}
	when := "in " + at.Sub(e.now).Round(time.Second).String()
	if !at.After(e.now) {
		when = e.now.Sub(at).Round(time.Second).String() + " ago"
	}
	return fmt.Sprintf("%s %v, %s", name, date(at), when)
}

func (e *explainer) tellAudience() string {
	c := &e.t.entry.Claims
	for _, path := range e.v.profile.audience {
		if value := path.in(&c.members); value != "" && !emptyArray(value) {
			return fmt.Sprintf("%s %v", path, excerpt(value))
		}
	}
	return "none of them"
}

func (e *explainer) tellRequired() string {
	var missing []string
	for _, path := range slices.Concat(e.v.profile.required, e.v.required) {
		if !e.t.entry.has(path) {
			missing = append(missing, path.String())
		}
	}
	if missing == nil {
		return "all there"
	}
	return "without " + quote.List(missing)
}

func (e *explainer) tellValues() (want, got string) {
	wants, gots := []string{"nothing"}, []string{}
	for i, w := range e.v.profile.values {
		if i == 0 {
			wants = nil
		}
		wants = append(wants, w.path.String()+" one of "+quote.List(w.values))
		text, ok := strictjson.String(w.path.in(&e.t.entry.members))
		if text = strconv.Quote(quote.Cut(text)); !ok {
			text = "none"
		}
		gots = append(gots, w.path.String()+" "+text)
	}
	return strings.Join(wants, ", "), strings.Join(gots, ", ")
}

func (e *explainer) tellKind() (want, got string) {
	var marks []string
	for _, path := range e.v.profile.forbidden {
		if path.in(&e.t.entry.members) != "" {
			marks = append(marks, path.String())
		}
	}
	if marks != nil {
		got = "with " + quote.List(marks)
	}
	if want = "any"; len(e.v.profile.forbidden) > 0 {
		want = "an access token: without " + quote.List(paths(e.v.profile.forbidden))
	}
	return want, got
}

func (e *explainer) tellBinding() (want, got string) {
	want = "no cnf: possession of the sender's key is not checked"
	if inert := e.v.profile.inert; len(inert) > 0 {
		want += "; " + quote.List(inert) + " in it binds to nothing"
	}
	value := e.t.entry.members.Lookup("cnf")
	if value == "" {
		return want, "no cnf"
	}
	var names []string
	for name := range strictjson.Members(value) {
		names = append(names, name)
	}
	return want, "cnf with " + quote.List(names[:min(len(names), maxTold)])
}
