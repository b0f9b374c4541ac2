package bearertest

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	defaultAlgorithm = "RS256"
	defaultLifetime  = time.Hour
	unstartedURL     = "https://issuer.example"
)

// Options configures an [Issuer]. With a nil *Options or the zero value, the
// issuer signs tokens of RFC 9068 with RS256. The issuer copies the options:
// later changes have no effect.
type Options struct {
	// Issuer is the issuer identifier: the "iss" of every token and the
	// "issuer" of the metadata, byte for byte. Empty: the URL of the listener,
	// or https://issuer.example if there is no listener. With a listener, any
	// string is allowed, and the endpoints stay at the listener's URL. Without
	// a listener, Issuer must be an http or https URL without query and
	// fragment.
	Issuer string

	// Algorithms lists the signing algorithms for which a key is published
	// from the start. The first one is the default for signing. Empty: RS256.
	// Supported are RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384,
	// ES512, EdDSA and Ed25519 (RFC 7518, section 3.1; RFC 8037; RFC 9864).
	Algorithms []string

	// Audience is the default "aud" claim of Token and Mint, and of clients
	// without Client.Audience. Empty: no "aud".
	Audience []string

	// Lifetime is the default lifetime of tokens. Zero: 1 h.
	Lifetime time.Duration

	// TLS makes the listener speak https, with a certificate that the client
	// of [Issuer.HTTPClient] trusts. It has no effect without a listener.
	TLS bool

	// KeyID returns the key ID for each new key. Nil: random key IDs. KeyID
	// must be safe for concurrent use and must not call the issuer.
	KeyID func() string

	// Authenticate authenticates the clients of the token endpoint, for example
	// against a database. It must be safe for concurrent use. A *TokenError
	// selects the error response; for any other error the response is
	// server_error. The Secret of the returned Client is ignored. If
	// Authenticate is set, the clients of AddClient are ignored. Nil: the
	// clients of AddClient.
	Authenticate func(ctx context.Context, id, secret string) (Client, error)

	// Shape changes a token of the token endpoint before it is signed, for
	// example to imitate a vendor. It must be safe for concurrent use. Nil:
	// tokens have the form of RFC 9068.
	Shape func(*Grant)

	// Metadata overrides members of both metadata documents; a nil value
	// removes a member. Nil: no changes.
	Metadata map[string]any
}

// Issuer is an authorization server for machine clients. It is safe for
// concurrent use. The zero value is not usable: see [NewIssuer].
type Issuer struct {
	opts   Options
	url    string // the identifier
	base   string // base URL of the endpoints, without a trailing slash
	mux    *http.ServeMux
	server *httptest.Server // nil without a listener
	done   chan struct{}    // closed by Close; ends hanging requests
	close  sync.Once

	mu      sync.Mutex // guards the fields below
	keys    keyring
	clients map[string]registration
	faults  map[Endpoint]Fault
	fetches map[Endpoint]int
}

// NewIssuer starts an issuer on a free port of 127.0.0.1. [Issuer.Close] stops
// it. NewIssuer panics if no port is free or opts are invalid.
func NewIssuer(opts *Options) *Issuer {
	i := newIssuer(opts)
	// The identifier contains the address of the listener, which is known before
	// the server starts. No request may reach an incomplete issuer.
	i.server = httptest.NewUnstartedServer(nil)
	scheme := "http://"
	if i.opts.TLS {
		scheme = "https://"
	}
	i.base = scheme + i.server.Listener.Addr().String()
	i.url = i.opts.Issuer
	if i.url == "" {
		i.url = i.base
	}
	i.mux = i.routes("")
	i.server.Config.Handler = i.mux
	if i.opts.TLS {
		i.server.StartTLS()
	} else {
		i.server.Start()
	}
	return i
}

