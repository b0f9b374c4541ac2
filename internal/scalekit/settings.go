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

// customClaim is one member of "custom_claims". In the API the members are an array, and
// in a token they are an object.
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
	v.length(prefix+"name", s.name, 0, maxNameLength)
	v.length(prefix+"description", s.description, 0, maxDescriptionLength)
	for n, scope := range s.scopes {
		if scopes.All(scope).Err() != nil {
			v.refuse(fmt.Sprintf("%sscopes[%d]", prefix, n), "must be a valid scope (RFC 6749, section 3.3): printable ASCII without spaces, double quotes and backslashes", "scope")
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
			v.refuse(field, "must not be repeated", "repeated.unique")
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

// normalized returns the settings in the form that is stored: without duplicate
// scopes and audiences.
func (s settings) normalized() settings {
	s.scopes = deduplicate(s.scopes)
	s.audience = deduplicate(s.audience)
	s.customClaims = slices.Clone(s.customClaims)
	return s
}

// with returns a copy of s with the settings that update sets. A setting cannot be
// cleared, because the vendor's update has no field mask.
func (s settings) with(update settings) settings {
	update = update.normalized()
	if update.name != "" {
		s.name = update.name
	}
	if update.description != "" {
		s.description = update.description
	}
	if len(update.scopes) > 0 {
		s.scopes = update.scopes
	}
	if len(update.audience) > 0 {
		s.audience = update.audience
	}
	if len(update.customClaims) > 0 {
		s.customClaims = update.customClaims // replaced as a whole, not merged
	}
	if update.expiry != 0 {
		s.expiry = update.expiry
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
