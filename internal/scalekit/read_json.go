package scalekit

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/internal/strictjson"
)

const maxBodySize = 1 << 20

// jsonReader reads the members of a JSON document by the rules of a grpc-gateway. If a
// member has the wrong type, jsonReader adds a violation.
type jsonReader struct {
	*violations
}

// The type fields maps the name of an object's member to the function that reads the
// member. The name is in snake_case.
type fields map[string]func(field string, value jsontext.Value)

// readBody reads a request body. The body must be empty or a JSON object. An empty body
// counts as an object without members.
func (r jsonReader) readBody(request *http.Request, prefix string, known fields) error {
	body, err := io.ReadAll(io.LimitReader(request.Body, maxBodySize+1))
	if err != nil {
		return &apiError{code: codeInvalidArgument, message: "the request body is incomplete"}
	}
	if len(body) > maxBodySize {
		return &apiError{code: codeInvalidArgument, message: "the request body is larger than 1 MiB"}
	}
	if len(body) == 0 {
		return nil
	}
	if err := r.readDocument(body, prefix, known); err != nil {
		return &apiError{code: codeInvalidArgument, message: "the request body is malformed: " + err.Error()}
	}
	return nil
}

// readDocument reads a JSON object. For each member, readDocument looks up the name of the
// member in the map known, and calls the function that it finds. The name of the member may
// be in snake_case or in lowerCamelCase. readDocument ignores members that are null, and
// members whose names are not in the map.
func (r jsonReader) readDocument(data []byte, prefix string, known fields) error {
	object, err := strictjson.Parse(data)
	if err != nil {
		return err
	}
	seen := make(map[string]bool)
	for _, member := range object {
		name := snakeCase(member.Name)
		read := known[name]
		if read == nil {
			continue
		}
		if seen[name] {
			r.addViolation(prefix+name, "must not be repeated", "json.duplicate")
			continue
		}
		seen[name] = true
		if member.Value.Kind() != 'n' {
			read(prefix+name, member.Value)
		}
	}
	return nil
}

// readObject reads a nested object.
func (r jsonReader) readObject(field string, value jsontext.Value, known fields) {
	if err := r.readDocument(value, field+".", known); err != nil {
		r.addViolation(field, "must be an object", "json.type")
	}
}

// snakeCase converts a lowerCamelCase name to snake_case.
func snakeCase(name string) string {
	var out strings.Builder
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			out.WriteByte('_')
			c += 'a' - 'A'
		}
		out.WriteRune(c)
	}
	return out.String()
}

func (r jsonReader) text(field string, value jsontext.Value) string {
	text, ok := strictjson.String(value)
	if !ok {
		r.addViolation(field, "must be a string", "json.type")
	}
	return text
}

func (r jsonReader) array(field string, value jsontext.Value) []jsontext.Value {
	elements, ok := strictjson.Array(value)
	if !ok {
		r.addViolation(field, "must be an array", "json.type")
	}
	return elements
}

func (r jsonReader) texts(field string, value jsontext.Value) []string {
	var out []string
	for n, element := range r.array(field, value) {
		out = append(out, r.text(fmt.Sprintf("%s[%d]", field, n), element))
	}
	return out
}

// textMap reads an object whose values are strings.
func (r jsonReader) textMap(field string, value jsontext.Value) map[string]string {
	object, err := strictjson.Parse(value)
	if err != nil {
		r.addViolation(field, "must be an object with string values", "json.type")
		return nil
	}
	out := make(map[string]string, len(object))
	for _, member := range object {
		out[member.Name] = r.text(fmt.Sprintf("%s[%q]", field, member.Name), member.Value)
	}
	return out
}

func (r jsonReader) boolean(field string, value jsontext.Value) bool {
	if kind := value.Kind(); kind != 't' && kind != 'f' {
		r.addViolation(field, "must be true or false", "json.type")
	}
	return value.Kind() == 't'
}

// readNumber reads an int. The number must not have a fraction or an exponent.
func (r jsonReader) readNumber(field string, value jsontext.Value) int {
	n, err := strconv.Atoi(string(value))
	if err != nil {
		r.addViolation(field, "must be a whole number", "json.type")
	}
	return n
}

