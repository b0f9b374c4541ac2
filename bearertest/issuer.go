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

	"github.com/bearerkit/bearer/internal/durations"
)

const (
	defaultAlgorithm = "RS256"
	defaultLifetime  = time.Hour
	leastLifetime    = time.Millisecond // a shorter lifetime has no unit; see durations.Check
	leastDelay       = time.Microsecond // a shorter delay has no unit
	unstartedURL     = "https://issuer.example"
)

// Options configures an [Issuer]. With a nil *Options or the zero Options, the
// issuer signs tokens of RFC 9068 with RS256. The issuer copies the Options, so
// later changes have no effect.
type Options struct {
	// Issuer is the issuer identifier. The "iss" of every token and the "issuer"
	// of the metadata have exactly this value. With a listener, any string is
	// allowed, and the URLs of the endpoints still start with the URL of the
	// listener. Without a listener, Issuer must be an http or https URL without a
	// query and without a fragment. Empty means the URL of the listener, or
	// https://issuer.example if there is no listener.
	Issuer string

	// Algorithms lists signing algorithms. A new issuer publishes a key for each
	// algorithm in the list. The first algorithm is the default for signing. Empty
	// means RS256. The supported algorithms are RS256, RS384, RS512, PS256, PS384,
	// PS512, ES256, ES384, ES512, EdDSA and Ed25519 (RFC 7518, section 3.1; RFC
	// 8037; RFC 9864).
	Algorithms []string

	// Audience is the default "aud" of tokens from Token and Mint, and of tokens
	// for clients without Client.Audience. Empty means no "aud".
	Audience []string

	// Lifetime is the default lifetime of tokens. A positive Lifetime of less than
	// 1 ms is invalid, because it is usually a number without a unit. Zero means
	// 1 h.
	Lifetime time.Duration

	// If TLS is true, the listener uses https. The client of [Issuer.HTTPClient]
	// trusts the certificate of the listener. TLS has no effect without a
	// listener.
	TLS bool

	// KeyID returns the key ID for each new key. KeyID must be safe for concurrent
	// use and must not call the issuer. Nil means random key IDs.
	KeyID func() string

	// Authenticate authenticates the clients of the token endpoint, for example
	// against a database. It must be safe for concurrent use. If it returns a
	// *TokenError, this error determines the error response. For any other error,
	// the response is the error server_error. The issuer ignores the Secret of the
	// returned Client. If Authenticate is set, the issuer ignores the clients of
	// AddClient. Nil means that the issuer authenticates the clients of AddClient.
	Authenticate func(ctx context.Context, id, secret string) (Client, error)

	// The token endpoint calls Shape before it signs a token. Shape may change the
	// token, for example to the form that a vendor uses. Shape must be safe for
	// concurrent use. Nil means that tokens have the form of RFC 9068.
	Shape func(*Grant)

	// Metadata overrides members of both metadata documents. A nil value removes a
	// member. Nil means that no member is overridden.
	Metadata map[string]any

	// If RequireNonce is true, each DPoP proof in a token request must have a nonce
	// of this issuer (RFC 9449, section 8). The response to a proof without such a
	// nonce is the error use_dpop_nonce, with a nonce in the field DPoP-Nonce. The
	// issuer accepts a nonce for 1 to 2 minutes. Requests without a proof need no
	// nonce.
	RequireNonce bool
}

// Issuer is an authorization server for machine clients. It is safe for
// concurrent use. [NewIssuer] and [NewUnstartedIssuer] return an Issuer. The
// zero Issuer is not usable.
type Issuer struct {
	opts   Options
	url    string // the issuer identifier
	base   string // base URL of the endpoints, without a trailing slash
	mux    *http.ServeMux
	server *httptest.Server // nil without a listener
	proofs *proofs
	done   chan struct{} // Close closes this channel to end hanging requests
	close  sync.Once

	mu      sync.Mutex // guards the fields below
	keys    keyring
	clients map[string]registration
	faults  map[Endpoint]Fault
	fetches map[Endpoint]int
}

