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

// Options adjusts an [Issuer]. A nil *Options and the zero value are the same
// and stand for an RFC 9068 issuer that signs with RS256. NewIssuer copies it:
// later changes have no effect.
type Options struct {
	// Issuer is the issuer identifier: the "iss" of every token and the
	// "issuer" of the metadata, byte for byte. Empty: the URL of the listener,
	// or https://issuer.example where there is none. It may be any string for
	// an issuer that listens, whose endpoints then stay at the listener; it
	// must be an http or https URL for one that does not.
	Issuer string

	// Algorithms are those for which a key is published from the start. The
	// first one signs where nothing else is asked for. Empty: RS256. Known are
	// RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA and
	// Ed25519 (RFC 7518, section 3.1; RFC 8037; RFC 9864).
	Algorithms []string

	// Audience is the "aud" of tokens that do not name one: of Token and Mint,
	// and of clients without an Audience of their own. Empty: no "aud".
	Audience []string

	// Lifetime is how long tokens live that do not say. Zero: one hour.
	Lifetime time.Duration

	// TLS makes the listener speak https, with a certificate that the client
	// of [Issuer.HTTPClient] trusts. Without a listener it has no meaning.
	TLS bool

	// KeyID names new keys. Nil: random names. It must be safe for concurrent
	// use and must not call the issuer.
	KeyID func() string

	// Authenticate finds the client that a request to the token endpoint comes
	// from, instead of among those of AddClient, so that clients can be kept
	// elsewhere. It returns a *TokenError to say what the answer shall be, and
	// any other error for a server_error. Client.Secret is not looked at. It
	// must be safe for concurrent use.
	Authenticate func(ctx context.Context, id, secret string) (Client, error)

	// Shape changes what the token endpoint is about to sign: to speak as a
	// particular vendor does. Nil: tokens of the RFC 9068 form. It must be safe
	// for concurrent use.
	Shape func(*Grant)

	// Metadata is laid over both metadata documents; a nil value removes a
	// member. Nil: nothing is changed.
	Metadata map[string]any
}

// Issuer is an authorization server for machine clients. It is safe for
// concurrent use. The zero value is not usable: see [NewIssuer].
type Issuer struct {
	opts   Options
	url    string // the identifier
	base   string // where the endpoints are, without a trailing slash
	mux    *http.ServeMux
	server *httptest.Server // nil without a listener
	done   chan struct{}    // closed by Close; ends requests that hang
	close  sync.Once

	mu      sync.Mutex // guards what follows
	keys    keyring
	clients map[string]registration
	faults  map[Endpoint]Fault
	fetches map[Endpoint]int
}

// NewIssuer starts an issuer on a free port of 127.0.0.1. Close ends it. It
// panics where no port can be had or opts make no sense.
func NewIssuer(opts *Options) *Issuer {
	i := newIssuer(opts)
	// The address is known before the server runs, and so is the identifier:
	// no request can meet an issuer that is not complete.
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

// NewUnstartedIssuer returns an issuer without a listener. Its endpoints are
// served by [Issuer.Handler], below the path of its identifier, and by
// [Issuer.Transport]. It starts no goroutine; made inside a testing/synctest
// bubble, it lives in that bubble's time. It panics where opts make no sense.
func NewUnstartedIssuer(opts *Options) *Issuer {
	i := newIssuer(opts)
	i.url = i.opts.Issuer
	if i.url == "" {
		i.url = unstartedURL
	}
	i.base = strings.TrimRight(i.url, "/")
	u, err := url.Parse(i.base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		panic("bearertest: Options.Issuer is not a URL that endpoints can be served at: " + i.url)
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
		signingMethod(alg) // panics on one that we cannot sign with
	}
	return i
}

// routes maps every endpoint below prefix, which is the path of the identifier.
func (i *Issuer) routes(prefix string) *http.ServeMux {
	mux := http.NewServeMux()
	keys := i.faulty(KeysEndpoint, readOnly(i.serveKeys))
	discovery := i.faulty(DiscoveryEndpoint, readOnly(i.serveMetadata))
	mux.Handle(prefix+keysPath, keys)
	mux.Handle(prefix+keysAliasPath, keys)
	mux.Handle(prefix+tokenPath, i.faulty(TokenEndpoint, http.HandlerFunc(i.serveToken)))
	for _, name := range []string{openIDPath, serverMetadataPath} {
		mux.Handle(prefix+name, discovery)
		if prefix != "" {
			// RFC 8414, section 3.1, puts the well-known part before the path
			// of the identifier; OpenID Connect puts it behind. Serve both.
			mux.Handle(name+prefix, discovery)
		}
	}
	return mux
}

// URL returns the issuer identifier: the "iss" of its tokens, without a
// trailing slash unless Options.Issuer has one.
func (i *Issuer) URL() string { return i.url }

// KeysURL returns where the key set is: the "jwks_uri" of the metadata.
func (i *Issuer) KeysURL() string { return i.base + keysPath }

// TokenURL returns where clients get their tokens: the "token_endpoint" of the
// metadata.
func (i *Issuer) TokenURL() string { return i.base + tokenPath }

// Handler returns the issuer's endpoints, to be mounted in another server. An
// issuer that listens serves them from the root, any other one below the path
// of its identifier. It goes on answering after Close.
func (i *Issuer) Handler() http.Handler { return i.mux }

// HTTPClient returns a client that reaches the issuer: through its listener
// and trusting its certificate, or else in memory.
func (i *Issuer) HTTPClient() *http.Client {
	if i.server != nil {
		return i.server.Client()
	}
	return &http.Client{Transport: i.Transport()}
}

// Close ends the listener and every request that hangs, and waits until the
// requests in flight are answered. Tokens can be minted as before, to be
// checked by those who have fetched the keys; RSA keys go on to issuers that
// are made later. Closing twice does nothing.
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
