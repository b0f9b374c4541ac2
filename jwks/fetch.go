package jwks

import (
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	neturl "net/url"
	"strings"
	"time"
)

// answer is the response of a server to one GET request.
type answer struct {
	body        []byte // nil if notModified
	notModified bool
	fresh       time.Duration // the time for which the response is fresh, from its header
	times       answerTimes
	directives  directives
	validators  validators
}

// validators are the header values that make a request conditional (RFC 9110, section 13).
type validators struct{ etag, lastModified string }

// statusError is the error for a response whose status is neither 200 nor 203. A response with status 304
// is an error only if the request was unconditional.
type statusError struct {
	status string
	code   int
	retry  time.Duration // the value of Retry-After, or 0
}

func (e *statusError) Error() string {
	if e.code == http.StatusUnauthorized || e.code == http.StatusForbidden {
		return "answered " + e.status + " (if the server requires a token, see jwks.Options.AuthorizationFile)"
	}
	return "answered " + e.status
}

// get sends a GET request for a JSON document of at most limit bytes. The response may be
// compressed with gzip. If conditions is zero, the request is unconditional, and HTTP caches
// must send the request to the server. Before get reads a further part of the body, it asks
// meter, which may refuse it.
func get(ctx context.Context, client *http.Client, url string, conditions validators, limit int, meter meter) (*answer, error) {
	ctx = context.WithValue(ctx, requestContext{}, ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	req.Header.Set("User-Agent", "bearer (+https://github.com/bearerkit/bearer)")
	// Because of this header, net/http does not decompress the body. readBody decompresses
	// the body, and limits the decompressed size.
	req.Header.Set("Accept-Encoding", "gzip")
	if conditions == (validators{}) {
		req.Header.Set("Cache-Control", "no-cache")
	}
	if conditions.etag != "" {
		req.Header.Set("If-None-Match", conditions.etag)
	}
	if conditions.lastModified != "" {
		req.Header.Set("If-Modified-Since", conditions.lastModified)
	}
	sent := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		if sent, ok := errors.AsType[*neturl.Error](err); ok {
			// The client has removed the last character of "https://host:". With it, redact finds more.
			if sent.URL == req.URL.String() {
				sent.URL = url
			}
			sent.URL = redact(sent.URL) // safe, because no other goroutine uses this error value
		}
		return nil, err // the text of err contains the method and the URL
	}
	defer func() { _ = resp.Body.Close() }() // an error of Close does not matter after reading
	a, err := read(ctx, resp, sent, conditions, limit, meter)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", redact(url), err)
	}
	return a, nil
}

func read(ctx context.Context, resp *http.Response, sent time.Time, conditions validators, limit int, meter meter) (*answer, error) {
	now := time.Now()
	a := &answer{
		times:      readTimes(resp.Header, sent, now),
		directives: readDirectives(resp.Header),
		validators: validators{validator(resp, "ETag"), validator(resp, "Last-Modified")},
	}
	a.fresh = a.times.fresh(a.directives)
	switch {
	case resp.StatusCode == http.StatusNotModified && conditions != (validators{}):
		// If a 304 response contains no validators, the validators of the request are still
		// valid.
		if a.validators == (validators{}) {
			a.validators = conditions
		}
		a.notModified = true
		return a, nil
	// Status 203 means that a proxy on the way has changed the response (RFC 9110, section 15.3.4).
	case resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNonAuthoritativeInfo:
		return nil, &statusError{resp.Status, resp.StatusCode, retryAfter(resp.Header, now)}
	}
	var err error
	a.body, err = readBody(ctx, resp, limit, meter)
	switch {
	case err != nil:
		return nil, err
	case sentBack(resp, a.body):
		return nil, errSentBack
	}
	return a, nil
}

// maxValidator is the largest size of a validator, in bytes. The cache keeps validators, and
// sends them with each request.
const maxValidator = 1 << 10

// validator returns the value of a field of the response, or "" if the value is too long.
func validator(resp *http.Response, field string) string {
	value := resp.Header.Get(field)
	if len(value) > maxValidator {
		return ""
	}
	return value
}

// meter limits what is read of a body.
type meter interface {
	// count is called after each read. The argument is the number of bytes for which the body
	// counts in Limits so far.
	count(cost int)
	// admit is called before each read. It returns an error if the body must not be read
	// further. The argument likely is the cost that the header of the response promises, or 0,
	// and most is the largest possible cost.
	admit(likely, most int) error
}

// readBody returns the decompressed body. It returns an error if the compressed or the
// decompressed body has more than limit bytes, or if ctx ends.
func readBody(ctx context.Context, resp *http.Response, limit int, meter meter) ([]byte, error) {
	errTooLarge := fmt.Errorf("more than %d bytes", limit)
	if resp.ContentLength > int64(limit) {
		return nil, errTooLarge
	}
	size := max(0, int(resp.ContentLength)) // 0 if it is unknown
	b := &body{ctx: ctx, from: io.LimitReader(resp.Body, int64(limit)+1), meter: meter, likely: size, most: cmp.Or(size, limit)}
	switch coding := strings.ToLower(resp.Header.Get("Content-Encoding")); coding {
	case "", "identity", "utf-8": // some servers send the character encoding in this field
	case "gzip", "x-gzip":
		b.compressed = &compressed{from: b.from, of: b}
		b.likely, b.most = compressedCost*size, max(limit, compressedCost*cmp.Or(size, limit))
		decompressed, err := gzip.NewReader(b.compressed)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		b.from = io.LimitReader(decompressed, int64(limit)+1)
	default:
		return nil, errors.New("Content-Encoding is not supported, want gzip or none")
	}
	data, err := io.ReadAll(b)
	switch {
	case err != nil:
		return nil, err
	case len(data) > limit:
		return nil, errTooLarge
	}
	return data, nil
}

// body reads the decompressed body of a response. Read returns an error when ctx has ended.
type body struct {
	ctx   context.Context //nolint:containedctx // a body is read within one function
	from  io.Reader
	meter meter
	n     int // number of bytes that were read

	likely int // the cost that the header of the response promises; 0 if it promises none
	most   int // the largest possible cost

	compressed *compressed // nil if the body is not compressed
}

// cost returns the number of bytes for which the body counts in Limits.
func (b *body) cost() int {
	if b.compressed == nil {
		return b.n
	}
	return max(b.n, compressedCost*b.compressed.n)
}

func (b *body) Read(p []byte) (int, error) {
	if err := b.check(); err != nil {
		return 0, err
	}
	n, err := b.from.Read(p[:min(len(p), freeCost)])
	b.n += n
	b.meter.count(b.cost())
	return n, err
}

// check returns an error if no further bytes may be read.
func (b *body) check() error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	return b.meter.admit(b.likely, b.most)
}

// compressed reads the compressed bytes of a body. Read returns an error when ctx has ended, or
// when the compressed bytes are more than the decompressed bytes. Such a body is not a
// document: it consists of empty blocks. An empty block costs the decompressor 30 times as much
// as ordinary bytes.
type compressed struct {
	from io.Reader
	of   *body
	n    int // number of bytes that were read
}

// maxExcess is the largest number of bytes by which the compressed bytes may exceed the
// decompressed bytes. The decompressor delivers its result in parts of 32 KiB.
const maxExcess = 64 << 10

func (c *compressed) Read(p []byte) (int, error) {
	if err := c.of.check(); err != nil {
		return 0, err
	}
	if c.n > c.of.n+maxExcess {
		return 0, errors.New("the compressed body is larger than its content")
	}
	n, err := c.from.Read(p)
	c.n += n
	c.of.meter.count(c.of.cost())
	return n, err
}
