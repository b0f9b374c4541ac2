// Package jws reads and verifies a JWS (RFC 7515) in compact serialization: its form,
// its JOSE header and its signature. The package does not decrypt tokens and does not
// repair malformed tokens. It does not read claims, so it can also verify a JWS whose
// payload is not a claims set, such as the examples of RFC 7520.
package jws

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bearerkit/bearer/internal/sizeof"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// Header holds the members of a JOSE header that verification needs. It is immutable
// after [ReadHeader] returns it.
type Header struct {
	// Alg is "" if the member is missing or not a string. No algorithm has the name "".
	Alg string
	// Kid is "" if the header has no "kid".
	Kid string
	// Typ is the text of "typ" as the issuer wrote it.
	Typ string
	// Media is Typ in the form that [MediaType] returns.
	Media string
	// HasTyp reports whether the header has a "typ", which may be empty.
	HasTyp bool
	// Cty is "" if the member is missing or not a string.
	Cty string
	// Members holds all members.
	Members strictjson.Record
}

// ErrType means that "typ" is not a string.
var ErrType = errors.New(`"typ" is not a string`)

// ReadHeader reads a JOSE header. decoded is the decoded first part of a token. ReadHeader
// returns an error if the header has one of the members "crit", "b64" and "enc". It ignores
// unknown members (RFC 7515, section 4). It also ignores "zip", and members that contain a key
// or the address of a key ("jwk", "jku", "x5c", "x5u").
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
				return nil, errors.New(`"kid" is empty or not a string`)
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
		case "crit", "b64", "enc":
			// This package implements no extension, so no extension may be critical
			// (RFC 7515, section 4.1.11; RFC 7797, sections 6 and 7). "b64" and "enc" change
			// the meaning of the signed bytes. "zip" does so only in an encrypted token (RFC
			// 7516, section 4.1.3). In a signed token, "zip" is an unknown member.
			return nil, fmt.Errorf("%q is not supported", name)
		}
	}
	return h, nil
}

// Memory estimates the memory of the header in bytes, without the struct itself.
func (h *Header) Memory() int {
	n := h.Members.Memory()
	if h.Members.Escaped() {
		n += sizeof.Text(len(h.Alg)) + sizeof.Text(len(h.Kid)) + sizeof.Text(len(h.Typ)) + sizeof.Text(len(h.Cty))
	}
	if h.Media != h.Typ { // MediaType made a new string
		n += sizeof.Text(len(h.Media))
	}
	return n
}

// MediaType returns a "typ" or "cty" in the form for comparisons: lower case, without
// "application/" (RFC 7515, section 4.1.9; RFC 2045, section 5.1).
func MediaType(typ string) string {
	switch typ { // these cases are fast paths for the two most frequent values
	case "JWT":
		return "jwt"
	case "at+jwt":
		return "at+jwt"
	}
	if strings.ContainsFunc(typ, func(c rune) bool { return c > '~' }) {
		return typ // typ is not a media type, and strings.ToLower maps some non-ASCII characters to ASCII
	}
	typ = strings.ToLower(typ)
	if rest, ok := strings.CutPrefix(typ, "application/"); ok && !strings.Contains(rest, "/") {
		return rest
	}
	return typ
}

const (
	maxHeaders      = 256 // maximum number of headers in the cache
	maxHeaderLength = 512 // maximum number of encoded characters of one header; 256 such headers take less than 1 MiB
)

// Headers caches the parsed JOSE headers of verified tokens. An issuer writes the same
// header into every token that it signs with one key, so there are about as many headers
// as keys. A token with a cached header can still be invalid. The zero Headers is ready to
// use. Headers is safe for concurrent use.
type Headers struct {
	parsed sync.Map // encoded header to *Header
	n      atomic.Int32
	varied atomic.Bool // true if the cache was full at least once
}

// Find returns the parsed form of an encoded header, or nil if the header is not cached. The
// result few is the result of Add for the header.
func (h *Headers) Find(encoded string) (header *Header, few bool) {
	found, ok := h.parsed.Load(encoded)
	if !ok {
		return nil, false
	}
	header, _ = found.(*Header)
	return header, !h.varied.Load()
}

// Add caches the header of a verified token. If the cache is full, Add first removes
// all other headers. A full cache means that the headers of an issuer differ from token
// to token, so the old headers are useless. Add does not cache a header of more than
// maxHeaderLength characters. Add returns true if the header is cached and the cache
// was never full. In this case, other tokens probably have the same header.
func (h *Headers) Add(encoded string, header *Header) (few bool) {
	if len(encoded) > maxHeaderLength {
		return false
	}
	if h.n.Load() >= maxHeaders {
		h.varied.Store(true)
		h.parsed.Clear()
		h.n.Store(0)
	}
	if _, loaded := h.parsed.LoadOrStore(strings.Clone(encoded), header); !loaded {
		h.n.Add(1)
	}
	return !h.varied.Load()
}
