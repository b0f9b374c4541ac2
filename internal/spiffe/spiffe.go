// Package spiffe reads SPIFFE IDs, which identify workloads. A SPIFFE ID has the form
// "spiffe://TRUST-DOMAIN/PATH" (SPIFFE-ID, section 2). The keys of a trust domain sign the
// identities of this trust domain only.
package spiffe

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bearerkit/bearer/internal/quote"
)

const scheme = "spiffe://"

// DomainOf returns the part of id before the path, for example "spiffe://example.org". It
// returns "" if id does not begin with "spiffe://". It does not check id; see [Check].
func DomainOf(id string) string {
	rest, ok := strings.CutPrefix(id, scheme)
	if !ok {
		return ""
	}
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		return id[:len(scheme)+slash]
	}
	return id
}

// CheckDomain returns an error if domain is not a trust domain in the form of [DomainOf].
func CheckDomain(domain string) error {
	name, ok := strings.CutPrefix(domain, scheme)
	switch {
	case !ok:
		return fmt.Errorf("%q does not begin with %q", quote.Cut(domain), scheme)
	case name == "":
		return errors.New("the trust domain is missing")
	case strings.Contains(name, "/"):
		return fmt.Errorf("%q has a path; the trust domain is %q", quote.Cut(domain), quote.Cut(DomainOf(domain)))
	case strings.ContainsFunc(name, func(c rune) bool { return !inDomain(c) }):
		return fmt.Errorf("%q: a trust domain contains only lower-case letters, digits, dots, hyphens and underscores", quote.Cut(domain))
	}
	return nil
}

// Check returns an error if id is not the SPIFFE ID of a workload: a trust domain and a path with
// at least one segment (SPIFFE-ID, sections 2.1, 2.2). The errors are constants, because a client
// chooses id.
func Check(id string) error {
	domain := DomainOf(id)
	switch {
	case domain == "":
		return errScheme
	case len(domain) == len(scheme) || strings.ContainsFunc(domain[len(scheme):], func(c rune) bool { return !inDomain(c) }):
		return errDomain
	case len(id) == len(domain):
		return errNoPath
	}
	for segment := range strings.SplitSeq(id[len(domain)+1:], "/") {
		switch {
		case segment == "":
			return errSegment
		case segment == "." || segment == "..":
			return errDots
		case strings.ContainsFunc(segment, func(c rune) bool { return !inDomain(c) && (c < 'A' || c > 'Z') }):
			return errPath
		}
	}
	return nil
}

var (
	errScheme  = errors.New(`it does not begin with "spiffe://"`)
	errDomain  = errors.New("the trust domain is missing, or contains characters other than lower-case letters, digits, dots, hyphens and underscores")
	errNoPath  = errors.New("it has no path, so it names a trust domain and no workload")
	errSegment = errors.New("the path contains an empty segment, or ends with a slash")
	errDots    = errors.New(`the path contains a segment "." or ".."`)
	errPath    = errors.New("the path contains characters other than letters, digits, dots, hyphens and underscores")
)

// inDomain reports whether a trust domain may contain the character.
func inDomain(c rune) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_'
}
