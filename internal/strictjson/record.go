package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxRecord is the maximum length of a Record's text in bytes.
const MaxRecord = 1<<16 - 1

// Record is a compact form of an object that is stored for a long time. It contains one
// copy of the text, and 8 bytes for the position of each member. A Record is immutable
// after Read. Copies of a Record share one text.
type Record struct {
	text    string
	members []span
	inline  [usualMembers]span // backing array of members, if there are at most usualMembers
	escaped bool               // the text has a backslash, perhaps in a name
	// places has one element for each name in commonNames. The element is 0 if the object
	// has no member of this name. Otherwise the element is 1 plus the index of the member in
	// members, or unindexed.
	places [len(commonNames)]uint8
}

// span is the position of one member in the text. The position of the name does not
// include its quotes.
type span struct{ name, nameEnd, value, valueEnd uint16 }

const (
	// usualMembers is the number of members for which a Record has space without an
	// allocation. Most tokens do not have more members.
	usualMembers = 12
	// maxPairwise is the maximum number of members whose names are compared pairwise.
	// Comparing more names pairwise takes too long, because the time is quadratic.
	maxPairwise = 64
	// unindexed is the element of places for a member whose index does not fit into a uint8.
	// The method search finds such a member.
	unindexed = 255
)

// Read copies data and reads it as one object. Read accepts the objects that Parse accepts,
// except that data may have at most MaxRecord bytes. After an error the Record has no
// members.
//
// If the object is not plain, Read first validates the text with jsontext. Then Read finds
// the members without jsontext. This is simple for valid text, and takes a fifth of the time
// that jsontext takes.
func (r *Record) Read(data []byte) error {
	if len(data) > MaxRecord {
		return fmt.Errorf("longer than %d bytes", MaxRecord)
	}
	r.text = string(data)
	if !r.readPlain(data) {
		*r = Record{text: r.text}
		if err := r.readAny(data); err != nil {
			*r = Record{}
			return err
		}
	}
	return nil
}

// readAny reads an object that need not be plain. It validates data with jsontext and finds
// the members of the object.
func (r *Record) readAny(data []byte) error {
	r.members = r.inline[:0]
	// bytes.Count is fast, and text with at most MaxDepth brackets cannot nest too deep.
	if brackets := bytes.Count(data, []byte{'{'}) + bytes.Count(data, []byte{'['}); brackets > MaxDepth && TooDeep(data) {
		return errTooDeep
	}
	// The loop below finds duplicate names at a lower cost than jsontext.
	if !jsontext.Value(data).IsValid(jsontext.AllowDuplicateNames(true)) {
		return syntaxError(data)
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
		if len(r.members) == maxPairwise && !jsontext.Value(data).IsValid() {
			return errTwice
		}
		if !r.add(m, unescaped(r.text[m.name:m.nameEnd])) {
			return errTwice
		}
		if c := r.text[m.value]; (c == '{' || c == '[') && !hasUniqueNames(data[m.value:m.valueEnd]) {
			return errTwice
		}
	}
}

// add adds a member. It reports false if the object already has a member of this name. After
// the first maxPairwise members, add detects only duplicates of the names in commonNames.
// For such large objects, readAny detects the other duplicates with jsontext.
func (r *Record) add(m span, name string) bool {
	switch n := indexOf(name); {
	case n > 0 && r.places[n] > 0:
		return false
	case n > 0:
		r.places[n] = uint8(min(len(r.members)+1, unindexed))
	case len(r.members) < maxPairwise && r.search(name) >= 0:
		return false
	}
	r.members = append(r.members, m)
	return true
}

var (
	errTooDeep   = fmt.Errorf("nested deeper than %d levels", MaxDepth)
	errNotObject = errors.New("not a JSON object")
	errTwice     = errors.New("a member name appears twice")
)

// syntaxError returns the error that Parse returns for data. data is not valid JSON.
func syntaxError(data []byte) error {
	if _, err := Parse(data); err != nil {
		return err
	}
	return errors.New("not valid JSON")
}

