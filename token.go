package bearer

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// maxToken is how many bytes a token may have. The headers of a request are 8 to
// 16 KiB in all with most servers and proxies.
const maxToken = 16 << 10

// token is a token on its way to a verdict. It is memory that is used again: what
// outlives the request is in entry and header.
type token struct {
	raw    []byte // its text, for functions that want bytes
	parts  jws.Compact
	digest digest // zero: nothing is remembered

	header     *jws.Header
	sameHeader bool // as other verified tokens have
	iss        string
	by         *JWTVerifier // whose issuer it names
	entry      *entry       // what it says
	hit        bool         // entry is one that was verified before

	decoded, named bool // the claims are, and "aud" has one of our names
	whole          bool // all parts were decoded

	signature []byte
	buf       []byte // what parts decode to
	place     uint32 // in counts
}

// tokens has those that are not in use. A core gets back what it used last.
var tokens = sync.Pool{New: func() any {
	return &token{raw: make([]byte, 0, 2<<10), buf: make([]byte, 0, 2<<10), place: places.Add(1)}
}}

// places numbers the tokens of the pool.
var places atomic.Uint32

func newToken() *token {
	t, _ := tokens.Get().(*token)
	return t
}

// free gives t back, with nothing of what it was used for.
func (t *token) free() {
	clear(t.raw)
	t.raw = t.raw[:0]
	if len(t.buf) > 0 || !t.hit {
		clear(t.buf)
		*t = token{raw: t.raw, buf: t.buf[:0], place: t.place}
	} else { // as find has left it, which is quicker to undo
		t.digest, t.entry, t.by, t.hit, t.whole = digest{}, nil, nil, false, false
	}
	tokens.Put(t)
}

// What is refused most often under attack costs nothing to say.
var (
	errEmpty     = shared(NoToken, nil)
	errTooLong   = shared(Malformed, fmt.Errorf("longer than %d bytes", maxToken))
	errNotJWS    = shared(Malformed, errors.New("not three parts of base64url: no signed JWT in compact serialization, perhaps an opaque token"))
	errEncrypted = shared(Malformed, errors.New("five parts: encrypted tokens (JWE) are not supported (Auth0 hands them out where the request for a token names no audience)"))
	errNoHeader  = shared(Malformed, errors.New("header: not base64url of a JSON object"))
)

// load takes a token apart without looking into the parts.
func (t *token) load(raw string) *Error {
	if err := t.begin(raw); err != nil {
		return err
	}
	return t.split(raw)
}

// begin is enough of load to look a token up: t.raw.
func (t *token) begin(raw string) *Error {
	if raw == "" {
		return errEmpty
	}
	if len(raw) > maxToken {
		return errTooLong
	}
	if strings.IndexByte(raw, '.') <= 0 {
		return errNotJWS
	}
	t.raw = append(t.raw[:0], raw...)
	return nil
}

func (t *token) split(raw string) *Error {
	var ok bool
	if t.parts, ok = jws.Split(raw); ok {
		return nil
	}
	if strings.Count(raw, ".") == 4 {
		return errEncrypted
	}
	return errNotJWS
}

// read reads a token, as far as it is needed to know whose it claims to be. It
// accepts one spelling of everything.
func (t *token) read(known *index) *Error {
	dot := len(t.parts.Header)
	if err := t.readHeader(t.raw[:dot], known); err != nil {
		return err
	}
	if err := t.readClaims(t.raw[dot+1 : len(t.parts.Signed)]); err != nil {
		return err
	}
	if err := t.readSignature(t.raw[len(t.parts.Signed)+1:]); err != nil {
		return err
	}
	t.whole = true
	return nil
}

func (t *token) readSignature(encoded []byte) *Error {
	var err error
	start := len(t.buf)
	if t.buf, err = jws.Decode(t.buf, encoded); err != nil {
		return refuse(Malformed, "signature: %w", err)
	}
	t.signature = t.buf[start:]
	return nil
}

func (t *token) readHeader(encoded []byte, known *index) *Error {
	if known != nil {
		if t.header = known.headers.find(t.parts.Header); t.header != nil {
			t.sameHeader = true
			return nil
		}
	}
	decoded, err := jws.Decode(t.buf[:0], encoded)
	t.buf = decoded
	if err != nil || !bytes.HasPrefix(bytes.TrimLeft(decoded, " \t\r\n"), []byte("{")) {
		return errNoHeader
	}
	t.header, err = jws.ReadHeader(decoded)
	switch {
	case errors.Is(err, jws.ErrType):
		return refuse(WrongType, "%w", err)
	case err != nil:
		return refuse(Malformed, "header: %w", err)
	case mediaType(t.header.Cty) == "jwt":
		return refuse(Malformed, "header: nested tokens are not supported (RFC 7519, section 5.2)")
	}
	t.header.Media = mediaType(t.header.Typ)
	return nil
}

func (t *token) readClaims(encoded []byte) *Error {
	start := len(t.buf)
	var err error
	if t.buf, err = jws.Decode(t.buf, encoded); err != nil {
		return refuse(Malformed, "claims: %w", err)
	}
	t.entry = &entry{id: t.digest}
	t.entry.header = t.header
	if err := t.entry.members.Read(t.buf[start:]); err != nil {
		return refuse(Malformed, "claims: %w", err)
	}
	// Without an issuer it is nobody's: "" is no issuer that can be configured.
	t.iss, _ = strictjson.String(t.entry.members.Get(claimIss))
	return nil
}

// memory is about how many bytes it takes to remember t. A header that tokens share
// is there once; any other is this token's alone, and as long as an issuer makes it.
func (t *token) memory() int {
	n := entryMemory + t.entry.memory()
	if !t.sameHeader {
		n += headerMemory + len(t.header.Members.Text())
	}
	return n
}
