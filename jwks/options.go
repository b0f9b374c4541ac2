package jwks

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/bearerkit/bearer/internal/durations"
)

// Options configure a [Cache]. A nil *Options is the same as the zero value. The comment of
// each field gives the default after the word "Zero". New and Discover copy the Options.
// They return an error if a duration or a
// limit is negative. They also return an error for a duration that is too short to be useful,
// because such a duration is usually a number without a unit: the constant 300 is 300 ns.
//
// The printed form and the JSON form of Options do not contain StoreKey and the values of
// queries in URLs. There are two limits. First, package fmt calls no methods for an unexported
// field. So do not print a struct of yours that has Options in an unexported field. An *Options in
// such a field is safe with the verb %v. Second, package fmt calls no methods for %p and %w, which
// are not valid for Options. So do not print Options with these verbs; go vet reports them in
// constant formats.
type Options struct {
	// Issuer is the name of the issuer in [Status], events and logs. If Issuer is set,
	// [Cache.Keyfunc] fetches keys only for tokens with this "iss". Discover returns an
	// error if Issuer differs from the argument issuer. Zero: for Discover,
	// the argument issuer. For New, the name is the URL of the key set, and Keyfunc does not
	// compare "iss".
	Issuer string

	// MetadataURL is the URL of the issuer's metadata. Set it for Discover if the metadata
	// is not at a well-known URL of the issuer. If MetadataURL is set, the issuer may be a
	// name that is not a URL. New returns an error if MetadataURL is set. Zero: Discover
	// uses the well-known URLs.
	MetadataURL string
	// MetadataIssuer is the required value of "issuer" in the metadata. Set it for Discover
	// if this value differs from "iss" in the issuer's tokens. New returns an error if
	// MetadataIssuer is set. Zero: the argument of Discover.
	MetadataIssuer string

	// KeysURL is the URL of the issuer's key set. If KeysURL is set, Discover does not use
	// metadata, and the issuer may be a name that is not a URL. Set it if the key set must be
	// fetched from a different address than the one in the issuer's metadata, for example from
	// an address inside the cluster. Like the argument of New, it may name a file or a folder. New
	// returns an error if KeysURL is set, because its argument is this URL. Zero: Discover finds
	// the URL in the metadata.
	KeysURL string

	// Transport sends the HTTP requests. It MUST return when the context of a request
	// ends. Zero: the default Transport. The default Transport requires TLS 1.2 or later,
	// uses the proxy from the environment, and opens a new connection for each request.
	Transport http.RoundTripper
	// Timeout is the longest duration of one refresh. A refresh includes discovery,
	// connecting to the servers, and reading the responses, but not waiting for Limits.
	// Zero: 5 s.
	Timeout time.Duration
	// InsecureHTTP allows http URLs for all hosts. With http, an attacker on the network can
	// replace the keys and forge tokens. Zero: http is allowed for loopback hosts only. A
	// loopback host is a loopback address, "localhost", or a name that ends in
	// ".localhost". The default Transport connects to a loopback host without a proxy. It
	// refuses the connection if the name of the host resolves to an address that is not a
	// loopback address. A custom Transport should do the same.
	InsecureHTTP bool
	// RefusePrivateAddresses refuses connections to addresses that are not public. It checks
	// the address to which the host name resolves. Set RefusePrivateAddresses if parties that
	// you do not trust can configure issuers. RefusePrivateAddresses works only with the
	// default Transport, and prevents the use of a proxy. Zero: all addresses are allowed.
	RefusePrivateAddresses bool

	// RootCAs are the certificate authorities whose server certificates are accepted. The
	// system's authorities are then not accepted; to accept them too, add to a copy of
	// [x509.SystemCertPool]. RootCAs works only with the default Transport. Zero: the
	// certificates in RootCAFile, or the system's authorities if RootCAFile is empty too.
	RootCAs *x509.CertPool
	// RootCAFile is the path of a file with certificates in PEM form. They are accepted like
	// RootCAs, and together with RootCAs. The file is read before each request, so a new version
	// of the file needs no restart. If a new version cannot be read, is cut off or has no usable
	// certificate, the certificates of the last good version stay in use, and a warning is
	// logged. The file has at most 1 MiB, and must exist when New or Discover is called.
	// RootCAFile works only with the default Transport. Zero: no file.
	RootCAFile string
	// ClientCertificate returns the certificate for servers that request one (mutual TLS). It is
	// called for each connection, so the certificate can rotate. It must be safe for concurrent
	// use, and must not block. Only the origins that AuthorizationOrigins describes get the
	// certificate. ClientCertificate works only with the default Transport, and not with a proxy
	// that has an https URL. Zero: no certificate.
	ClientCertificate func(*tls.CertificateRequestInfo) (*tls.Certificate, error)
	// AuthorizationFile is the path of a file with a token, such as the token of the pod in
	// Kubernetes. Each request has the token as a bearer token in the field Authorization
	// (RFC 6750, section 2.1). The file is read for each request, so the token can rotate. It
	// has at most 16 KiB and contains only the token; white space around the token is ignored.
	// The file must be readable when New or Discover is called.
	//
	// The token is sent only over https, or to a loopback host, and only to the origins that
	// AuthorizationOrigins describes. It is not in logs, errors and printed forms.
	// An answer whose body or redirect contains it is refused. A token of fewer than 8 bytes is
	// not looked for in answers.
	// AuthorizationFile works only with the default Transport. Zero: no token.
	AuthorizationFile string
	// AuthorizationOrigins lists further origins that get the token and the client certificate,
	// for example "https://10.0.0.1:6443" if the API server of Kubernetes names its own address
	// in "jwks_uri". The origin of the first configured URL always gets them: the argument of
	// New, or KeysURL, MetadataURL or the issuer, in this order. If AuthorizationFile or
	// ClientCertificate is set, requests to other origins are refused, because the metadata can
	// name any origin. Zero: no further origins.
	AuthorizationOrigins []string

	// MinInterval and MaxInterval are the shortest and the longest time for which a response
	// is fresh. Between these limits, the field Cache-Control or Expires of the response
	// determines this time. A response without these fields is fresh for 5 min. The next
	// refresh begins after a random 75 to 95 percent of this time.
	//
	// While the issuer answers and the machine is not suspended, a withdrawn key verifies
	// tokens for at most MaxInterval. There are two exceptions. First, if no usable key is left in
	// the key set, the cache drops its keys MaxInterval to twice MaxInterval after the last answer
	// with a usable key, and after three answers without one to unconditional requests. Then keys
	// are unavailable until the issuer publishes a usable key. Answers of HTTP caches that are older
	// than that answer, and repeated ones, do not count. Second, if an HTTP cache answers, the cache
	// bypasses it at least once per hour, or per MaxInterval if that is longer. If the HTTP cache
	// cannot be bypassed, MaxStale applies. MinInterval must not be longer than MaxInterval. Zero:
	// 1 min and 15 min. If a default contradicts a duration that is set, the default changes.
	MinInterval, MaxInterval time.Duration
	// MaxStale is the longest time for which a key set stays in use after the issuer last
	// confirmed the key set. If an HTTP cache answers, the time counts from the end of the
	// freshness of the answer, which is its max-age (or s-maxage) less its Age, or from the request
	// if the answer is still fresh. Afterwards, keys are unavailable. So during an outage of the
	// issuer, tokens are still accepted for at most MaxStale, and a withdrawn key still
	// verifies tokens for at most MaxStale. These times include the time during which the
	// machine is suspended. MaxStale must not be shorter than MaxInterval. Zero: 12 h, or
	// MaxInterval if MaxInterval is longer.
	MaxStale time.Duration
	// RefuseOldAnswers refuses a first answer that comes from an HTTP cache, is older than MaxStale,
	// and does not say for how long it is fresh. It also refuses a first answer that is older than
	// MaxStale only if its Date is compared with the clock of this machine, until the following
	// answers show that the clocks differ. Such an answer may contain withdrawn keys. Zero: the cache
	// takes this answer, writes a warning to the log, and sets [Status.OldAnswer]. Later
	// answers that are older than MaxStale are always refused.
	RefuseOldAnswers bool
	// CoolDown limits the fetches that lookups cause while keys are available. The cache
	// makes two such fetches without a pause, and then one fetch per CoolDown. If clients keep
	// sending tokens with unknown keys, this fetch is made even if no lookup waits for it. A fetch that
	// brings a new key does not count, and neither do some fetches that repeat a question one CoolDown
	// after the last answer: there are at most three fetches in two CoolDowns. After more than ten
	// consecutive fetches that bring new keys, lookups cause the next fetch at least 1 s later. If a
	// lookup waits and the issuer has not answered after about 1 s, the fetch sends a second request,
	// at most once per CoolDown. Zero: 8 s.
	CoolDown time.Duration
	// RefuseNotAsked decides about lookups without a result while CoolDown or the issuer's
	// Retry-After does not allow a fetch. If it is true, the error is ErrUnknownKey, so clients
	// get status 401 although the issuer was not asked. Then a token that is signed with a new key
	// is refused as invalid for up to CoolDown, if other clients send tokens with unknown keys.
	// Set it if a load balancer in front of the service takes replicas out of service because of
	// status 503; see docs/outage.md. Zero: the error is an [*UnavailableError] with NotAsked.
	RefuseNotAsked bool

	// OnDemand is for services with very many issuers that are seldom used. The cache
	// fetches keys only when a lookup needs them, and forgets them when no lookup has used the cache
	// for this time, or a little longer. Then the cache is idle: it has no keys and sends no
	// requests, [Cache.Ready] returns nil, and the first token waits for a fetch. A Store is read at
	// the first use after the start. After a later idle time, it is read only if the first fetch
	// fails, so that it brings no key back that a healthy issuer has withdrawn meanwhile. If the issuer
	// hangs, this takes up to Timeout, and tokens are refused until then. Zero: the cache has keys at
	// all times.
	OnDemand time.Duration

	// Limits limit the requests in flight and the bytes per second. Caches with the same Limits
	// share them. With the default Transport, one request may open up to 8 connections while the
	// addresses of the host do not answer. While caches wait for the Limits, no fetch sends a second
	// request because of a connection that hangs. Zero: the cache has its own Limits, with their
	// defaults.
	Limits *Limits
	// MaxKeysPerID is the largest number of keys with the same kid that are used for the same
	// algorithm. It limits the number of signature checks for one token. If the issuer publishes
	// more such keys, the cache leaves out the keys with the most expensive signature checks.
	// Zero: 8.
	MaxKeysPerID int
	// MaxRSACost limits the cost of the signature checks for one token with all RSA keys of one
	// kid. The unit is the cost of one check with a key of 2048 bits and the exponent 65537. A
	// key of 3072 bits costs 3, a key of 4096 bits costs 4, and a key of 8192 bits costs 16. A
	// large exponent makes a check up to 2.8 times as expensive. The cache leaves out the most
	// expensive keys beyond the limit. Elliptic-curve and Ed25519 keys do not count, because
	// MaxKeysPerID limits them; see the section Cost of the package comment. Zero: 32, which is
	// the cost of 8 keys of 4096 bits.
	MaxRSACost int

	// Store keeps the last good key set across restarts. Zero: the key set is not stored.
	Store Store
	// StoreKey authenticates the data in the Store with HMAC-SHA256. It must have at least
	// 32 bytes. The data includes the time at which the issuer confirmed the keys. So an attacker
	// who can write to the Store can delete the data or put older data back, but the keys in
	// older data are used at most until MaxStale after this time. Zero: the data is not
	// authenticated, so anyone who can write to the Store can forge tokens. Then the Store of
	// [NewFileStore] refuses folders in which other users can replace files.
	StoreKey []byte

	// Logger receives log records, for example about changed keys, unusable keys, failed
	// refreshes and the end of an outage. The records name the issuer and contain no token.
	// Zero: slog.Default().
	Logger *slog.Logger
	// Observe is called for every [Event], in the order of the events. The calls are made one
	// after another, in a goroutine that does nothing else. So Observe may call all methods of the
	// cache except [Cache.Close], and no lookup or refresh waits for it. If Observe is so slow that
	// 1,024 events wait for it, the cache drops further events and logs their number; it drops
	// MissFetch and MissDenied from 512 waiting events on. If Observe refers to the cache, or to
	// a verifier that uses it, close the cache: the garbage collector cannot end it. Zero: the
	// cache does not report events.
	Observe func(Event)
}

