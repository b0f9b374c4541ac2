package bearer

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bearerkit/bearer/internal/jws"
)

const (
	maxHeaders      = 256 // remembered at once
	maxHeaderLength = 512 // characters of one
)

// headers is the JOSE headers of verified tokens, as they were read. An issuer
// writes the same header into every token that it signs with a key, so that there
// are about as many as keys. Text that is the same has the same reading; nothing
// of a token is known by its header. It is safe for concurrent use.
type headers struct {
	known  sync.Map // of the encoded header to *jws.Header
	n      atomic.Int32
	varied atomic.Bool // there were too many once
}

func (h *headers) find(encoded string) *jws.Header {
	known, ok := h.known.Load(encoded)
	if !ok {
		return nil
	}
	header, _ := known.(*jws.Header)
	return header
}

// add remembers the header of a verified token, and forgets all others where
// there are too many: an issuer that varies them has no use of this. It reports
// whether the header is one of few, which other tokens can be expected to share.
func (h *headers) add(encoded string, header *jws.Header) (few bool) {
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
