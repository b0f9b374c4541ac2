package scalekit

import (
	"fmt"
	"slices"

	"github.com/bearerkit/bearer/scopes"
)

const (
	defaultExpiry        = 60 * 60
	maxExpiry            = 10 * 365 * 24 * 60 * 60
	maxNameLength        = 128
	maxDescriptionLength = 512
	maxClaimKeyLength    = 128
)

// settings is what the owner of a client decides.
type settings struct {
	name, description string
	scopes, audience  []string
	customClaims      []customClaim
	expiry            int64 // seconds that tokens live
}

// customClaim is one member of "custom_claims". In the API they are an array of
// these, in tokens one object.
type customClaim struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func (s settings) clone() settings {
	s.scopes = slices.Clone(s.scopes)
	s.audience = slices.Clone(s.audience)
	s.customClaims = slices.Clone(s.customClaims)
	return s
}

// check notes what no client can have. Field names begin with prefix.
func (s settings) check(v *violations, prefix string) {
	v.length(prefix+"name", s.name, 0, maxNameLength)
	v.length(prefix+"description", s.description, 0, maxDescriptionLength)
	for n, scope := range s.scopes {
		if scopes.All(scope).Err() != nil {
			v.refuse(fmt.Sprintf("%sscopes[%d]", prefix, n), "must be a scope by RFC 6749: ASCII without spaces, quotes and backslashes", "scope")
		}
	}
	for n, audience := range s.audience {
		if audience == "" {
			v.refuse(fmt.Sprintf("%saudience[%d]", prefix, n), "must not be empty", "string.min_len")
		}
	}
	keys := make(map[string]bool)
	for n, claim := range s.customClaims {
		field := fmt.Sprintf("%scustom_claims[%d].key", prefix, n)
		v.length(field, claim.Key, 1, maxClaimKeyLength)
		if keys[claim.Key] {
			v.refuse(field, "must not come twice", "repeated.unique")
		}
		keys[claim.Key] = true
	}
	switch {
	case s.expiry < 0:
		v.refuse(prefix+"expiry", "must not be negative", "int64.gte")
	case s.expiry > maxExpiry:
		v.refuse(prefix+"expiry", fmt.Sprintf("must be at most %d", maxExpiry), "int64.lte")
	}
}

// normalized returns the settings as they are kept: a value that comes twice
// counts once.
func (s settings) normalized() settings {
	s.scopes = unique(s.scopes)
	s.audience = unique(s.audience)
	s.customClaims = slices.Clone(s.customClaims)
	return s
}

// with returns the settings with those of by that are set. There is no way
// to empty one: the vendor's update has no field mask.
func (s settings) with(by settings) settings {
	by = by.normalized()
	if by.name != "" {
		s.name = by.name
	}
	if by.description != "" {
		s.description = by.description
	}
	if len(by.scopes) > 0 {
		s.scopes = by.scopes
	}
	if len(by.audience) > 0 {
		s.audience = by.audience
	}
	if len(by.customClaims) > 0 {
		s.customClaims = by.customClaims // as a whole
	}
	if by.expiry != 0 {
		s.expiry = by.expiry
	}
	return s
}

func unique(values []string) []string {
	var out []string
	for _, value := range values {
		if !slices.Contains(out, value) {
			out = append(out, value)
		}
	}
	return out
}
