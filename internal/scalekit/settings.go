package scalekit

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/internal/strictjson"
	"github.com/bearerkit/bearer/scopes"
)

const (
	defaultExpiry        = 60 * 60
	maxExpiry            = 10 * 365 * 24 * 60 * 60
	maxNameLength        = 128
	maxDescriptionLength = 512
	maxClaimKeyLength    = 128
)

// settingsReader reads the settings of a client and notes everything that is
// wrong with them, by the names of the fields of the vendor's Protobuf request.
type settingsReader struct {
	violations []violation
}

// parseSettings reads a request body. An empty one leaves everything unset.
// The error is for bodies that are no JSON object; what is wrong with its
// members are violations.
func parseSettings(body []byte) (settings, []violation, error) {
	if len(body) == 0 {
		return settings{}, nil, nil
	}
	object, err := strictjson.Parse(body)
	if err != nil {
		return settings{}, nil, &apiError{code: codeInvalidArgument, message: "the request body is malformed: " + err.Error()}
	}
	var (
		s    settings
		r    settingsReader
		seen = make(map[string]bool)
	)
	for _, member := range object {
		name := member.Name
		if name == "customClaims" {
			name = "custom_claims"
		}
		if seen[name] {
			r.refuse("client."+name, "must not come twice", "json.duplicate")
		}
		seen[name] = true
		if member.Value.Kind() == 'n' {
			continue
		}
		switch name {
		case "name":
			s.name = r.text("client.name", member.Value, maxNameLength)
		case "description":
			s.description = r.text("client.description", member.Value, maxDescriptionLength)
		case "scopes":
			s.scopes = r.scopes(member.Value)
		case "audience":
			s.audience = r.audience(member.Value)
		case "custom_claims":
			s.customClaims = r.customClaims(member.Value)
		case "expiry":
			s.expiry = r.expiry(member.Value)
		}
	}
	return s, r.violations, nil
}

func (r *settingsReader) refuse(field, description, constraint string) {
	r.violations = append(r.violations, violation{field, description, constraint})
}

func (r *settingsReader) refused(field string) bool {
	return slices.ContainsFunc(r.violations, func(v violation) bool { return v.Field == field })
}

// text reads a string of at most limit characters; 0 stands for any number.
func (r *settingsReader) text(field string, value jsontext.Value, limit int) string {
	text, ok := strictjson.String(value)
	if !ok {
		r.refuse(field, "must be a string", "json.type")
	}
	if limit > 0 && utf8.RuneCountInString(text) > limit {
		r.refuse(field, fmt.Sprintf("must have at most %d characters", limit), "string.max_len")
	}
	return text
}

// member reads a string that may be missing or null, which is the empty one.
func (r *settingsReader) member(field string, value jsontext.Value, limit int) string {
	if value == nil || value.Kind() == 'n' {
		return ""
	}
	return r.text(field, value, limit)
}

func (r *settingsReader) array(field string, value jsontext.Value) []jsontext.Value {
	elements, ok := strictjson.Array(value)
	if !ok {
		r.refuse(field, "must be an array", "json.type")
	}
	return elements
}

func (r *settingsReader) scopes(value jsontext.Value) []string {
	var out []string
	for n, element := range r.array("client.scopes", value) {
		field := fmt.Sprintf("client.scopes[%d]", n)
		scope := r.text(field, element, 0)
		if element.Kind() == '"' && scopes.All(scope).Err() != nil {
			r.refuse(field, "must be a scope by RFC 6749: ASCII without spaces, quotes and backslashes", "scope")
		}
		out = append(out, scope)
	}
	return out
}

func (r *settingsReader) audience(value jsontext.Value) []string {
	var out []string
	for n, element := range r.array("client.audience", value) {
		field := fmt.Sprintf("client.audience[%d]", n)
		audience := r.text(field, element, 0)
		if element.Kind() == '"' && audience == "" {
			r.refuse(field, "must not be empty", "string.min_len")
		}
		out = append(out, audience)
	}
	return out
}

func (r *settingsReader) customClaims(value jsontext.Value) []customClaim {
	var out []customClaim
	keys := make(map[string]bool)
	for n, element := range r.array("client.custom_claims", value) {
		field := fmt.Sprintf("client.custom_claims[%d]", n)
		object, err := strictjson.Parse(element)
		if err != nil {
			r.refuse(field, "must be an object", "json.type")
			continue
		}
		claim := customClaim{
			Key:   r.member(field+".key", object.Lookup("key"), maxClaimKeyLength),
			Value: r.member(field+".value", object.Lookup("value"), 0),
		}
		switch {
		case r.refused(field + ".key"):
		case claim.Key == "":
			r.refuse(field+".key", "must not be empty", "string.min_len")
		case keys[claim.Key]:
			r.refuse(field+".key", "must not come twice", "repeated.unique")
		}
		keys[claim.Key] = true
		out = append(out, claim)
	}
	return out
}

// expiry reads an int64 in the forms that Protobuf's JSON has for it: a number
// or a string, with a fraction or an exponent if the value is whole.
func (r *settingsReader) expiry(value jsontext.Value) int64 {
	const field = "client.expiry"
	text := string(value)
	if value.Kind() == '"' {
		text, _ = strictjson.String(value)
	}
	number := jsontext.Value(text)
	if number.Kind() != '0' || !number.IsValid() {
		r.refuse(field, "must be a whole number of seconds", "json.type")
		return 0
	}
	seconds, err := strconv.ParseFloat(text, 64)
	switch {
	case seconds < 0:
		r.refuse(field, "must not be negative", "int64.gte")
	case seconds > maxExpiry: // an infinite one too, where err says that it is out of range
		r.refuse(field, fmt.Sprintf("must be at most %d", maxExpiry), "int64.lte")
	case err != nil || seconds != math.Trunc(seconds):
		r.refuse(field, "must be a whole number of seconds", "json.type")
	default:
		return int64(seconds)
	}
	return 0
}
