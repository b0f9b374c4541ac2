// Package jws reads and verifies a JWS (RFC 7515) in compact serialization: its form,
// its JOSE header and its signature. It does not decrypt, it does not repair, and it
// knows nothing of claims, so that test vectors with any payload run through it.
package jws

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bearerkit/bearer/internal/strictjson"
)

// Header is the members of a JOSE header that decide something. It is immutable
// once it was read.
type Header struct {
	// Alg is "" where it is missing or not a string: no algorithm.
	Alg string
	// Kid is "" where there is none.
	Kid string
	// Typ is as it was sent.
	Typ string
	// Media is Typ in the form of [MediaType].
	Media string
	// HasTyp says that there is a "typ", be it empty.
	HasTyp bool
	// Cty is "" where it is missing or not a string.
	Cty string
	// Members is all of them.
	Members strictjson.Record
}

// ErrType is a "typ" that is not a string.
var ErrType = errors.New(`"typ" is not a string`)

// ReadHeader reads the first part of a token, decoded. Members that are not known
// are ignored (RFC 7515, section 4), those that would bring a key along among
// them.
func ReadHeader(decoded []byte) (*Header, error) {
	h := &Header{}
	if err := h.Members.Read(decoded); err != nil {
		return nil, err
	}
	for name, value := range h.Members.All() {
		switch name {
		case "alg":
			h.Alg, _ = strictjson.String(value)
		case "kid":
			kid, ok := strictjson.String(value)
			if !ok || kid == "" {
				return nil, errors.New(`"kid" is not a string, or empty`)
			}
			h.Kid = kid
		case "typ":
			typ, ok := strictjson.String(value)
			if !ok {
				return nil, ErrType
			}
			h.Typ, h.HasTyp, h.Media = typ, true, MediaType(typ)
		case "cty":
			h.Cty, _ = strictjson.String(value)
		case "crit", "b64", "zip", "enc":
			// No extension is understood here, so none may be critical (RFC
			// 7515, section 4.1.11; RFC 7797, sections 6 and 7). The others
			// would change what the signed bytes mean.
			return nil, fmt.Errorf("%q is not supported", name)
		}
	}
	return h, nil
}

// MediaType returns a "typ" or "cty" in the form in which two of them can be compared:
// lower case, without "application/" (RFC 7515, section 4.1.9; RFC 2045, section 5.1).
func MediaType(typ string) string {
	switch typ { // the two most frequent values
	case "JWT":
		return "jwt"
	case "at+jwt":
		return "at+jwt"
	}
	if strings.ContainsFunc(typ, func(c rune) bool { return c > '~' }) {
		return typ // no media type; the lower case of some letters beyond ASCII is in ASCII
	}
	typ = strings.ToLower(typ)
	if rest, ok := strings.CutPrefix(typ, "application/"); ok && !strings.Contains(rest, "/") {
		return rest
	}
	return typ
}

const (
	maxHeaders      = 256 // kept at once
	maxHeaderLength = 512 // encoded characters of one
)

// Headers keeps the parsed JOSE headers of verified tokens. An issuer writes the same
// header into every token that it signs with one key, so there are about as many as keys.
// A header that is found says nothing about the rest of the token. The zero Headers is
// ready to use and safe for concurrent use.
type Headers struct {
	known  sync.Map // encoded header to *Header
	n      atomic.Int32
	varied atomic.Bool // the limit was reached once
}

// Find returns the parsed form of an encoded header, or nil.
func (h *Headers) Find(encoded string) *Header {
	known, ok := h.known.Load(encoded)
	if !ok {
		return nil
	}
	header, _ := known.(*Header)
	return header
}

// Add keeps the header of a verified token. At the limit it forgets all others: an
// issuer that varies its headers gains nothing from them. It reports whether there are
// so few headers that other tokens can be expected to share this one.
func (h *Headers) Add(encoded string, header *Header) (few bool) {
	if len(encoded) > maxHeaderLength {
		return false
	}
	if h.n.Load() >= maxHeaders {
		h.varied.Store(true)
		h.known.Clear()
		h.n.Store(0)
	}
	if _, loaded := h.known.LoadOrStore(strings.Clone(encoded), header); !loaded {
		h.n.Add(1)
	}
	return !h.varied.Load()
}
