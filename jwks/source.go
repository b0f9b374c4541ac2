package jwks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/internal/strictjson"
)

// source is a JSON text that an issuer sent, prepared for the decoder.
//
// Issuers, and the programs that write their documents, make mistakes in members that no reader
// needs. So source tolerates a byte order mark (RFC 8259, section 8.1), control characters
// inside strings, invalid UTF-8 and duplicate names. It tolerates none of these in the members
// that matter, because two readers can read such a member in different ways.
type source struct {
	text     []byte // without the byte order mark; control characters inside strings are replaced
	original []byte // the same without replacement
	repaired bool   // control characters were replaced with the byte placeholder
	skipped  int    // the length of the byte order mark
}

// placeholder replaces control characters inside strings. It is the character DEL, which is valid
// there (RFC 8259, section 7). It has one byte, so the positions in the text stay the same.
const placeholder = 0x7f

var byteOrderMark = []byte("\xef\xbb\xbf")

// newSource prepares a document. It takes time in proportion to the size of the document. It does
// not change the document.
func newSource(document []byte) source {
	text := bytes.TrimPrefix(document, byteOrderMark)
	s := source{original: text, skipped: len(document) - len(text)}
	s.text, s.repaired = withoutControls(text)
	return s
}

// withoutControls replaces the control characters inside strings. The result is text itself if
// there are none. It keeps a control character after a backslash, because this is no valid escape.
func withoutControls(text []byte) (result []byte, replaced bool) {
	inString := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case !inString:
			inString = c == '"'
		case c == '"':
			inString = false
		case c == '\\':
			i++
		case c < ' ':
			if !replaced {
				text, replaced = bytes.Clone(text), true
			}
			text[i] = placeholder
		}
	}
	return text, replaced
}

// objectReader reads a JSON object whose members are mostly of no interest.
type objectReader struct {
	source
	// names are the names of the members that matter. Each of them must be unique. A name with
	// escapes counts as the name that it decodes to. Names are case-sensitive.
	names []string
	// validNames requires that the names of all members are valid UTF-8. Without this, a reader
	// that drops invalid bytes finds other names.
	validNames bool
	most       int // the largest number of members; 0 means no limit
}

// read calls the function value for each member that matters. The function value must read the
// value of the member from the decoder.
func (r objectReader) read(value func(dec *jsontext.Decoder, name string) error) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(r.text),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if dec.PeekKind() != '{' {
		return errNoObject
	}
	if _, err := dec.ReadToken(); err != nil {
		return r.locate(err)
	}
	seen := make(map[string]bool, len(r.names))
	for n := 0; dec.PeekKind() != '}'; n++ {
		if r.most > 0 && n == r.most {
			return fmt.Errorf("more than %d members", r.most)
		}
		name, start, err := r.name(dec)
		if err != nil {
			return err
		}
		switch {
		case !slices.Contains(r.names, name):
			err = dec.SkipValue()
		case seen[name]:
			return fmt.Errorf("the member %q appears twice, the second time at byte %d", name, start)
		default:
			seen[name] = true
			err = value(dec, name)
		}
		if err != nil {
			return r.locate(err)
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return r.locate(err)
	}
	end := dec.InputOffset()
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("data after the JSON object, at byte %d", r.position(end))
	}
	return nil
}

// name reads the name of a member. It also returns the position of the name.
func (r objectReader) name(dec *jsontext.Decoder) (name string, start int64, err error) {
	raw, err := dec.ReadValue()
	if err != nil {
		return "", 0, r.locate(err)
	}
	start = r.position(dec.InputOffset() - int64(len(raw)))
	if r.hasControl(raw) {
		return "", 0, fmt.Errorf("a member name contains a control character, at byte %d", start)
	}
	if r.validNames && !raw.IsValid() {
		return "", 0, fmt.Errorf("a member name is not valid UTF-8, at byte %d", start)
	}
	// If the name is not valid UTF-8, AppendUnquote returns an error and a name with the character
	// U+FFFD. Such a name is not a name that matters.
	text, _ := jsontext.AppendUnquote(nil, raw)
	return string(text), start, nil
}

// readAll returns the members that matter, in their order. Their values must be valid UTF-8
// without control characters, and must have no duplicate names.
func (r objectReader) readAll() (strictjson.Object, error) {
	if strictjson.TooDeep(r.text) {
		return nil, fmt.Errorf("nested deeper than %d levels", strictjson.MaxDepth)
	}
	var found strictjson.Object
	err := r.read(func(dec *jsontext.Decoder, name string) error {
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		// The decoder may reuse the memory of value, so the result contains a part of the text.
		end := int(dec.InputOffset())
		m := strictjson.Member{Name: name, Value: r.text[end-len(value) : end : end]}
		found = append(found, m)
		return r.check(m)
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// check checks a member that matters.
func (r objectReader) check(m strictjson.Member) error {
	switch {
	case r.hasControl(m.Value):
		return fmt.Errorf("%q contains a control character", m.Name)
	case m.Value.IsValid():
		return nil
	case m.Value.IsValid(jsontext.AllowDuplicateNames(true)):
		return fmt.Errorf("%q contains a member name twice", m.Name)
	}
	return fmt.Errorf("%q is not valid UTF-8", m.Name)
}

// hasControl reports whether a control character may have been replaced in a part of the text.
func (s source) hasControl(part jsontext.Value) bool {
	return s.repaired && bytes.IndexByte(part, placeholder) >= 0
}

var errNoObject = errors.New("not a JSON object")

// position returns the position of the byte at an offset in the text. The first byte of the
// document has the position 1.
func (s source) position(offset int64) int64 { return int64(s.skipped) + offset + 1 }

// locate returns the error for a syntax error, with its position. The error does not contain parts
// of the document, as the texts of the decoder do. Other errors are returned unchanged.
func (s source) locate(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("JSON ends too early, after %d bytes: an object, array or string is not closed", s.skipped+len(s.text))
	}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("not valid JSON at byte %d", s.position(syntax.ByteOffset))
	}
	return err
}

// all returns the names and values of all members, until the first syntax error. Only texts for
// people may depend on it, because names may appear twice.
func (s source) all() iter.Seq2[string, jsontext.Value] {
	return func(yield func(string, jsontext.Value) bool) {
		dec := jsontext.NewDecoder(bytes.NewBuffer(s.text),
			jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		if token, err := dec.ReadToken(); err != nil || token.Kind() != '{' {
			return
		}
		for dec.PeekKind() == '"' {
			name, err := dec.ReadToken()
			if err != nil {
				return
			}
			text := name.String()
			value, err := dec.ReadValue()
			if err != nil || !yield(text, value.Clone()) {
				return
			}
		}
	}
}
