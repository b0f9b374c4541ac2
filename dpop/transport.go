package dpop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bearerkit/bearer/internal/dpopclient"
	"github.com/bearerkit/bearer/internal/nilcheck"
	"github.com/bearerkit/bearer/internal/proof"
	"github.com/bearerkit/bearer/internal/quote"
)

// TransportOptions are the options of [NewTransport].
type TransportOptions struct {
	// Signer makes the proofs. The tokens must be bound to its key. It is required.
	Signer *Signer
	// Token returns the access token for a request. The Transport calls Token for each request with
	// the context of the request, so Token should keep a token until shortly before its end. Token
	// must return the token without a scheme, only if the issuer returned it with the token_type
	// DPoP. It must be safe for concurrent use. It is required.
	Token func(context.Context) (string, error)
	// Origins lists the origins of the APIs for which the token is meant, for example
	// https://api.example or https://api.example:8443. The scheme must be https, or http for
	// localhost and loopback addresses. At least one origin is required.
	Origins []string
	// Base sends the requests. If it is nil, http.DefaultTransport does. Use an *http.Transport if
	// possible, because the Transport can prevent a proof from being sent twice only if it knows the
	// attempts of Base. RoundTrippers for logs or metrics belong around the Transport and not in
	// Base.
	Base http.RoundTripper
}

// Transport is an [http.RoundTripper] that sends each request with an access token and with a proof
// of possession of its own (RFC 9449, section 7.1). It sets the fields Authorization and DPoP, and
// replaces the values of the caller. It does not change the caller's request.
//
// # Origins
//
// A Transport sends requests only to the origins in its options. The error for a request to a
// different origin wraps [ErrOrigin], and the request is not sent. An [http.Client] follows
// redirects with its Transport, so a redirect to a different origin fails too. A field Host of the
// request that differs from the URL must belong to the origins too.
//
// # Repeated requests
//
// A Transport sends a request again at most once for each of these responses, with a new proof:
//
//   - 401 with the error use_dpop_nonce and a new nonce. The method is not important, because the
//     server has not processed the request.
//   - 401 with the error invalid_dpop_proof, if the method is idempotent (RFC 9110, section 9.2.2).
//     For example, the API may have seen the proof before, because a proxy sent the request twice.
//
// It needs a request without a body or with GetBody. [http.NewRequest] sets GetBody for the usual
// bodies. Otherwise, the caller gets the response with 401. The nonces of all responses are stored,
// by origin, and the next proof for the origin contains the last nonce.
//
// # Attempts of http.Transport
//
// If a reused connection breaks, an [http.Transport] sends some requests again on its own, for
// example GET. The server may have seen the first proof already, and accepts a proof once. If Base is
// an *http.Transport, each attempt has its own proof. With any other Base, an attempt of Base may be
// refused with invalid_dpop_proof, and then the rules above apply.
//
// A Transport is safe for concurrent use. Its zero value refuses each request; use [NewTransport].
type Transport struct {
	signer  *Signer
	token   func(context.Context) (string, error)
	origins []string // canonical, as proof.Target returns
	base    http.RoundTripper
	nonces  *dpopclient.Nonces
}

// ErrOrigin means that a [Transport] has not sent a request, because the origin of the request is
// not in [TransportOptions].
var ErrOrigin = errors.New("the origin is not in TransportOptions.Origins")

// NewTransport returns a Transport. The error contains all problems of the options.
func NewTransport(options TransportOptions) (*Transport, error) {
	t := &Transport{signer: options.Signer, token: options.Token, base: options.Base, nonces: new(dpopclient.Nonces)}
	var errs []error
	if options.Signer == nil || options.Signer.signKey == nil {
		errs = append(errs, errors.New("dpop: TransportOptions.Signer: no key; use NewSigner or GenerateSigner"))
	}
	if options.Token == nil {
		errs = append(errs, errors.New("dpop: TransportOptions.Token: nil; it must return the access token"))
	}
	if len(options.Origins) == 0 {
		errs = append(errs, errors.New("dpop: TransportOptions.Origins: empty; list the origins of the API, for example https://api.example"))
	}
	for _, text := range options.Origins {
		origin, err := parseOrigin(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("dpop: TransportOptions.Origins: %w", err))
		}
		t.origins = append(t.origins, origin)
	}
	if options.Base == nil {
		t.base = http.DefaultTransport
	} else if nilcheck.IsNil(options.Base) {
		errs = append(errs, fmt.Errorf("dpop: TransportOptions.Base: nil pointer of type %T", options.Base))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return t, nil
}

