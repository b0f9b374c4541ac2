package jwks

import (
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

// answer is an issuer's response to one GET.
type answer struct {
	body        []byte // nil if notModified
	notModified bool
	fresh       time.Duration // how long the response is fresh, by its header
	validators  validators
}

// validators make a request conditional (RFC 9110, section 13).
type validators struct{ etag, lastModified string }

// statusError is a response with a status other than 200 and 304.
type statusError struct {
	status string
	retry  time.Duration // from Retry-After
}

func (e *statusError) Error() string { return "answered " + e.status }

// get requests a JSON document of at most maxDocument bytes, with or without gzip. With
// zero validators, the request is unconditional, and HTTP caches must pass it to the
// issuer.
func get(ctx context.Context, client *http.Client, url string, have validators) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	req.Header.Set("User-Agent", "bearer (+https://github.com/bearerkit/bearer)")
	// With this header, net/http does not decompress the body: readBody does, within its
	// limit.
	req.Header.Set("Accept-Encoding", "gzip")
	if have == (validators{}) {
		req.Header.Set("Cache-Control", "no-cache")
	}
	if have.etag != "" {
		req.Header.Set("If-None-Match", have.etag)
	}
	if have.lastModified != "" {
		req.Header.Set("If-Modified-Since", have.lastModified)
	}
	resp, err := client.Do(req)
	if err != nil {
		if sent, ok := errors.AsType[*neturl.Error](err); ok {
			sent.URL = redact(sent.URL) // err belongs to this request: it is safe to change it
		}
		return nil, err // err names the method and the URL
	}
	defer func() { _ = resp.Body.Close() }() // an error does not matter: the body was only read
	a, err := read(resp, have)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", redact(url), err)
	}
	return a, nil
}

func read(resp *http.Response, have validators) (*answer, error) {
	now := time.Now()
	a := &answer{
		fresh:      lifetime(resp.Header, now),
		validators: validators{resp.Header.Get("ETag"), resp.Header.Get("Last-Modified")},
	}
	switch {
	case resp.StatusCode == http.StatusNotModified && have != (validators{}):
		// A 304 need not repeat the validators.
		if a.validators == (validators{}) {
			a.validators = have
		}
		a.notModified = true
		return a, nil
	case resp.StatusCode != http.StatusOK:
		return nil, &statusError{resp.Status, retryAfter(resp.Header, now)}
	}
	var err error
	a.body, err = readBody(resp)
	return a, err
}

var errTooLarge = fmt.Errorf("more than %d bytes", maxDocument)

// readBody returns the decompressed body. It fails if the body has more than maxDocument
// bytes, before or after decompression.
func readBody(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > maxDocument {
		return nil, errTooLarge
	}
	body := io.LimitReader(resp.Body, maxDocument+1)
	switch coding := strings.ToLower(resp.Header.Get("Content-Encoding")); coding {
	case "", "identity":
	case "gzip", "x-gzip":
		decompressed, err := gzip.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		body = io.LimitReader(decompressed, maxDocument+1)
	default:
		return nil, errors.New("unknown Content-Encoding, want gzip or none")
	}
	data, err := io.ReadAll(body)
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxDocument:
		return nil, errTooLarge
	}
	return data, nil
}
