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

// settings is the editable part of a client.
type settings struct {
	name, description string
	scopes, audience  []string
	customClaims      []customClaim
	expiry            int64 // lifetime of tokens, in seconds
}

// customClaim is one member of "custom_claims". In the API, "custom_claims" is an array. In
// a token, "custom_claims" is an object.
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

// check validates the settings. The field names of violations begin with prefix.
func (s settings) check(v *violations, prefix string) {
	v.checkLength(prefix+"name", s.name, 0, maxNameLength)
	v.checkLength(prefix+"description", s.description, 0, maxDescriptionLength)
	for n, scope := range s.scopes {
		if scopes.All(scope).Err() != nil {
			v.addViolation(fmt.Sprintf("%sscopes[%d]", prefix, n), "must be a valid scope (RFC 6749, section 3.3), which contains only printable ASCII without spaces, double quotes and backslashes", "scope")
		}
	}
	for n, audience := range s.audience {
		if audience == "" {
			v.addViolation(fmt.Sprintf("%saudience[%d]", prefix, n), "must not be empty", "string.min_len")
		}
	}
	keys := make(map[string]bool)
	for n, claim := range s.customClaims {
		field := fmt.Sprintf("%scustom_claims[%d].key", prefix, n)
		v.checkLength(field, claim.Key, 1, maxClaimKeyLength)
		if keys[claim.Key] {
			v.addViolation(field, "must not be repeated", "repeated.unique")
		}
		keys[claim.Key] = true
	}
	switch {
	case s.expiry < 0:
		v.addViolation(prefix+"expiry", "must not be negative", "int64.gte")
	case s.expiry > maxExpiry:
		v.addViolation(prefix+"expiry", fmt.Sprintf("must be at most %d", maxExpiry), "int64.lte")
	}
}

// normalized returns a copy of the settings without duplicate scopes and duplicate
// audiences. The store contains settings in this form.
func (s settings) normalized() settings {
	s.scopes = deduplicate(s.scopes)
	s.audience = deduplicate(s.audience)
	s.customClaims = slices.Clone(s.customClaims)
	return s
}

// updatedWith returns a copy of s with the settings in changes. A setting that is empty in
// changes stays unchanged. Therefore, an update cannot make a setting empty. The vendor's
// API has the same limit, because the request for an update has no field mask.
func (s settings) updatedWith(changes settings) settings {
	changes = changes.normalized()
	if changes.name != "" {
		s.name = changes.name
	}
	if changes.description != "" {
		s.description = changes.description
	}
	if len(changes.scopes) > 0 {
		s.scopes = changes.scopes
	}
	if len(changes.audience) > 0 {
		s.audience = changes.audience
	}
	if len(changes.customClaims) > 0 {
		s.customClaims = changes.customClaims // the new list replaces the whole old list
	}
	if changes.expiry != 0 {
		s.expiry = changes.expiry
	}
	return s
}

func deduplicate(values []string) []string {
	var out []string
	for _, value := range values {
		if !slices.Contains(out, value) {
			out = append(out, value)
		}
	}
	return out
}
