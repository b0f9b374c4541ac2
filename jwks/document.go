package jwks

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/internal/quote"
)

// elements returns the elements of "keys" as raw JSON. It does not check the content of the
// elements, because an invalid element must not affect the other elements. If ended returns an
// error, elements returns this error.
func elements(ended func() error, document []byte) ([]source, error) {
	if len(document) > maxDocument {
		return nil, fmt.Errorf("more than %d bytes", maxDocument)
	}
	s := newSource(document)
	reader := objectReader{source: s, names: []string{"keys"}, most: maxMembers}
	var found []source
	present := false
	err := reader.read(func(dec *jsontext.Decoder, _ string) (err error) {
		present = true
		found, err = s.array(ended, dec)
		return err
	})
	switch {
	case errors.Is(err, errNoObject):
		return nil, s.noObject(adviseKeySet)
	case err != nil:
		return nil, err
	case !present:
		return nil, s.noKeys()
	}
	return found, nil
}

var (
	errNoArray     = errors.New(`"keys" is not an array`)
	errTooManyKeys = fmt.Errorf("more than %d keys", maxKeys)
)

// array reads an array from dec. It returns the elements of the array as parts of the text.
func (s source) array(ended func() error, dec *jsontext.Decoder) ([]source, error) {
	if dec.PeekKind() != '[' {
		return nil, errNoArray
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	var found []source
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
		// The decoder may reuse the memory of value, so the result contains parts of the text
		// instead.
		end := int(dec.InputOffset())
		start := end - len(value)
		found = append(found, source{text: s.text[start:end:end], original: s.original[start:end:end], repaired: s.repaired})
	}
	_, err := dec.ReadToken()
	return found, err
}

// withoutContent returns an error that does not contain parts of the document. The texts of the
// decoder contain parts of the document.
func withoutContent(err error) error {
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
