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

// maxToken is the maximum length of a token in bytes. Most servers and proxies allow 8 to
// 16 KiB for all headers of a request.
const maxToken = 16 << 10

// token is pooled scratch space for one verdict. Only entry and header are used after the
// verdict.
type token struct {
	raw    []byte // the text of the token, for functions that take bytes
	parts  jws.Compact
	digest memory.Digest // zero if the cache is off
	now    time.Time     // the time of the verdict

	header       *jws.Header
	sharedHeader bool // the index stores the header for all tokens that have it
	iss          string
	verifier     *JWTVerifier // the verifier of the issuer in "iss"
	entry        *entry       // the claims of the token
	cacheHit     bool         // entry is from the cache

	decoded         bool // the claims were decoded
	audienceMatched bool // "aud" matched Config.Audience
	decodedAll      bool // header, claims and signature were decoded from base64url

	signature []byte
	buf       []byte // the decoded parts
	place     uint32 // spreads the counters of the cache; see memory.Cache.Count
}

// verified is the value that the cache stores for a token.
type verified struct {
	Claims
	key *jwks.Key // the key under which the signature verified
}

type (
	entry = memory.Entry[verified]
	cache = memory.Cache[verified]

	// index finds the cached tokens of one verifier, or of all verifiers of an Issuers.
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
	// tokenMemory is how many bytes a cached token may take on average.
	tokenMemory = 1 << 10
	// entryMemory is how many bytes an entry takes in addition to its claims: the entry
	// itself, its nodes in the index, and its place in the ring.
	entryMemory = 590
	// headerMemory is how many bytes a header takes in addition to its text.
	headerMemory = 384
)

// newCache returns the cache for Config.CacheSize.
func newCache(size int) *cache {
	if size == 0 {
		size = defaultCacheSize
	}
	return memory.NewCache[verified](size, tokenMemory)
}

// tokens is the pool of scratch space. A core usually gets back the token that it used last.
var tokens = sync.Pool{New: func() any {
	return &token{raw: make([]byte, 0, 2<<10), buf: make([]byte, 0, 2<<10), place: places.Add(1)}
}}

// places is the last value of token.place.
var places atomic.Uint32

// newToken returns a token from the pool.
func newToken() *token {
	t, _ := tokens.Get().(*token)
	return t
}

// free clears t and returns it to the pool.
func (t *token) free() {
	clear(t.raw)
	t.raw = t.raw[:0]
	if len(t.buf) > 0 || !t.cacheHit {
		clear(t.buf)
		*t = token{raw: t.raw, buf: t.buf[:0], place: t.place}
	} else { // only findCached set fields, and clearing these fields one by one is faster
		t.digest, t.entry, t.header, t.verifier, t.cacheHit, t.decodedAll = memory.Digest{}, nil, nil, nil, false, false
	}
	tokens.Put(t)
}

// claims returns the claims of the token.
func (t *token) claims() *Claims { return &t.entry.Value.Claims }

// The refusals that attackers can cause most often are allocated once.
var (
	errEmpty     = sharedRefusal(NoToken, nil)
	errTooLong   = sharedRefusal(Malformed, fmt.Errorf("longer than %d bytes", maxToken))
	errNotJWS    = sharedRefusal(Malformed, errors.New("not three parts of base64url with dots between them, so not a signed JWT; it may be an opaque token"))
	errEncrypted = sharedRefusal(Malformed, errors.New("five parts, so an encrypted token (JWE), which is not supported (Auth0 issues one if the token request names no audience)"))
	errNoHeader  = sharedRefusal(Malformed, errors.New("header: not base64url of a JSON object"))
)

// load splits a token into its parts, without decoding them.
func (t *token) load(raw string) *Error {
	if err := t.begin(raw); err != nil {
		return err
	}
	return t.split(raw)
}

// begin checks the length of a token and sets t.raw. A cache look-up needs no more.
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

// split sets t.parts.
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

// findCached sets t to the cached entry of the token. It reports whether there is an entry
// whose verdict still holds. It sets t.now to now, or to the current time if now is zero.
func (t *token) findCached(ix *index, now time.Time) bool {
	if t.now = now; now.IsZero() {
		t.now = time.Now()
	}
	if ix == nil {
		return false
	}
	e := ix.Find(&t.digest, t.raw)
	return e != nil && t.adopt(e, t.now)
}

// adopt sets t to a verified entry and reports true if the verdict still holds at this time.
// If adopt reports false, the caller verifies the token again to find the reason.
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

// read decodes the parts of a token and parses the header and the claims set, so that the
// issuer can be found. It accepts only canonical encodings.
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
	// A token without "iss" matches no verifier: no configured issuer is "".
	t.iss, _ = strictjson.String(c.members.Get(claimIss))
	return nil
}

// store puts a verified token into the cache.
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

// memory estimates how many bytes the cached token takes. A shared header is stored once,
// so it does not count. Any other header belongs to this token alone, and its length
// depends on the issuer.
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
