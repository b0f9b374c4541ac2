// Package strictjson reads one JSON object. It refuses text that two parsers can interpret
// differently:
//
//   - duplicate member names at any depth, even if one of the names is escaped
//   - bytes that are not valid UTF-8
//   - lone surrogates
//   - data after the object
//
// The package also refuses objects that nest deeper than [MaxDepth]. It decodes the escapes
// of names, and then compares names exactly.
//
// [Parse] is the simple reader. [Record] is the fast reader for claims sets and headers.
// Both accept the same objects, except that a Record has at most [MaxRecord] bytes.
package strictjson

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is the maximum depth of nested objects and arrays. The outermost object has
// depth 1.
const MaxDepth = 16

// Member is one member of an object.
type Member struct {
	// Name is the name, with its escapes decoded.
	Name string
	// Value is the value as raw JSON.
	Value jsontext.Value
}

// Object lists the members of an object in their order.
type Object []Member

// Lookup returns the value of the member, or nil if it is missing.
func (o Object) Lookup(name string) jsontext.Value {
	for i := range o {
		if o[i].Name == name {
			return o[i].Value
		}
	}
	return nil
}

// Parse reads data as one object. The returned values alias data, so the caller must not
// change data afterwards.
func Parse(data []byte) (Object, error) {
	if TooDeep(data) {
		return nil, errTooDeep
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(data))
	if dec.PeekKind() != '{' {
		return nil, errNotObject
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, parseError(err)
	}
	members := make(Object, 0, 16)
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, parseError(err)
		}
		m := Member{Name: name.String()}
		value, err := dec.ReadValue()
		if err != nil {
			return nil, parseError(err)
		}
		// The next call of the decoder can overwrite value, so m gets a slice of data.
		end := int(dec.InputOffset())
		m.Value = data[end-len(value) : end : end]
		members = append(members, m)
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, parseError(err)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errTrailing
	}
	return members, nil
}

// parseError converts an error of the decoder to an error of this package. It does not wrap
// err, because err quotes member names of the input.
func parseError(err error) error {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return errTwice
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("JSON ends too early: an object, array or string is not closed")
	}
	if text := err.Error(); strings.Contains(text, "UTF-8") || strings.Contains(text, "surrogate") {
		return errors.New("text is not valid UTF-8")
	}
	return errors.New("not valid JSON")
}

// TooDeep reports whether data nests deeper than MaxDepth. It does not check anything else,
// so data need not be valid JSON.
func TooDeep(data []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// String returns the text of a JSON string. It reports false if v is any other value. v must
// be valid JSON or empty.
func String[T ~string | ~[]byte](v T) (string, bool) {
	if len(v) < 2 || v[0] != '"' {
		return "", false
	}
	return unescaped(string(v[1 : len(v)-1])), true
}

// Strings returns the texts of an array of strings. It reports false if v is any other
// value. v must be valid JSON or empty.
func Strings[T ~string | ~[]byte](v T) ([]string, bool) {
	if len(v) == 0 || v[0] != '[' {
		return nil, false
	}
	texts := []string{}
	for element := range Elements(string(v)) {
		text, ok := String(element)
		if !ok {
			return nil, false
		}
		texts = append(texts, text)
	}
	return texts, true
}

// Array returns the elements of a JSON array. It reports false if v is any other value. v
// must be valid JSON or empty.
func Array(v jsontext.Value) ([]jsontext.Value, bool) {
	if len(v) == 0 || v[0] != '[' {
		return nil, false
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(v))
	if _, err := dec.ReadToken(); err != nil {
		return nil, false
	}
	var elements []jsontext.Value
	for dec.PeekKind() != ']' {
		element, err := dec.ReadValue()
		if err != nil {
			return nil, false
		}
		end := int(dec.InputOffset())
		elements = append(elements, v[end-len(element):end:end])
	}
	return elements, true
}
