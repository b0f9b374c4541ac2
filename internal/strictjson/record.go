package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"strings"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/internal/sizeof"
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
	// maxPairwise is the maximum number of members of a plain object. Their names are compared
	// pairwise. For more names, this takes too long, because the time is quadratic.
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
	// bytes.Count is fast, and text with at most MaxDepth brackets cannot nest too deep.
	if brackets := bytes.Count(data, []byte{'{'}) + bytes.Count(data, []byte{'['}); brackets > MaxDepth && TooDeep(data) {
		return errTooDeep
	}
	// countNames finds duplicate names at a lower cost than jsontext.
	if !jsontext.Value(data).IsValid(jsontext.AllowDuplicateNames(true)) {
		return syntaxError(data)
	}
	start := skipSpace(data, 0)
	if data[start] != '{' {
		return errNotObject
	}
	r.escaped = strings.IndexByte(r.text, '\\') >= 0
	n, unique := countNames(data, r.text, r.escaped)
	if !unique {
		return errTwice
	}
	if r.members = r.inline[:0]; n > usualMembers {
		r.members = make([]span, 0, n)
	}
	for next := start + 1; ; {
		var m span
		var ok bool
		if m, next, ok = nextMember(r.text, next, r.escaped); !ok {
			return nil
		}
		r.append(m, indexOfText(r.text[m.name:m.nameEnd]))
	}
}

// addPlain adds a member of a plain object. It reports false if the object already has a
// member of this name.
func (r *Record) addPlain(m span) bool {
	name := r.text[m.name:m.nameEnd]
	n := indexOf(name)
	if n > 0 && r.places[n] > 0 || n == 0 && r.search(name) >= 0 {
		return false
	}
	r.append(m, n)
	return true
}

// append appends a member. n is the index of its name in commonNames, or 0.
func (r *Record) append(m span, n uint8) {
	if n > 0 {
		r.places[n] = uint8(min(len(r.members)+1, unindexed))
	}
	r.members = append(r.members, m)
}

var (
	errTooDeep   = fmt.Errorf("nested deeper than %d levels", MaxDepth)
	errNotObject = errors.New("not a JSON object")
	errTwice     = errors.New("a member name appears twice")
	errTrailing  = errors.New("data after the JSON object")
)

// syntaxError returns the error for data, which is not one valid JSON value.
func syntaxError(data []byte) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true))
	if dec.PeekKind() != '{' {
		return errNotObject
	}
	if _, err := dec.ReadValue(); err != nil {
		return parseError(err)
	}
	return errTrailing
}

// search returns the index of the member with this name, or -1 if there is no such member.
func (r *Record) search(name string) int {
	for i := range r.members {
		m := &r.members[i]
		if text := r.text[m.name:m.nameEnd]; text == name && !r.escaped || r.escaped && isText(text, name) {
			return i
		}
	}
	return -1
}

// unescaped returns a text with its escapes decoded. It is the text of a valid JSON string
// without the quotes.
func unescaped(text string) string {
	if strings.IndexByte(text, '\\') < 0 {
		return text
	}
	var buf [128]byte // most texts fit, so that only the result is allocated
	if len(text) <= len(buf) {
		return string(appendText(buf[:0], text))
	}
	return string(appendText(make([]byte, 0, len(text)), text))
}

// Text returns the text of the object as Read received it.
func (r *Record) Text() string { return r.text }

// Memory estimates the memory of the Record in bytes, without the struct itself.
func (r *Record) Memory() int {
	n := sizeof.Alloc(len(r.text))
	if len(r.members) > usualMembers {
		n += sizeof.Alloc(cap(r.members) * int(unsafe.Sizeof(span{})))
	}
	return n
}

// Escaped reports whether the text has escapes. The decoded form of such a text needs its own
// memory. Other texts of the object can share the memory of the Record.
func (r *Record) Escaped() bool { return r.escaped }

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
		var names textDecoder
		for _, m := range r.members {
			if !yield(names.decode(r.text[m.name:m.nameEnd], len(r.text)-int(m.name)), r.text[m.value:m.valueEnd]) {
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

// indexOfText returns the result of indexOf for a name with its escapes decoded.
func indexOfText(text string) uint8 {
	if strings.IndexByte(text, '\\') < 0 {
		return indexOf(text)
	}
	const maxCommon = len("custom_claims")  // the longest of commonNames
	var buf [maxCommon * len(`\u0000`)]byte // the longest text of such a name
	if len(text) > len(buf) {
		return 0
	}
	name := appendText(buf[:0], text)
	if len(name) > maxCommon {
		return 0
	}
	return indexOf(string(name))
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
