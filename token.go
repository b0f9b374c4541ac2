package bearer

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/internal/memory"
	"github.com/bearerkit/bearer/internal/strictjson"
	"github.com/bearerkit/bearer/jwks"
)

// maxToken is how many bytes a token may have. Most servers and proxies allow 8 to 16
// KiB for all headers of a request.
const maxToken = 16 << 10

// token is pooled scratch space for one verdict. Only entry and header outlive it.
type token struct {
	raw    []byte // the text, for functions that take bytes
	parts  jws.Compact
	digest memory.Digest // zero if the cache is off
	now    time.Time     // of the verdict

	header       *jws.Header
	sharedHeader bool // other verified tokens have the same header
	iss          string
	verifier     *JWTVerifier // whose issuer the token names
	entry        *entry       // what the token says
	remembered   bool         // entry was verified on an earlier request

	decoded         bool // the claims were decoded
	audienceMatched bool // "aud" matched Config.Audience
	decodedAll      bool // header, claims and signature were decoded from base64url

	signature []byte
	buf       []byte // the decoded parts
	place     uint32 // of counters in a cache
}

// verified is what the memory keeps of a token.
type verified struct {
	Claims
	key *jwks.Key // under which the signature verified
}

type (
	entry = memory.Entry[verified]
	cache = memory.Cache[verified]

	// index finds verified tokens: those of one verifier, or of all verifiers of an
	// Issuers.
	index struct {
		*memory.Index[verified]
		headers jws.Headers
	}
)

// newIndex returns the index of a cache, or nil if the cache is off.
func newIndex(ix *memory.Index[verified]) *index {
	if ix == nil {
		return nil
	}
	return &index{Index: ix}
}

const (
	defaultCacheSize = 4096
	// tokenMemory is how many bytes a remembered token may take on average.
	tokenMemory = 1 << 10
	// entryMemory is how many bytes an entry takes beside its claims: itself, the nodes of
	// the index, and its place in the ring.
	entryMemory = 590
	// headerMemory is how many bytes a header takes beside its text.
	headerMemory = 384
)

// newCache returns the cache for Config.CacheSize.
func newCache(size int) *cache {
	if size == 0 {
		size = defaultCacheSize
	}
	return memory.NewCache[verified](size, tokenMemory)
}

// tokens pools scratch space. A core usually gets back what it used last.
var tokens = sync.Pool{New: func() any {
	return &token{raw: make([]byte, 0, 2<<10), buf: make([]byte, 0, 2<<10), place: places.Add(1)}
}}

// places numbers the tokens of the pool.
var places atomic.Uint32

func newToken() *token {
	t, _ := tokens.Get().(*token)
	return t
}

// free clears t and returns it to the pool.
func (t *token) free() {
	clear(t.raw)
	t.raw = t.raw[:0]
	if len(t.buf) > 0 || !t.remembered {
		clear(t.buf)
		*t = token{raw: t.raw, buf: t.buf[:0], place: t.place}
	} else { // only recall has set fields, and they are quicker to clear one by one
		t.digest, t.entry, t.header, t.verifier, t.remembered, t.decodedAll = memory.Digest{}, nil, nil, nil, false, false
	}
	tokens.Put(t)
}

// claims returns what the token says.
func (t *token) claims() *Claims { return &t.entry.Value.Claims }

// The refusals that attackers cause most often are made once.
var (
	errEmpty     = sharedRefusal(NoToken, nil)
	errTooLong   = sharedRefusal(Malformed, fmt.Errorf("longer than %d bytes", maxToken))
	errNotJWS    = sharedRefusal(Malformed, errors.New("not three parts of base64url: no signed JWT in compact serialization, perhaps an opaque token"))
	errEncrypted = sharedRefusal(Malformed, errors.New("five parts: encrypted tokens (JWE) are not supported (Auth0 issues them if the token request names no audience)"))
	errNoHeader  = sharedRefusal(Malformed, errors.New("header: not base64url of a JSON object"))
)

// load splits a token into its parts and decodes none of them.
func (t *token) load(raw string) *Error {
	if err := t.begin(raw); err != nil {
		return err
	}
	return t.split(raw)
}

// begin sets t.raw, which is enough to look the token up in the memory.
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

// recall sets t to what the index remembers of the token, if that verdict still holds. It
// reads the clock unless now is set, for the verdict too.
func (t *token) recall(ix *index, now time.Time) bool {
	if t.now = now; now.IsZero() {
		t.now = time.Now()
	}
	if ix == nil {
		return false
	}
	e := ix.Find(&t.digest, t.raw)
	return e != nil && t.adopt(e, t.now)
}

// adopt sets t to a verified entry, if its verdict still holds at this time. Otherwise t
// is verified anew, so that one place says why a token is refused.
func (t *token) adopt(e *entry, now time.Time) bool {
	own, header := t.entry, t.header
	t.entry, t.header, t.verifier = e, e.Value.header, e.Value.verifier
	for i := range checks {
		if c := &checks[i]; c.always != nil && c.always(t.verifier, t, now) != nil {
			t.entry, t.header, t.verifier = own, header, nil
			return false
		}
	}
	e.Use()
	t.decodedAll = true
	return true
}

// read decodes the parts of a token and reads header and claims set, as far as it takes
// to know which issuer the token names. It accepts one spelling of everything.
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
	t.decodedAll = true
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
		if t.header = known.headers.Find(t.parts.Header); t.header != nil {
			t.sharedHeader = true
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
	case jws.MediaType(t.header.Cty) == "jwt":
		return refuse(Malformed, "header: nested tokens are not supported (RFC 7519, section 5.2)")
	}
	return nil
}

func (t *token) readClaims(encoded []byte) *Error {
	start := len(t.buf)
	var err error
	if t.buf, err = jws.Decode(t.buf, encoded); err != nil {
		return refuse(Malformed, "claims: %w", err)
	}
	t.entry = memory.NewEntry[verified](t.digest)
	c := t.claims()
	c.header = t.header
	if err := c.members.Read(t.buf[start:]); err != nil {
		return refuse(Malformed, "claims: %w", err)
	}
	// A token without an issuer belongs to none: no configured issuer is "".
	t.iss, _ = strictjson.String(c.members.Get(claimIss))
	return nil
}

// store remembers a verified token.
func (t *token) store(now time.Time) {
	v := t.verifier
	if v.index == nil {
		return
	}
	if !t.sharedHeader {
		t.sharedHeader = v.index.headers.Add(t.parts.Header, t.header)
	}
	v.cache.Store(t.entry, t.memory(), t.claims().expiresAt, now)
}

// memory is about how many bytes it takes to remember t. A shared header is stored once;
// any other header is this token's alone, and as long as its issuer makes it.
func (t *token) memory() int {
	n := entryMemory + t.claims().memory()
	if !t.sharedHeader {
		n += headerMemory + len(t.header.Members.Text())
	}
	return n
}

// tenant returns the "tid" of the token, or "".
func (t *token) tenant() string {
	tid, _ := strictjson.String(t.claims().members.Lookup("tid"))
	return tid
}