// NewIssuer starts an issuer on a free port of 127.0.0.1. To stop the issuer,
// call [Issuer.Close]. NewIssuer panics if no port is free or if opts are
// invalid.
func NewIssuer(opts *Options) *Issuer {
	i := newIssuer(opts)
	// The issuer identifier may contain the address of the listener. The code
	// below creates the listener first and starts the server last, so that no
	// request reaches an incomplete issuer.
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
	i.proofs = newProofs(i.TokenURL(), i.opts.RequireNonce)
	i.mux = i.routes("")
	i.server.Config.Handler = i.mux
	if i.opts.TLS {
		i.server.StartTLS()
	} else {
		i.server.Start()
	}
	return i
}

// NewUnstartedIssuer returns an issuer without a listener. [Issuer.Handler] and
// [Issuer.Transport] serve its endpoints. The paths of the endpoints start with
// the path of the issuer identifier. The issuer starts no goroutine. Inside a
// testing/synctest bubble, the issuer uses the time of the bubble.
// NewUnstartedIssuer panics if opts are invalid.
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
	i.proofs = newProofs(i.TokenURL(), i.opts.RequireNonce)
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
	mustHaveUnit("Options.Lifetime", i.opts.Lifetime, leastLifetime, defaultLifetime)
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

// mustHaveUnit panics if d is probably a duration without a unit; see
// durations.Check.
func mustHaveUnit(name string, d, least, usual time.Duration) {
	panicIfError(durations.Check(name, d, least, usual))
}

// The method routes returns a mux with all endpoints. The prefix is the path of
// the issuer identifier.
func (i *Issuer) routes(prefix string) *http.ServeMux {
	mux := http.NewServeMux()
	keys := i.WithFaults(KeysEndpoint, readOnly(i.serveKeys))
	discovery := i.WithFaults(DiscoveryEndpoint, readOnly(i.serveMetadata))
	mux.Handle(prefix+keysPath, keys)
	mux.Handle(prefix+keysAliasPath, keys)
	mux.HandleFunc(prefix+authorizePath, serveAuthorize)
	mux.Handle(prefix+tokenPath, i.WithFaults(TokenEndpoint, http.HandlerFunc(i.serveToken)))
	for _, name := range []string{openIDPath, serverMetadataPath} {
		mux.Handle(prefix+name, discovery)
		if prefix != "" {
			// In RFC 8414, section 3.1, the well-known part comes before the path of the
			// identifier. In OpenID Connect, it comes after the path. The issuer serves
			// both.
			mux.Handle(name+prefix, discovery)
		}
	}
	return mux
}

// URL returns the issuer identifier, which is the "iss" of its tokens. The
// issuer identifier ends with a slash only if Options.Issuer ends with a slash.
func (i *Issuer) URL() string { return i.url }

// KeysURL returns the URL of the key set, which is the "jwks_uri" of the
// metadata.
func (i *Issuer) KeysURL() string { return i.base + keysPath }

// TokenURL returns the URL of the token endpoint, which is the "token_endpoint"
// of the metadata.
func (i *Issuer) TokenURL() string { return i.base + tokenPath }

// Handler returns a handler that serves the issuer's endpoints in a server of
// your own. If the issuer has no listener, the paths of the endpoints start
// with the path of the issuer identifier. The handler also works after Close.
func (i *Issuer) Handler() http.Handler { return i.mux }

// HTTPClient returns a client for requests to the issuer. If the issuer has a
// listener, the client trusts the certificate of the listener. Otherwise the
// client uses [Issuer.Transport].
func (i *Issuer) HTTPClient() *http.Client {
	if i.server != nil {
		return i.server.Client()
	}
	return &http.Client{Transport: i.Transport()}
}

// Close stops the listener, ends hanging requests, and waits until all requests
// in flight have ended. A closed issuer can still mint tokens. A verifier that
// fetched the keys before Close accepts these tokens. New issuers reuse the RSA
// keys of a closed issuer. A second call of Close has no effect.
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