// parseOrigin returns the canonical form of an origin, with "/" at the end.
func parseOrigin(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.User != nil {
		return "", errors.New("a value is not a URL, or contains credentials") // without the value
	}
	origin, err := proof.Target(text, false)
	switch {
	case err != nil:
		return "", fmt.Errorf("%q: %w", quote.Cut(text), err)
	case u.Path != "" && u.Path != "/", strings.ContainsAny(text, "?#"):
		return "", fmt.Errorf("%q: an origin has no path, query or fragment", quote.Cut(text))
	case u.Scheme == "http" && !dpopclient.IsLoopback(u.Hostname()):
		return "", fmt.Errorf("%q: http lets attackers on the network read the token; use https", quote.Cut(text))
	}
	return origin, nil
}

// RoundTrip implements [http.RoundTripper]. Its own errors contain neither the token nor a proof. If
// the Token function or the key fails, the error wraps their error.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	e, err := t.newExchange(req)
	if err != nil {
		closeBody(req.Body)
		return nil, err
	}
	return e.run()
}

// newExchange checks the target of a request, and gets the token.
func (t *Transport) newExchange(req *http.Request) (*exchange, error) {
	if t.signer == nil {
		return nil, errors.New("dpop: the Transport has no options; use NewTransport")
	}
	if req.URL == nil {
		return nil, errors.New("dpop: the request has no URL")
	}
	path, _, _ := strings.Cut(req.URL.RequestURI(), "?")
	if path == "" || path[0] != '/' {
		return nil, errors.New("dpop: the URL of the request has no path that begins with a slash")
	}
	e := &exchange{t: t, req: req, method: req.Method}
	if e.method == "" {
		e.method = http.MethodGet
	}
	hosts := []string{req.URL.Host}
	if req.Host != "" && req.Host != req.URL.Host {
		hosts = append(hosts, req.Host)
	}
	for _, host := range hosts {
		// The server sees the last host, so its origin is in the proof.
		e.uri = req.URL.Scheme + "://" + host + path
		origin, err := proof.Target(req.URL.Scheme+"://"+host, false)
		switch {
		case err != nil:
			return nil, fmt.Errorf("dpop: the URL of the request: %w", err)
		case !slices.Contains(t.origins, origin):
			return nil, fmt.Errorf("dpop: a request to %s was not sent: %w", quote.Escape(origin), ErrOrigin)
		}
		e.origin = origin
	}
	var err error
	if e.token, err = t.token(req.Context()); err != nil {
		return nil, fmt.Errorf("dpop: get the token: %w", err)
	}
	if e.token == "" {
		return nil, errors.New("dpop: TransportOptions.Token has returned an empty token")
	}
	return e, nil
}

// CloseIdleConnections closes the idle connections of Base. [http.Client.CloseIdleConnections] calls
// it.
func (t *Transport) CloseIdleConnections() {
	if base, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

func closeBody(body io.ReadCloser) {
	if body != nil {
		_ = body.Close() // the body was not sent
	}
}

func (t Transport) text() string {
	return quote.Struct("dpop.Transport", "Signer", t.signer, "Origins", t.origins, "Base", t.base)
}

// Format implements [fmt.Formatter]. Every verb prints the origins and the type of Base.
func (t Transport) Format(f fmt.State, verb rune) { quote.Print(f, verb, t.text()) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of Format, so that JSON
// and the handlers of package log/slog contain it.
func (t Transport) MarshalText() ([]byte, error) { return []byte(t.text()), nil }
