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

// answer is the response of a server to one GET request.
type answer struct {
	body        []byte // nil if notModified
	notModified bool
	fresh       time.Duration // the time for which the response is fresh, from its header
	validators  validators
}

// validators are the header values that make a request conditional (RFC 9110, section 13).
type validators struct{ etag, lastModified string }

// statusError is the error for a response whose status is not 200. A response with status 304
// is an error only if the request was unconditional.
type statusError struct {
	status string
	retry  time.Duration // the value of Retry-After, or 0
}

func (e *statusError) Error() string { return "answered " + e.status }

// get sends a GET request for a JSON document of at most maxDocument bytes. The response may be
// compressed with gzip. If conditions is zero, the request is unconditional, and HTTP caches
// must send the request to the server.
func get(ctx context.Context, client *http.Client, url string, conditions validators) (*answer, error) {
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
	resp, err := client.Do(req)
	if err != nil {
		if sent, ok := errors.AsType[*neturl.Error](err); ok {
			sent.URL = redact(sent.URL) // safe, because no other goroutine uses this error value
		}
		return nil, err // the text of err contains the method and the URL
	}
	defer func() { _ = resp.Body.Close() }() // an error of Close does not matter after reading
	a, err := read(resp, conditions)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", redact(url), err)
	}
	return a, nil
}

func read(resp *http.Response, conditions validators) (*answer, error) {
	now := time.Now()
	a := &answer{
		fresh:      lifetime(resp.Header, now),
		validators: validators{resp.Header.Get("ETag"), resp.Header.Get("Last-Modified")},
	}
	switch {
	case resp.StatusCode == http.StatusNotModified && conditions != (validators{}):
		// If a 304 response contains no validators, the validators of the request are still
		// valid.
		if a.validators == (validators{}) {
			a.validators = conditions
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

// readBody returns the decompressed body. It returns an error if the compressed or the
// decompressed body has more than maxDocument bytes.
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
		return nil, errors.New("Content-Encoding is not supported, want gzip or none")
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