// NewUnstartedIssuer returns an issuer without a listener. [Issuer.Handler]
// and [Issuer.Transport] serve its endpoints, below the path of its identifier.
// The issuer starts no goroutine. Inside a testing/synctest bubble it uses the
// time of the bubble. NewUnstartedIssuer panics if opts are invalid.
func NewUnstartedIssuer(opts *Options) *Issuer {
	i := newIssuer(opts)
	i.url = i.opts.Issuer
	if i.url == "" {
		i.url = unstartedURL
	}
	i.base = strings.TrimRight(i.url, "/")
	u, err := url.Parse(i.base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		panic("bearertest: Options.Issuer must be an http or https URL without query and fragment, got " + i.url)
	}
	i.mux = i.routes(u.EscapedPath())
	return i
}

func newIssuer(opts *Options) *Issuer {
	i := &Issuer{
		done:    make(chan struct{}),
		clients: make(map[string]registration),
		faults:  make(map[Endpoint]Fault),
		fetches: make(map[Endpoint]int),
	}
	if opts != nil {
		i.opts = *opts
	}
	i.opts.Algorithms = slices.Clone(i.opts.Algorithms)
	i.opts.Audience = slices.Clone(i.opts.Audience)
	i.opts.Metadata = maps.Clone(i.opts.Metadata)
	if len(i.opts.Algorithms) == 0 {
		i.opts.Algorithms = []string{defaultAlgorithm}
	}
	if i.opts.Lifetime == 0 {
		i.opts.Lifetime = defaultLifetime
	}
	if i.opts.KeyID == nil {
		i.opts.KeyID = randomKeyID
	}
	for _, alg := range i.opts.Algorithms {
		signingMethod(alg) // panics if alg is not supported
	}
	return i
}

// routes serves every endpoint below prefix, the path of the issuer identifier.
func (i *Issuer) routes(prefix string) *http.ServeMux {
	mux := http.NewServeMux()
	keys := i.WithFaults(KeysEndpoint, readOnly(i.serveKeys))
	discovery := i.WithFaults(DiscoveryEndpoint, readOnly(i.serveMetadata))
	mux.Handle(prefix+keysPath, keys)
	mux.Handle(prefix+keysAliasPath, keys)
	mux.Handle(prefix+tokenPath, i.WithFaults(TokenEndpoint, http.HandlerFunc(i.serveToken)))
	for _, name := range []string{openIDPath, serverMetadataPath} {
		mux.Handle(prefix+name, discovery)
		if prefix != "" {
			// RFC 8414, section 3.1, inserts the well-known part before the path
			// of the identifier; OpenID Connect appends it. Serve both.
			mux.Handle(name+prefix, discovery)
		}
	}
	return mux
}

// URL returns the issuer identifier: the "iss" of its tokens. It has no
// trailing slash unless Options.Issuer has one.
func (i *Issuer) URL() string { return i.url }

// KeysURL returns the URL of the key set: the "jwks_uri" of the metadata.
func (i *Issuer) KeysURL() string { return i.base + keysPath }

// TokenURL returns the URL of the token endpoint: the "token_endpoint" of the
// metadata.
func (i *Issuer) TokenURL() string { return i.base + tokenPath }

// Handler returns a handler that serves the issuer's endpoints, for use in
// another server. With a listener the endpoints start at the root, without a
// listener at the path of the identifier. The handler works after Close too.
func (i *Issuer) Handler() http.Handler { return i.mux }

// HTTPClient returns a client that reaches the issuer. With a listener it
// trusts the listener's certificate; without one it uses [Issuer.Transport].
func (i *Issuer) HTTPClient() *http.Client {
	if i.server != nil {
		return i.server.Client()
	}
	return &http.Client{Transport: i.Transport()}
}

// Close stops the listener, ends hanging requests and waits for the other
// requests in flight. A closed issuer still mints tokens, and a verifier that
// fetched the keys before Close accepts these tokens. New issuers reuse the RSA
// keys of a closed issuer. A second call does nothing.
func (i *Issuer) Close() {
	i.close.Do(func() {
		close(i.done)
		if i.server != nil {
			i.server.Close()
		}
		i.mu.Lock()
		borrowed := i.keys.borrowed
		i.keys.borrowed = nil
		i.mu.Unlock()
		returnRSAKeys(borrowed)
	})
}

func (i *Issuer) closed() bool {
	select {
	case <-i.done:
		return true
	default:
		return false
	}
}
