// Package guard is what the guards of both transports share: the check of their
// options and the words to a client that is refused (RFC 6750, section 3).
package guard

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/bearerkit/bearer"
)

// Params is the part of a challenge that does not depend on the request.
type Params struct {
	// Realm is sent where there is no ResourceMetadata; empty means "api".
	Realm string
	// ResourceMetadata is the URL of RFC 9728, section 5.1; empty: none.
	ResourceMetadata string
}

// Check returns all that is wrong with the parameters.
func (p Params) Check() []error {
	var errs []error
	if !quotable(p.Realm) {
		errs = append(errs, fmt.Errorf(`Options.Realm: %q: only printable ASCII without '"' and '\' can be sent`, p.Realm))
	}
	if p.ResourceMetadata == "" {
		return errs
	}
	u, err := url.Parse(p.ResourceMetadata)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || !quotable(p.ResourceMetadata) {
		errs = append(errs, fmt.Errorf("Options.ResourceMetadata: %q: not an absolute URL", p.ResourceMetadata))
	}
	return errs
}

// quotable reports whether s can stand in a quoted-string of every parameter
// (RFC 6750, section 3: %x20-21 / %x23-5B / %x5D-7E).
func quotable(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' })
}

// Writer writes challenges with the same parameters.
type Writer struct{ prefix string }

// New returns a Writer for parameters that Check found nothing wrong with.
func New(p Params) Writer {
	// A challenge has at least one parameter (RFC 9110, section 11.6.1 leaves
	// room; clients in the field do not).
	switch {
	case p.ResourceMetadata == "":
		if p.Realm == "" {
			p.Realm = "api"
		}
		return Writer{`Bearer realm="` + p.Realm + `"`}
	case p.Realm == "":
		return Writer{`Bearer resource_metadata="` + p.ResourceMetadata + `"`}
	}
	return Writer{`Bearer realm="` + p.Realm + `", resource_metadata="` + p.ResourceMetadata + `"`}
}

// For returns the challenge for a refusal, or "" where more or other credentials
// would not help. Nothing of it comes from the request.
func (w Writer) For(e *bearer.Error) string {
	if e.Reason == bearer.NoToken {
		// RFC 6750, section 3.1: no error code for a request without
		// credentials. What it would have needed is no error information.
		return w.prefix + scope(e)
	}
	code := Code(e.Reason)
	if code == "" {
		return ""
	}
	return w.prefix + `, error="` + code + `", error_description="` + Describe(e.Reason) + `"` + scope(e)
}

func scope(e *bearer.Error) string {
	names := Scopes(e)
	if len(names) == 0 {
		return ""
	}
	return `, scope="` + strings.Join(names, " ") + `"`
}

// Scopes returns the missing scopes of a refusal that are scopes by RFC 6749,
// section 3.3. Those of a rule were checked when it was made, but a refusal may
// have come from elsewhere, and its words must not leave their quotes.
func Scopes(e *bearer.Error) []string {
	bad := func(name string) bool {
		return name == "" || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' })
	}
	if !slices.ContainsFunc(e.Missing, bad) {
		return e.Missing
	}
	return slices.DeleteFunc(slices.Clone(e.Missing), bad)
}

// Code returns the error code of RFC 6750, section 3.1 for a reason, or "".
func Code(reason bearer.Reason) string {
	switch reason {
	case bearer.NoToken, bearer.KeysUnavailable, bearer.Internal:
		return ""
	case bearer.InvalidRequest:
		return "invalid_request"
	case bearer.MissingScope:
		return "insufficient_scope"
	default:
		return "invalid_token"
	}
}

// Describe returns one fixed sentence for a reason. Those that a client can do
// something about are told apart; why a token that is not genuine was found out
// is not.
func Describe(reason bearer.Reason) string {
	switch reason {
	case bearer.InvalidRequest:
		return "The request must carry exactly one bearer token"
	case bearer.NoToken:
		return "An access token is required"
	case bearer.Malformed:
		return "The access token is malformed"
	case bearer.Expired:
		return "The access token expired"
	case bearer.NotYetValid:
		return "The access token is not valid yet"
	case bearer.WrongAudience:
		return "The access token is not meant for this resource"
	case bearer.WrongBinding:
		return "Sender-constrained access tokens are not supported"
	case bearer.Revoked:
		return "The access token was revoked"
	case bearer.MissingScope:
		return "The access token does not allow this"
	case bearer.KeysUnavailable:
		return "Access tokens cannot be verified at the moment"
	case bearer.Internal:
		return "Internal error"
	default:
		return "The access token is invalid"
	}
}
