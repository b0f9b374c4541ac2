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
)

// maxToken is the maximum length of a token in bytes. Most servers and proxies accept at
// most 8 to 16 KiB for all header fields of a request.
const maxToken = 16 << 10

// A token holds the data of a token during its verification. Its memory comes from a pool
// and returns to the pool after the verification. Only the values of entry and header stay
// in use after that.
type token struct {
	raw    []byte // the text of the token, for functions that take bytes
	parts  jws.Compact
	digest memory.Digest // zero if the cache is off
	now    time.Time     // the time of the verification

	header       *jws.Header
	sharedHeader bool // the header is in the index, which stores equal headers only once
	iss          string
	verifier     *JWTVerifier // the verifier of the issuer in "iss"
	entry        *entry       // holds the claims of the token
	cacheHit     bool         // the entry is from the cache
	proved       bool         // the signature was verified, by this request or by a concurrent request

	facts *facts // of the request; nil if there are none, or if the verifier needs none

	decoded         bool // the claims were decoded
	audienceMatched bool // "aud" matched Config.Audience
	decodedAll      bool // header, claims and signature were decoded from base64url

	signature []byte
	buf       []byte // the decoded parts
	place     uint32 // selects a counter of the cache; see memory.Cache.Count
}

// The type verified is the value that the cache stores for a token.
type verified struct {
	claimSet
	public Claims // holds a pointer to claimSet
}

// newEntry returns an entry with an empty set of claims.
func newEntry(d memory.Digest) *entry {
	e := memory.NewEntry[verified](d)
	e.Value.public.point(&e.Value.claimSet)
	return e
}

// entryOf returns an entry with a copy of the claims. The cache does not store it.
func entryOf(c *claimSet) *entry {
	e := newEntry(memory.Digest{})
	e.Value.claimSet = *c
	return e
}

type (
	entry = memory.Entry[verified]
	cache = memory.Cache[verified]

	// An index finds the cached tokens of one JWTVerifier, or of all verifiers of an Issuers.
	index struct {
		*memory.Index[verified]
		headers jws.Headers
	}
)

// newIndex returns an index for ix. If ix is nil, the cache is off, and newIndex returns
// nil.
func newIndex(ix *memory.Index[verified]) *index {
	if ix == nil {
		return nil
	}
	return &index{Index: ix}
}

const (
	defaultCacheSize = 4096
	// tokenMemory is the average memory, in bytes, that the limit of the cache allows for a
	// token.
	tokenMemory = 1 << 10
	// entryMemory is the memory of an entry without its claims, in bytes. It includes the
	// nodes of the entry in the index and its place in the ring.
	entryMemory = 590
	// headerMemory is the memory of a header without its text, in bytes.
	headerMemory = 384
)

// newCache returns the cache for the size in Config.CacheSize.
func newCache(size int) *cache {
	if size == 0 {
		size = defaultCacheSize
	}
	return memory.NewCache[verified](size, tokenMemory)
}

// The variable tokens is the pool of token values. A processor core usually gets the value
// that it put into the pool last, so different cores usually use different values of
// place.
var tokens = sync.Pool{New: func() any {
	return &token{raw: make([]byte, 0, 2<<10), buf: make([]byte, 0, 2<<10), place: places.Add(1)}
}}

// The variable places is the last value that was assigned to a token.place.
var places atomic.Uint32

// newToken returns a token from the pool.
func newToken() *token {
	t, _ := tokens.Get().(*token)
	return t
}

// The method free clears t and puts it into the pool.
func (t *token) free() {
	clear(t.raw)
	t.raw = t.raw[:0]
	if len(t.buf) > 0 || !t.cacheHit {
		clear(t.buf)
		*t = token{raw: t.raw, buf: t.buf[:0], place: t.place}
	} else { // only findCached has set fields; clearing only these fields is faster
		t.digest, t.entry, t.header, t.verifier, t.facts, t.cacheHit, t.decodedAll = memory.Digest{}, nil, nil, nil, nil, false, false
	}
	tokens.Put(t)
}

// The method claims returns the claims of the token.
func (t *token) claims() *claimSet { return &t.entry.Value.claimSet }

// hasIssOfWrongType reports whether "iss" is not a string. A JWT-SVID without "iss" is valid, but
// with an "iss" of a different type it is not.
func (t *token) hasIssOfWrongType() bool {
	iss := t.claims().members.Get(claimIss)
	return iss != "" && iss[0] != '"'
}

// The method public returns the claims of the token for users of the package.
func (t *token) public() *Claims { return &t.entry.Value.public }

// These refusals are shared, because attackers can cause them most often.
var (
	errEmpty     = sharedRefusal(NoToken, nil)
	errTooLong   = sharedRefusal(Malformed, fmt.Errorf("the token is longer than %d bytes", maxToken))
	errNotJWS    = sharedRefusal(Malformed, errors.New("the token is not three parts of base64url with dots between them, so it is not a signed JWT; it may be an opaque token"))
	errEncrypted = sharedRefusal(Malformed, errors.New("the token has five parts, so it is an encrypted token (JWE), and encrypted tokens are not supported (Auth0 issues them if the token request names no audience)"))
	errNoHeader  = sharedRefusal(Malformed, errors.New("the header is not a JSON object in base64url"))
	errPadded    = sharedRefusal(Malformed, errors.New(paddedText))
)