// readEnum reads a value of an enumeration. The value is a name or a number. names[i] is
// the name of the number i.
func (r jsonReader) readEnum(field string, value jsontext.Value, names ...string) int {
	for number, name := range names {
		if text, _ := strictjson.String(value); text == name || string(value) == strconv.Itoa(number) {
			return number
		}
	}
	r.addViolation(field, "must be one of "+strings.Join(names, ", "), "enum.defined_only")
	return 0
}

// readSeconds reads a whole number of seconds by the rules of Protobuf's JSON mapping for
// int64. The value may be a number or a string. A whole number may be written with a
// fraction or an exponent, such as 60.0. If the number is negative, readSeconds returns -1.
// If the number is greater than maxExpiry, readSeconds returns maxExpiry+1.
// settings.check refuses both results.
func (r jsonReader) readSeconds(field string, value jsontext.Value) int64 {
	text := string(value)
	if value.Kind() == '"' {
		text, _ = strictjson.String(value)
	}
	number := jsontext.Value(text)
	if number.Kind() != '0' || !number.IsValid() {
		r.addViolation(field, "must be a whole number of seconds", "json.type")
		return 0
	}
	seconds, err := strconv.ParseFloat(text, 64)
	switch {
	case seconds < 0 || seconds > maxExpiry: // a number that is too large becomes infinity, and err is not nil
		return int64(min(max(seconds, -1), maxExpiry+1))
	case err != nil || seconds != math.Trunc(seconds):
		r.addViolation(field, "must be a whole number of seconds", "json.type")
		return 0
	}
	return int64(seconds)
}

// settingsFields returns the functions that read a client's settings into s.
func (r jsonReader) settingsFields(s *settings) fields {
	return fields{
		"name":          func(field string, value jsontext.Value) { s.name = r.text(field, value) },
		"description":   func(field string, value jsontext.Value) { s.description = r.text(field, value) },
		"scopes":        func(field string, value jsontext.Value) { s.scopes = r.texts(field, value) },
		"audience":      func(field string, value jsontext.Value) { s.audience = r.texts(field, value) },
		"custom_claims": func(field string, value jsontext.Value) { s.customClaims = r.customClaims(field, value) },
		"expiry":        func(field string, value jsontext.Value) { s.expiry = r.readSeconds(field, value) },
	}
}

// profileFields returns the functions that read an organization's profile into p.
func (r jsonReader) profileFields(p *profile) fields {
	text := func(to **string) func(string, jsontext.Value) {
		return func(field string, value jsontext.Value) {
			text := r.text(field, value)
			*to = &text
		}
	}
	return fields{
		"display_name": text(&p.displayName),
		"external_id":  text(&p.externalID),
		"slug":         text(&p.slug),
		"logo_url":     text(&p.logoURL),
		"region_code":  func(field string, value jsontext.Value) { p.region = r.readEnum(field, value, regionNames()...) },
		"metadata":     func(field string, value jsontext.Value) { p.metadata = r.textMap(field, value) },
	}
}

func (r jsonReader) features(field string, value jsontext.Value) []feature {
	var out []feature
	for n, element := range r.array(field, value) {
		var f feature
		r.readObject(fmt.Sprintf("%s[%d]", field, n), element, fields{
			"name":    func(field string, value jsontext.Value) { f.Name = r.text(field, value) },
			"enabled": func(field string, value jsontext.Value) { f.Enabled = r.boolean(field, value) },
		})
		out = append(out, f)
	}
	return out
}

func (r jsonReader) customClaims(field string, value jsontext.Value) []customClaim {
	var out []customClaim
	for n, element := range r.array(field, value) {
		var claim customClaim
		r.readObject(fmt.Sprintf("%s[%d]", field, n), element, fields{
			"key":   func(field string, value jsontext.Value) { claim.Key = r.text(field, value) },
			"value": func(field string, value jsontext.Value) { claim.Value = r.text(field, value) },
		})
		out = append(out, claim)
	}
	return out
}
