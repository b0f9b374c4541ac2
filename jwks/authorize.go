package jwks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

const (
	// maxAuthorization is the largest size of Options.AuthorizationFile, in bytes.
	maxAuthorization = 16 << 10
	// maxRootCAFile is the largest size of Options.RootCAFile, in bytes. The bundles of
	// distributions have about 250 KB.
	maxRootCAFile = 1 << 20
)

// credentialProblems returns an error for each invalid field from RootCAs to AuthorizationOrigins.
func (o *Options) credentialProblems() (errs []error) {
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("jwks: Options."+field+": "+format, args...))
	}
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"RootCAs", o.RootCAs != nil},
		{"RootCAFile", o.RootCAFile != ""},
		{"ClientCertificate", o.ClientCertificate != nil},
		{"AuthorizationFile", o.AuthorizationFile != ""},
	} {
		if field.set && o.Transport != nil {
			bad(field.name, "works with the default Transport only; leave Transport nil")
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), defaultTimeout)
	defer cancel()
	if o.RootCAFile != "" {
		if _, err := readRoots(ctx, o.RootCAFile); err != nil {
			bad("RootCAFile", "%w", err)
		}
	}
	if o.AuthorizationFile != "" {
		if _, err := readAuthorization(ctx, newReading(), o.AuthorizationFile); err != nil {
			bad("AuthorizationFile", "%w", err)
		}
	}
	for _, text := range o.AuthorizationOrigins {
		if _, err := parseOrigin(text); err != nil {
			bad("AuthorizationOrigins", "%q: %w", redact(text), err)
		}
	}
	if len(o.AuthorizationOrigins) > 0 && !o.hasCredentials() {
		bad("AuthorizationOrigins", "works with AuthorizationFile or ClientCertificate only; set one of them, or remove AuthorizationOrigins")
	}
	return errs
}

// hasCredentials reports whether requests have credentials of this service.
func (o *Options) hasCredentials() bool {
	return o.AuthorizationFile != "" || o.ClientCertificate != nil
}

// parseOrigin returns the origin in an element of Options.AuthorizationOrigins, in the form of the
// function origin.
func parseOrigin(text string) (string, error) {
	if err := checkURL(text, true); err != nil {
		return "", err
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", err
	}
	if inClear(u) {
		return "", errors.New("is not an https URL; credentials are sent over https only, or to a loopback host")
	}
	if strings.Contains(text, "?") || u.Path != "" && u.Path != "/" {
		return "", errors.New(`contains a path or a query; want only scheme, host and port, such as "https://10.0.0.1:6443"`)
	}
	if strings.Contains(u.Host, "*") {
		return "", errors.New("contains a wildcard; list each origin")
	}
	return origin(u), nil
}

// inClear reports whether others on the network can read a request to this URL. A request to a
// loopback host uses no proxy.
func inClear(u *url.URL) bool { return u.Scheme != "https" && !isLoopback(u.Hostname()) }

// clearProblems returns an error if the first URL that is fetched must not get credentials.
func (o *Options) clearProblems(first string) []error {
	if u, err := url.Parse(first); err == nil && o.hasCredentials() && u.Scheme == "http" && inClear(u) {
		return []error{fmt.Errorf("jwks: Options.AuthorizationFile, Options.ClientCertificate: credentials are not sent to %q, because http is not encrypted; use https", redact(first))}
	}
	return nil
}

// authorizer is a transport that adds credentials to requests. It sees each request of a redirect
// too. It is safe for concurrent use.
type authorizer struct {
	next    http.RoundTripper
	file    string          // Options.AuthorizationFile
	reading reading         // of the file
	origins map[string]bool // the origins that get credentials
}

// newAuthorizer returns a transport that adds the credentials of o to the requests. The argument
// first is the first URL that is fetched.
func newAuthorizer(o *Options, next http.RoundTripper, first string) http.RoundTripper {
	if !o.hasCredentials() {
		return next
	}
	a := &authorizer{next: next, file: o.AuthorizationFile, reading: newReading(), origins: map[string]bool{}}
	if u, err := url.Parse(first); err == nil {
		a.origins[origin(u)] = true
	}
	for _, text := range o.AuthorizationOrigins {
		if from, err := parseOrigin(text); err == nil { // problems has reported other texts
			a.origins[from] = true
		}
	}
	return a
}

// RoundTrip sends a request with credentials. It refuses a request to an origin that must not get
// them.
func (a *authorizer) RoundTrip(req *http.Request) (*http.Response, error) {
	to := origin(req.URL)
	if !a.origins[to] {
		return nil, fmt.Errorf("%s must not get the credentials of this service (AuthorizationFile, ClientCertificate); "+
			"if you trust this origin, add it to jwks.Options.AuthorizationOrigins, or set KeysURL to fetch the keys from elsewhere", to)
	}
	if inClear(req.URL) {
		return nil, fmt.Errorf("%s must not get the credentials of this service (AuthorizationFile, ClientCertificate), "+
			"because http is not encrypted; use https", to)
	}
	if a.file == "" {
		return a.next.RoundTrip(req)
	}
	token, err := readAuthorization(req.Context(), a.reading, a.file)
	if err != nil {
		return nil, fmt.Errorf("jwks.Options.AuthorizationFile: %w", err)
	}
	// A RoundTripper must not change the request. The original also has no token that http.Client
	// can copy to the next request.
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := a.next.RoundTrip(req)
	if resp != nil {
		resp.Request = req // the function sentBack needs the token
	}
	return withoutToken(resp, err, token)
}

// readAuthorization returns the token in a file. No error contains a part of the file.
func readAuthorization(ctx context.Context, r reading, path string) (string, error) {
	data, err := r.file(ctx, path, maxAuthorization)
	if err != nil {
		return "", err
	}
	token := strings.Trim(string(data), " \t\r\n")
	if token == "" {
		return "", fmt.Errorf("%s is empty; want a token", path)
	}
	end := len(strings.TrimRight(token, "="))
	for i := range len(token) {
		if c := token[i]; i >= end || isTokenByte(c) {
			continue
		}
		if strings.HasPrefix(strings.ToLower(token), "bearer ") {
			return "", fmt.Errorf("%s contains a scheme before the token; want only the token", path)
		}
		return "", fmt.Errorf("%s contains a byte that is not valid in a bearer token, at offset %d after leading white space (RFC 6750, section 2.1)", path, i)
	}
	if end == 0 {
		return "", fmt.Errorf("%s contains no token", path)
	}
	return token, nil
}

// isTokenByte reports whether c is valid in a bearer token, before the final "=" characters
// (RFC 6750, section 2.1).
func isTokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~+/", c) >= 0
}