// hasUniqueNames reports whether no object in value has duplicate names. value must be a
// valid object or array.
func hasUniqueNames(value []byte) bool {
	return bytes.IndexByte(value, '{') < 0 || jsontext.Value(value).IsValid()
}

// search returns the index of the member with this name, or -1 if there is no such member.
func (r *Record) search(name string) int {
	for i := range r.members {
		m := &r.members[i]
		if text := r.text[m.name:m.nameEnd]; text == name && !r.escaped || r.escaped && unescaped(text) == name {
			return i
		}
	}
	return -1
}

// unescaped returns a name with its escapes decoded. The name must be valid JSON text.
func unescaped(name string) string {
	if strings.IndexByte(name, '\\') < 0 {
		return name
	}
	text, _ := String(`"` + name + `"`)
	return text
}

// Text returns the text of the object as Read received it.
func (r *Record) Text() string { return r.text }

// Memory estimates the memory of the Record in bytes, without the struct itself.
func (r *Record) Memory() int {
	n := len(r.text)
	if len(r.members) > usualMembers {
		n += 8 * len(r.members)
	}
	return n
}

// Len returns the number of members.
func (r *Record) Len() int { return len(r.members) }

// Lookup returns the value of the member, or "" if it is missing.
func (r *Record) Lookup(name string) string { return r.Get(NameOf(name)) }

// Get does what Lookup does. It is faster for a name that the caller looks up many times.
func (r *Record) Get(name Name) string {
	var i int
	if place := r.places[name.index]; name.index > 0 && place < unindexed {
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

// All iterates over the names and values of the members, in their order.
func (r *Record) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, m := range r.members {
			if !yield(unescaped(r.text[m.name:m.nameEnd]), r.text[m.value:m.valueEnd]) {
				return
			}
		}
	}
}

// commonNames lists the names that most access tokens have, and the names that every
// verification looks up. A Record stores the positions of members with these names, so that
// Get finds these members without a search. A lookup of any other name takes a few
// nanoseconds longer.
var commonNames = [...]string{
	"",                                                                    // index 0 means "not a common name"
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", // RFC 7519, RFC 9068
	"scp", "scopes", "azp", "cid", "appid", "tid", "oid", "roles", "permissions", // claims of vendors for the client, the tenant, scopes and roles
	"cnf", "typ", "nonce", "at_hash", "c_hash", "events", "token_use", "ver", // claims that mark special kinds of tokens
	"alg", "kid", "custom_claims",
}

// nameTableSize is several times the number of names, so that most names have their own
// place.
const nameTableSize = 128

// nameTable maps the hash of a name to the index of the name in commonNames. If another
// name already occupies the element for this hash, the index is in the next free
// element. 0 marks a free element.
var nameTable = func() (table [nameTableSize]uint8) {
	for i, name := range commonNames[1:] {
		h := hash(name)
		for table[h] != 0 {
			h = (h + 1) % nameTableSize
		}
		table[h] = uint8(i + 1)
	}
	return table
}()

func hash(name string) uint8 {
	if name == "" {
		return 0
	}
	return (uint8(len(name))*31 + name[0]*5 + name[len(name)-1]*3) % nameTableSize //nolint:gosec // an overflow does no harm, because the result is only a hash
}

// indexOf returns the index of a name in commonNames, or 0 if commonNames does not contain
// the name.
func indexOf(name string) uint8 {
	for h := hash(name); ; h = (h + 1) % nameTableSize {
		switch i := nameTable[h]; {
		case i == 0:
			return 0
		case commonNames[i] == name:
			return i
		}
	}
}

// Name is a member name that is prepared for many lookups with [Record.Get].
type Name struct {
	text  string
	index uint8 // the result of indexOf for text
}

// NameOf returns the Name for text.
func NameOf(text string) Name { return Name{text, indexOf(text)} }

// String returns the text of the name.
func (n Name) String() string { return n.text }