// The defaults of Options.
const (
	defaultTimeout     = 5 * time.Second
	defaultMinInterval = time.Minute
	defaultMaxInterval = 15 * time.Minute
	defaultMaxStale    = 12 * time.Hour
	defaultCoolDown    = 8 * time.Second
	usualOnDemand      = time.Hour // an example, because OnDemand has no default
)

// shortest is the shortest usual duration of MinInterval, MaxInterval and CoolDown. A shorter
// duration must consist of whole milliseconds, or it is a number without a unit; see package
// durations.
const shortest = 10 * time.Millisecond

// shortestTimeout is the same for Timeout. A timeout of whole milliseconds is always valid.
const shortestTimeout = time.Millisecond

// shortestStale is the same for MaxStale.
const shortestStale = 10 * shortest

// maxDuration is the longest duration. Longer durations are shortened to maxDuration,
// because they overflow when they are added to the current time.
const maxDuration = 100 * 365 * 24 * time.Hour

// minStoreKey is the least length of Options.StoreKey, in bytes. It is the length of a digest
// of SHA-256 (RFC 2104, section 3).
const minStoreKey = 32

// withDefaults returns a copy of o. In the copy, durations that are zero and a nil Logger
// are replaced with their defaults.
func (o *Options) withDefaults() Options {
	var s Options
	if o != nil {
		s = *o
		s.StoreKey = append([]byte(nil), o.StoreKey...)
		s.AuthorizationOrigins = slices.Clone(o.AuthorizationOrigins)
		if o.RootCAs != nil {
			s.RootCAs = o.RootCAs.Clone()
		}
	}
	fill := func(d *time.Duration, fallback time.Duration) {
		if *d == 0 {
			*d = fallback
		}
		*d = min(*d, maxDuration)
	}
	fill(&s.Timeout, defaultTimeout)
	fill(&s.CoolDown, defaultCoolDown)
	s.OnDemand = min(s.OnDemand, maxDuration)
	// A field that is set changes the defaults of the other fields. For example, Options in
	// which only MaxInterval is set, to 1 s, are valid.
	maxStale, maxInterval := s.MaxStale, s.MaxInterval
	fill(&s.MaxStale, max(defaultMaxStale, s.MaxInterval, s.MinInterval))
	fill(&s.MaxInterval, max(defaultMaxInterval, s.MinInterval))
	if maxInterval == 0 && maxStale > 0 {
		s.MaxInterval = min(s.MaxInterval, maxStale)
	}
	fill(&s.MinInterval, min(defaultMinInterval, s.MaxInterval))
	if s.Limits == nil {
		s.Limits = new(Limits)
	}
	if s.MaxKeysPerID == 0 {
		s.MaxKeysPerID = defaultKeysPerID
	}
	if s.MaxRSACost == 0 {
		s.MaxRSACost = defaultRSACost
	}
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	return s
}

