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

// answer is what an issuer said to one GET.
type answer struct {
	body        []byte // nil if notModified
	notModified bool
	fresh       time.Duration // as the answer's header says
	validators  validators
}

// validators are what makes a request conditional (RFC 9110, section 13).
type validators struct{ etag, lastModified string }

// statusError is an answer that is neither 200 nor 304.
type statusError struct {
	status string
	retry  time.Duration
}

func (e *statusError) Error() string { return "answered " + e.status }

// get asks for a JSON document of maxDocument bytes at most, packed or not. The
// zero validators ask unconditionally, and caches on the way to ask the issuer.
func get(ctx context.Context, client *http.Client, url string, have validators) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	req.Header.Set("User-Agent", "bearer (+https://github.com/bearerkit/bearer)")
	// Asked for here, and so unpacked here, under the limit.
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
			sent.URL = redact(sent.URL) // the client's own error, made for this request
		}
		return nil, err // names the method and the URL
	}
	defer func() { _ = resp.Body.Close() }() // read-only: nothing is lost by an error
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

// readBody reads one byte more than is allowed at most, before and after
// unpacking.
func readBody(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > maxDocument {
		return nil, errTooLarge
	}
	body := io.LimitReader(resp.Body, maxDocument+1)
	switch coding := strings.ToLower(resp.Header.Get("Content-Encoding")); coding {
	case "", "identity":
	case "gzip", "x-gzip":
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		body = io.LimitReader(unpacked, maxDocument+1)
	default:
		return nil, errors.New("a content coding that was not asked for")
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
