package jws

import (
	"strings"
	"sync"
	"sync/atomic"
)

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
