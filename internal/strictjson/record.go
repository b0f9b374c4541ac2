package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxRecord is how many bytes the text of a Record may have.
const MaxRecord = 1<<16 - 1

// Record is an object as it is kept for long: its text, once, and where its
// members are. It is immutable and takes 8 bytes for each member beside the text.
type Record struct {
	text    string
	members []span
	escaped bool // a name has a backslash in it
}

// span is where one member is. The name is without its quotes.
type span struct{ name, nameEnd, value, valueEnd uint16 }

// few is how many members are found without asking for memory more than once.
const few = 32

// ParseRecord reads data as one object, as strictly as Parse does, and copies it.
//
// That the text is valid is the library's word. Only after it has given it the
// text is cut into members here, which is simple for text that is known to be
// valid, and takes half of the time of the library's tokens.
func ParseRecord(data []byte) (Record, error) {
	if len(data) > MaxRecord {
		return Record{}, errors.New("too long")
	}
	// Nothing nests deeper than it has brackets, and bytes are counted fast.
	if brackets := bytes.Count(data, []byte{'{'}) + bytes.Count(data, []byte{'['}); brackets > MaxDepth && TooDeep(data) {
		return Record{}, errTooDeep
	}
	// Names that come twice are looked for below, where it costs less.
	if !jsontext.Value(data).IsValid(jsontext.AllowDuplicateNames(true)) {
		return Record{}, why(data)
	}
	start := skipSpace(data, 0)
	if data[start] != '{' {
		return Record{}, errNotObject
	}
	r := Record{text: string(data)}
	r.escaped = strings.IndexByte(r.text, '\\') >= 0
	var buf [few]span
	found := buf[:0]
	for m := range members(r.text[start:]) {
		m = m.moved(start)
		if r.has(found, m) {
			return Record{}, errTwice
		}
		if c := r.text[m.value]; (c == '{' || c == '[') && !unique(data[m.value:m.valueEnd]) {
			return Record{}, errTwice
		}
		found = append(found, m)
	}
	r.members = append(make([]span, 0, len(found)), found...)
	return r, nil
}

var (
	errTooDeep   = fmt.Errorf("nested more than %d deep", MaxDepth)
	errNotObject = errors.New("not a JSON object")
	errTwice     = errors.New("a member name comes twice")
)

// why says what Parse finds wrong with what is not valid.
func why(data []byte) error {
	if _, err := Parse(data); err != nil {
		return err
	}
	return errors.New("not valid JSON")
}

// unique reports whether no name comes twice within an object or array.
func unique(value []byte) bool {
	return bytes.IndexByte(value, '{') < 0 || jsontext.Value(value).IsValid()
}

func (m span) moved(by int) span {
	n := uint16(by) //nolint:gosec // an offset in a text of MaxRecord bytes at most, as are the sums
	return span{m.name + n, m.nameEnd + n, m.value + n, m.valueEnd + n}
}

// has reports whether a member of this name was found before.
func (r *Record) has(found []span, m span) bool {
	name := r.text[m.name:m.nameEnd]
	if r.escaped {
		name = unescaped(name)
	}
	return r.index(found, name) >= 0
}

func (r *Record) index(in []span, name string) int {
	for i := range in {
		m := &in[i]
		switch text := r.text[m.name:m.nameEnd]; {
		case text == name:
			if !r.escaped || strings.IndexByte(text, '\\') < 0 {
				return i
			}
		case r.escaped && unescaped(text) == name:
			return i
		}
	}
	return -1
}

// unescaped returns the text of a name, which is valid.
func unescaped(name string) string {
	if strings.IndexByte(name, '\\') < 0 {
		return name
	}
	text, _ := String(`"` + name + `"`)
	return text
}

// Text returns the object as it was read.
func (r *Record) Text() string { return r.text }

// Len returns the number of members.
func (r *Record) Len() int { return len(r.members) }

// Lookup returns the value of a member, or "".
func (r *Record) Lookup(name string) string {
	i := r.index(r.members, name)
	if i < 0 {
		return ""
	}
	return r.text[r.members[i].value:r.members[i].valueEnd]
}

// All returns the names and the values of the members in their order.
func (r *Record) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, m := range r.members {
			if !yield(unescaped(r.text[m.name:m.nameEnd]), r.text[m.value:m.valueEnd]) {
				return
			}
		}
	}
}
