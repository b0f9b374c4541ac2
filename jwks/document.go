package jwks

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/internal/quote"
)

// elements returns the elements of "keys" as raw JSON. It returns an error if the document
// has a member name twice. It does not check the content of the elements, because an invalid
// element must not affect the other elements. If ended returns an error, elements returns this error.
func elements(ended func() error, document []byte) ([]jsontext.Value, error) {
	if len(document) > maxDocument {
		return nil, fmt.Errorf("more than %d bytes", maxDocument)
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(document),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if dec.PeekKind() != '{' {
		return nil, errors.New("not a JSON object")
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, withoutContent(err)
	}
	var found []jsontext.Value
	seen := make(map[string]bool)
	for dec.PeekKind() != '}' {
		if err := ended(); err != nil {
			return nil, err
		}
		if len(seen) == maxMembers {
			return nil, fmt.Errorf("more than %d members", maxMembers)
		}
		token, err := dec.ReadToken()
		if err != nil {
			return nil, withoutContent(err)
		}
		name := token.String()
		if seen[name] {
			return nil, errors.New("a member name appears twice")
		}
		seen[name] = true
		if name == "keys" {
			found, err = array(ended, dec, document)
		} else {
			err = dec.SkipValue()
		}
		if err != nil {
			return nil, withoutContent(err)
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, withoutContent(err)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("data after the JSON object")
	}
	if !seen["keys"] {
		return nil, errors.New(`no member "keys"`)
	}
	return found, nil
}

var (
	errNoArray     = errors.New(`"keys" is not an array`)
	errTooManyKeys = fmt.Errorf("more than %d keys", maxKeys)
)

// array reads an array from dec. It returns the elements of the array as parts of document.
func array(ended func() error, dec *jsontext.Decoder, document []byte) ([]jsontext.Value, error) {
	if dec.PeekKind() != '[' {
		return nil, errNoArray
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	var found []jsontext.Value
	for dec.PeekKind() != ']' {
		if err := ended(); err != nil {
			return nil, err
		}
		value, err := dec.ReadValue()
		if err != nil {
			return nil, err
		}
		if len(found) == maxKeys {
			return nil, errTooManyKeys
		}
		// The decoder may reuse the memory of value, so the result contains parts of document
		// instead.
		end := int(dec.InputOffset())
		found = append(found, document[end-len(value):end:end])
	}
	_, err := dec.ReadToken()
	return found, err
}

// withoutContent returns an error that does not contain parts of the document. It replaces the
// syntax errors of the decoder, because their texts contain parts of the document.
func withoutContent(err error) error {
	if errors.Is(err, errNoArray) || errors.Is(err, errTooManyKeys) {
		return err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("JSON ends too early: an object, array or string is not closed")
	}
	return errors.New("not valid JSON")
}

// describeSkipped returns the Skipped of an element that parseAfter leaves out because of err.
// The argument id is the "kid" of the element.
func describeSkipped(index int, id string, err error) Skipped {
	return Skipped{Index: index, ID: quote.Cut(id), Reason: quote.Line(err.Error()), Private: errors.Is(err, errPrivate)}
}