// problems returns an error for each invalid field of o. It must be called on the result of
// given.withDefaults.
func (o *Options) problems(given *Options) []error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("jwks: Options."+format, args...))
	}
	wrong, noUnit := given.durationProblems()
	errs = append(errs, wrong...)
	if o.MinInterval > o.MaxInterval && o.MaxInterval >= 0 && !noUnit {
		bad("MinInterval: %v is longer than MaxInterval, %v", o.MinInterval, o.MaxInterval)
	}
	if o.MaxInterval > o.MaxStale && o.MaxStale >= 0 && !noUnit {
		bad("MaxStale: %v is shorter than MaxInterval, %v, so keys become unavailable between refreshes", o.MaxStale, o.MaxInterval)
	}
	errs = append(errs, o.Limits.problems()...)
	if o.MaxKeysPerID < 0 {
		bad("MaxKeysPerID: %d is negative; want 0 for the default, or a positive number", o.MaxKeysPerID)
	}
	if o.MaxRSACost < 0 {
		bad("MaxRSACost: %d is negative; want 0 for the default, or a positive number", o.MaxRSACost)
	}
	if o.RefusePrivateAddresses && o.Transport != nil {
		bad("RefusePrivateAddresses: works with the default Transport only; leave Transport nil")
	}
	errs = append(errs, o.credentialProblems()...)
	if n := len(o.StoreKey); n > 0 && n < minStoreKey {
		bad("StoreKey: has %d bytes, want at least %d", n, minStoreKey)
	}
	if len(o.StoreKey) > 0 && o.Store == nil {
		bad("StoreKey: works with a Store only; set Store, or remove StoreKey")
	}
	if err := checkFileStore(o.Store, o.StoreKey); err != nil {
		bad("Store: %w", err)
	}
	return errs
}

