package middleware

import (
	"io"
	"net/http"

	"github.com/bearerkit/bearer/scopes"
)

// isPreflight reports whether r is a CORS preflight request and Options.AllowPreflight is
// set. Browsers send preflight requests without credentials and without a body ([Fetch],
// section 4.8). If only the body decides, isPreflight reads the first byte of the body.
//
// [Fetch]: https://fetch.spec.whatwg.org/#cors-preflight-fetch
func (g *Guard) isPreflight(r *http.Request) bool {
	return g.opts.AllowPreflight && r.Method == http.MethodOptions && r.ContentLength <= 0 &&
		len(r.Header["Origin"]) == 1 && len(r.Header["Access-Control-Request-Method"]) == 1 &&
		len(fieldValues(r.Header, "Authorization", "authorization")) == 0 && (r.ContentLength == 0 || isEmptyBody(r))
}

// isEmptyBody reports whether a body of unknown length is empty: a chunked body of HTTP/1.1,
// or an empty DATA frame of HTTP/2. It reads at most one byte, and gives the byte back to
// the handler. The body keeps the answer for the next call.
//
// A request with Expect does not count, because reading the body promises the client that
// the server accepts the body (RFC 9110, section 10.1.1). A request with trailers does not
// count either.
func isEmptyBody(r *http.Request) bool {
	if peeked, ok := r.Body.(*peekedBody); ok {
		return peeked.empty
	}
	if r.Body == nil || len(r.Header["Expect"]) > 0 || len(r.Trailer) > 0 {
		return false
	}
	body := &peekedBody{ReadCloser: r.Body}
	for i := 0; body.n == 0 && body.err == nil; i++ {
		if i == maxEmptyReads {
			body.err = io.ErrNoProgress
			break
		}
		body.n, body.err = r.Body.Read(body.first[:])
	}
	body.empty = body.n == 0 && body.err == io.EOF //nolint:errorlint // a Reader returns io.EOF itself
	r.Body = body
	return body.empty
}

// maxEmptyReads is the number of reads without a result after which the body counts as
// broken. Package bufio has the same limit.
const maxEmptyReads = 100

// peekedBody is a body whose first byte was read.
type peekedBody struct {
	io.ReadCloser // the body without the first byte
	empty         bool
	first         [1]byte
	n             int   // the number of bytes in first that Read has not returned yet
	err           error // the result of reading the first byte
}

// Read returns the first byte, and then reads from the rest of the body.
func (b *peekedBody) Read(p []byte) (int, error) {
	if b.n > 0 {
		n := copy(p, b.first[:])
		b.n -= n
		return n, nil
	}
	if b.err != nil {
		return 0, b.err
	}
	return b.ReadCloser.Read(p)
}

// Close closes the body and forgets the first byte.
func (b *peekedBody) Close() error {
	b.n = 0
	return b.ReadCloser.Close()
}

// ruleFor returns the rule and the pattern of the request's route.
func (g *Guard) ruleFor(t *scopes.Table, r *http.Request) (scopes.Rule, string) {
	return t.Rule(g.announced(r))
}

// announced returns the request that decides about the rule. A preflight request has the
// rule of the request that it announces.
func (g *Guard) announced(r *http.Request) *http.Request {
	if !g.isPreflight(r) {
		return r
	}
	announced := *r
	announced.Method = r.Header["Access-Control-Request-Method"][0]
	return &announced
}