// paddedText explains why a token with padding is refused. The load balancers of AWS are the best
// known source of such tokens.
const paddedText = "a part of the token ends with the padding =, which a signed JWT never has (RFC 7515, section 2); " +
	"AWS load balancers write such tokens into X-Amzn-Oidc-Data, and the token for this service is in X-Amzn-Oidc-Accesstoken: see docs/issuers.md"

//nolint:gochecknoglobals // never changed; Go has no constant slices
var padding = []byte("=")

// hasPadding reports whether raw has three parts, and a part ends with the padding of base64.
func hasPadding(raw string) bool {
	parts, ok := jws.Split(raw)
	return ok && (strings.HasSuffix(parts.Header, "=") || strings.HasSuffix(parts.Payload, "=") || strings.HasSuffix(parts.Signature, "="))
}

// The method load splits a token into its parts. It does not decode the parts.
func (t *token) load(raw string) *Error {
	if err := t.begin(raw); err != nil {
		return err
	}
	return t.split(raw)
}

// The method begin checks the length of a token and sets t.raw. A look-up in the cache
// needs only t.raw. If t holds the state of an earlier verification of the same token, begin
// resets this state.
func (t *token) begin(raw string) *Error {
	t.cacheHit, t.proved = false, false
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

// The method split splits the token and sets t.parts.
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

// findCached looks up the token in the cache. If the token is cached and still valid,
// findCached sets t to the cached entry and returns true. It sets t.now to now. If now is
// zero, it sets t.now to the current time.
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

// The method adopt sets t to a verified entry and returns true if the token is still valid
// at the time now. If adopt returns false, the caller must verify the token again to find
// the reason.
func (t *token) adopt(e *entry, now time.Time) bool {
	own, header := t.entry, t.header
	t.entry, t.header, t.verifier = e, e.Value.header, e.Value.verifier
	for _, c := range rowsAgain {
		if c.perRequest(t.verifier, t, now) != nil {
			t.entry, t.header, t.verifier = own, header, nil
			return false
		}
	}
	e.Use()
	t.decodedAll = true
	return true
}

// The method read decodes the parts of a token and parses the header and the claims set. It
// does not check the issuer or the signature. It accepts only canonical base64url.
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
		if bytes.HasSuffix(encoded, padding) {
			return errPadded
		}
		return refuse(Malformed, "signature: %w", err)
	}
	t.signature = t.buf[start:]
	return nil
}

func (t *token) readHeader(encoded []byte, known *index) *Error {
	if known != nil {
		if t.header, t.sharedHeader = known.headers.Find(t.parts.Header); t.header != nil {
			return nil
		}
	}
	decoded, err := jws.Decode(t.buf[:0], encoded)
	t.buf = decoded
	if err != nil && bytes.HasSuffix(encoded, padding) {
		return errPadded
	}
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
		return refuse(Malformed, "header: cty marks a nested token (RFC 7519, section 5.2), and nested tokens are not supported")
	}
	return nil
}

func (t *token) readClaims(encoded []byte) *Error {
	start := len(t.buf)
	var err error
	if t.buf, err = jws.Decode(t.buf, encoded); err != nil {
		if bytes.HasSuffix(encoded, padding) {
			return errPadded
		}
		return refuse(Malformed, "claims: %w", err)
	}
	t.entry = newEntry(t.digest)
	c := t.claims()
	c.header = t.header
	if err := c.members.Read(t.buf[start:]); err != nil {
		return refuse(Malformed, "claims: %w", err)
	}
	// If the token has no "iss", t.iss is "" and no verifier matches, because no configured
	// issuer is "".
	t.iss, _ = strictjson.String(c.members.Get(claimIss))
	return nil
}

// The method store puts a verified token into the cache.
func (t *token) store(now time.Time) {
	v := t.verifier
	if v.index == nil {
		return
	}
	if !t.sharedHeader {
		t.sharedHeader = v.index.headers.Add(t.parts.Header, t.header)
	}
	v.cache.Store(t.entry, t.memory(v.cache.Limit()), t.claims().validUntil(), now)
}

// The method memory returns an estimate of the memory of the cached token, in bytes. It
// includes the header only if the header is not shared. A shared header is in the index,
// which stores equal headers only once. If the memory is larger than limit, the result is any
// number above limit.
func (t *token) memory(limit int) int {
	n := entryMemory + t.claims().memory(limit)
	if !t.sharedHeader {
		n += headerMemory + t.header.Memory()
	}
	return n
}

// The method tenant returns the "tid" of the token. It returns "" if the token has no
// "tid".
func (t *token) tenant() string {
	tid, _ := strictjson.String(t.claims().members.Lookup("tid"))
	return tid
}