// durationProblems returns an error for each duration that is negative or has no unit. It must be
// called on the Options of the caller, because defaults depend on other durations. If noUnit is
// true, a duration has no unit, so comparing the durations is useless.
func (o *Options) durationProblems() (errs []error, noUnit bool) {
	if o == nil {
		return nil, false
	}
	for _, d := range []struct {
		name                string
		value, least, usual time.Duration // see durations.Check
	}{
		{"Timeout", o.Timeout, shortestTimeout, defaultTimeout},
		{"MinInterval", o.MinInterval, shortest, defaultMinInterval},
		{"MaxInterval", o.MaxInterval, shortest, defaultMaxInterval},
		{"MaxStale", o.MaxStale, shortestStale, defaultMaxStale},
		{"CoolDown", o.CoolDown, shortest, defaultCoolDown},
		{"OnDemand", o.OnDemand, shortestStale, usualOnDemand},
	} {
		if d.value < 0 {
			errs = append(errs, fmt.Errorf("jwks: Options.%s: %v is negative; want 0 for the default, or a positive duration", d.name, d.value))
		}
		if err := durations.Check("jwks: Options."+d.name, d.value, d.least, d.usual); err != nil {
			errs, noUnit = append(errs, err), true
		}
	}
	return errs, noUnit
}
