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
// members are, with 8 bytes for each. It is immutable once it was read, and copies
// of it share what it has.
type Record struct {
	text    string
	members []span
	usual   [usual]span        // room for the members, if there are no more
	places  [len(common)]uint8 // of the names in common: the member's number from 1; 0: none; beyond: as it says
	escaped bool               // there is a backslash in the text, perhaps in a name
}

// span is where one member is. The name is without its quotes.
type span struct{ name, nameEnd, value, valueEnd uint16 }

const (
	usual  = 12  // as many members as most tokens have, or fewer
	many   = 64  // more than are compared with each other, which costs their square
	beyond = 255 // of places: it has to be looked for
)

// Read reads data as one object, as strictly as Parse does, and copies it. After an
// error there are no members.
//
// That the text is valid is the library's word. Only after it has given it the
// text is cut into members here, which is simple for text that is known to be
// valid, and takes a fifth of the time of the library's tokens.
func (r *Record) Read(data []byte) error {
	if len(data) > MaxRecord {
		return errors.New("too long")
	}
	r.text = string(data)
	if !r.plain(data) {
		*r = Record{text: r.text}
		if err := r.read(data); err != nil {
			*r = Record{}
			return err
		}
	}
	return nil
}

// read finds the members of any object, if the library says that it is valid.
func (r *Record) read(data []byte) error {
	r.members = r.usual[:0]
	// Nothing nests deeper than it has brackets, and bytes are counted fast.
	if brackets := bytes.Count(data, []byte{'{'}) + bytes.Count(data, []byte{'['}); brackets > MaxDepth && TooDeep(data) {
		return errTooDeep
	}
	// Names that come twice are looked for below, where it costs less.
	if !jsontext.Value(data).IsValid(jsontext.AllowDuplicateNames(true)) {
		return why(data)
	}
	start := skipSpace(data, 0)
	if data[start] != '{' {
		return errNotObject
	}
	r.escaped = strings.IndexByte(r.text, '\\') >= 0
	for next := start + 1; ; {
		var m span
		var ok bool
		if m, next, ok = nextMember(r.text, next, r.escaped); !ok {
			return nil
		}
		if len(r.members) == many && !jsontext.Value(data).IsValid() {
			return errTwice
		}
		if !r.add(m, unescaped(r.text[m.name:m.nameEnd])) {
			return errTwice
		}
		if c := r.text[m.value]; (c == '{' || c == '[') && !unique(data[m.value:m.valueEnd]) {
			return errTwice
		}
	}
}

// add adds a member, and reports false if there is one of this name: beyond many
// of them only if that costs nothing.
func (r *Record) add(m span, name string) bool {
	switch n := commonName(name); {
	case n > 0 && r.places[n] > 0:
		return false
	case n > 0:
		r.places[n] = uint8(min(len(r.members)+1, beyond))
	case len(r.members) < many && r.search(name) >= 0:
		return false
	}
	r.members = append(r.members, m)
	return true
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

// search returns which of the members has the name, or -1.
func (r *Record) search(name string) int {
	for i := range r.members {
		m := &r.members[i]
		if text := r.text[m.name:m.nameEnd]; text == name && !r.escaped || r.escaped && unescaped(text) == name {
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

// Memory returns about how many bytes the Record takes beside itself.
func (r *Record) Memory() int {
	n := len(r.text)
	if len(r.members) > usual {
		n += 8 * len(r.members)
	}
	return n
}

// Len returns the number of members.
func (r *Record) Len() int { return len(r.members) }

// Lookup returns the value of a member, or "".
func (r *Record) Lookup(name string) string { return r.Get(NameOf(name)) }

// Get is Lookup for a name that is looked up often.
func (r *Record) Get(name Name) string {
	var i int
	if place := r.places[name.common]; name.common > 0 && place < beyond {
		i = int(place) - 1
	} else {
		i = r.search(name.text)
	}
	if i < 0 {
		return ""
	}
	m := &r.members[i]
	return r.text[m.value:m.valueEnd]
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

// common is the names that the claims of access tokens have again and again, and
// those that are looked for in each: a Record knows where they are without looking
// for them. That a name is missing here costs a few nanoseconds.
var common = [...]string{
	"",                                                                    // a place for none
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", // RFC 7519, RFC 9068
	"scp", "scopes", "azp", "cid", "appid", "tid", "oid", "roles", "permissions", // others' names for these
	"cnf", "typ", "nonce", "at_hash", "c_hash", "events", "token_use", "ver", // what tells other tokens
	"alg", "kid", "custom_claims",
}

// hashes is how many there are, several times as many as names.
const hashes = 128

// nameTable is common by a hash: 0 for no name.
var nameTable = func() (table [hashes]uint8) {
	for i, name := range common[1:] {
		h := hash(name)
		for table[h] != 0 {
			h = (h + 1) % hashes
		}
		table[h] = uint8(i + 1)
	}
	return table
}()

func hash(name string) uint8 {
	if name == "" {
		return 0
	}
	return (uint8(len(name))*31 + name[0]*5 + name[len(name)-1]*3) % hashes //nolint:gosec // any number will do
}

// commonName returns the number of a name in common, or 0.
func commonName(name string) uint8 {
	for h := hash(name); ; h = (h + 1) % hashes {
		switch i := nameTable[h]; {
		case i == 0:
			return 0
		case common[i] == name:
			return i
		}
	}
}

// Name is a name to look up many times.
type Name struct {
	text   string
	common uint8
}

// NameOf returns the Name of a text.
func NameOf(text string) Name { return Name{text, commonName(text)} }

// String returns the text.
func (n Name) String() string { return n.text }
