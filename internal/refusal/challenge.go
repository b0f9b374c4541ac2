package refusal

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/bearerkit/bearer"
)

// Params is the part of a guard's challenges that does not depend on the request.
type Params struct {
	// Realm is the realm in the challenges (RFC 9110, section 11.5). Empty: the realm is
	// "api" if ResourceMetadata is empty; otherwise challenges contain no realm.
	Realm string
	// ResourceMetadata is the URL of the resource metadata (RFC 9728, section 5.1). Empty:
	// challenges contain no such URL.
	ResourceMetadata string
}

// Check returns one error for each invalid parameter.
func (p Params) Check() []error {
	var errs []error
	if !quotable(p.Realm) {
		errs = append(errs, fmt.Errorf(`Options.Realm: %q: must be printable ASCII without '"' and '\'`, p.Realm))
	}
	if p.ResourceMetadata == "" {
		return errs
	}
	u, err := url.Parse(p.ResourceMetadata)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || !quotable(p.ResourceMetadata) {
		errs = append(errs, fmt.Errorf("Options.ResourceMetadata: %q: must be an absolute http or https URL in printable ASCII without quotes", p.ResourceMetadata))
	}
	return errs
}

// quotable reports whether s is allowed in the quoted value of a parameter (RFC 6750,
// section 3: %x20-21 / %x23-5B / %x5D-7E).
func quotable(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' })
}

// Challenges makes the challenges of a guard.
type Challenges struct {
	params string // the parameters that every challenge contains
}

// NewChallenges returns the Challenges for p. [Params.Check] must find no problem in p.
func NewChallenges(p Params) Challenges {
	// Each challenge contains at least one parameter. RFC 9110, section 11.6.1 allows
	// challenges without parameters, but some clients cannot parse such challenges.
	switch {
	case p.ResourceMetadata == "":
		if p.Realm == "" {
			p.Realm = "api"
		}
		return Challenges{`realm="` + p.Realm + `"`}
	case p.Realm == "":
		return Challenges{`resource_metadata="` + p.ResourceMetadata + `"`}
	}
	return Challenges{`realm="` + p.Realm + `", resource_metadata="` + p.ResourceMetadata + `"`}
}

// For returns the values of the field WWW-Authenticate for the answer: one challenge for each scheme
// that the verifier accepts. The error code is in the challenge of the scheme of the request, and in
// all challenges if this scheme is not accepted or if the request has several credentials (RFC 9449,
// section 7.2). If the client cannot solve the problem with other credentials, For returns nil.
func (c Challenges) For(a Answer) []string {
	if a.challenge == noChallenge {
		return nil
	}
	if len(a.accepts) == 0 {
		return []string{c.scheme("Bearer", nil, a)}
	}
	offered := schemes(a.accepts)
	others := a // the challenges of the other schemes
	if slices.ContainsFunc(offered, func(s scheme) bool { return s.name == a.scheme }) {
		others.challenge, others.Scopes = bareChallenge, nil
	}
	var all []string
	for _, s := range offered {
		if s.name == a.scheme {
			all = append(all, c.scheme(s.name, s.algorithms, a))
		} else {
			all = append(all, c.scheme(s.name, s.algorithms, others))
		}
	}
	return all
}

// scheme is an authentication scheme and the algorithms of its proofs.
type scheme struct {
	name       string
	algorithms []string
}

// schemes returns the schemes of the bindings, each once.
func schemes(accepts []bearer.Binding) []scheme {
	var all []scheme
	for _, b := range accepts {
		i := slices.IndexFunc(all, func(s scheme) bool { return s.name == b.Scheme })
		if i < 0 {
			all = append(all, scheme{b.Scheme, b.Algorithms})
		} else if len(all[i].algorithms) == 0 {
			all[i].algorithms = b.Algorithms
		}
	}
	return all
}

// scheme returns the challenge for the authentication scheme with this name. The algorithms are the
// value of "algs" (RFC 9449, section 7.1).
func (c Challenges) scheme(name string, algorithms []string, a Answer) string {
	text := name + " " + c.params
	if a.challenge == fullChallenge {
		text += `, error="` + a.Error + `", error_description="` + a.Description + `"`
	}
	if len(a.Scopes) > 0 {
		text += `, scope="` + strings.Join(a.Scopes, " ") + `"`
	}
	if len(algorithms) > 0 {
		text += `, algs="` + strings.Join(algorithms, " ") + `"`
	}
	return text
}
