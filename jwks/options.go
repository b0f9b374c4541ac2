package jwks

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Options configure a [Cache]. A nil *Options is the same as the zero value. The comment of
// each field gives its default after "Zero". New and Discover refuse negative durations,
// and copy the Options.
type Options struct {
	// Issuer is the issuer's name in status, events and logs. [Cache.Keyfunc] fetches keys
	// only for tokens with this "iss". Discover refuses another value than its argument.
	// Zero: Discover uses its argument; New uses the URL as the name, and Keyfunc does not
	// compare "iss".
	Issuer string

	// MetadataURL is the URL of the issuer's metadata, for Discover, if the metadata is
	// not at a well-known URL of the issuer. With MetadataURL, the issuer may be a name
	// that is not a URL. Zero: the well-known URLs. New refuses MetadataURL.
	MetadataURL string
	// MetadataIssuer is the exact value of "issuer" in the metadata, for Discover, if this
	// value differs from "iss" in tokens. Zero: the same as the issuer. New refuses
	// MetadataIssuer.
	MetadataIssuer string

	// Transport sends the HTTP requests. It MUST return when a request's context
	// ends. Zero: the default Transport, with TLS 1.2 or later, the proxy from the
	// environment, and a new connection for each request.
	Transport http.RoundTripper
	// Timeout limits the duration of one refresh, including discovery, from connecting
	// to the last byte. Zero: 5 s.
	Timeout time.Duration
	// InsecureHTTP allows http URLs for all hosts. Attackers on the network can then
	// replace the keys, and so forge tokens. Zero: http is allowed for loopback hosts
	// only. Loopback hosts are loopback addresses, "localhost" and names below it. The
	// default Transport connects to them at loopback addresses only, and without a
	// proxy. A custom Transport should do the same.
	InsecureHTTP bool
	// RefusePrivateAddresses refuses connections to addresses that are not public. It
	// checks the address that the host name resolves to. Set RefusePrivateAddresses if
	// other parties can configure issuers. It requires the default Transport, which then
	// uses no proxy. Zero: all addresses are allowed.
	RefusePrivateAddresses bool

	// MinInterval and MaxInterval limit how long a response counts as fresh. Within these
	// limits, the header of the response decides: Cache-Control or Expires. A response
	// without these fields is fresh for 5 min. The next refresh begins a random 5 to 25
	// percent earlier.
	//
	// MaxInterval is the longest time that a withdrawn key still verifies tokens, while the
	// issuer answers and the machine is not suspended. MinInterval must not exceed
	// MaxInterval. Zero: 1 min and 15 min, changed if needed to fit the intervals that are
	// set.
	MinInterval, MaxInterval time.Duration
	// MaxStale is the longest time that a set stays in use after the issuer last confirmed
	// it. After that, keys are unavailable. MaxStale is how long an outage of the issuer
	// can last before tokens fail, and how long a withdrawn key verifies tokens in an
	// outage. Time during which the machine is suspended counts. MaxStale must not be
	// shorter than MaxInterval. Zero: 12 h, or longer if MaxInterval is longer.
	MaxStale time.Duration
	// CoolDown limits the fetches caused by keys that are not in the set: two without a
	// pause, then one per CoolDown. A fetch that brings a new key does not count against
	// this limit. After ten consecutive fetches that bring new keys, such fetches are at
	// least 1 s apart. Zero: 8 s.
	CoolDown time.Duration

	// Store keeps the last good key set across restarts. Zero: none.
	Store Store
	// StoreKey authenticates the data in Store with HMAC-SHA256. It must have at least 32
	// bytes. Zero: the data is not authenticated, and anyone who can write to the Store
	// can forge tokens.
	StoreKey []byte

	// Logger receives records about changes and failures: changed keys, unusable keys,
	// failed refreshes, the end of an outage. They name the issuer and contain no token.
	// Zero: slog.Default().
	Logger *slog.Logger
	// Observe is called for every [Event], synchronously: by the refresher, by the
	// goroutine that calls the Store, and by goroutines that look up keys. It MUST
	// return quickly, be safe for concurrent use, and not call the cache's Close. Zero:
	// no calls.
	Observe func(Event)
}

// maxDuration limits durations: longer durations overflow when they are added to the
// current time.
const maxDuration = 100 * 365 * 24 * time.Hour

// withDefaults returns a copy of o in which every zero field has its default.
func (o *Options) withDefaults() Options {
	var s Options
	if o != nil {
		s = *o
		s.StoreKey = append([]byte(nil), o.StoreKey...)
	}
	fill := func(d *time.Duration, fallback time.Duration) {
		if *d == 0 {
			*d = fallback
		}
		*d = min(*d, maxDuration)
	}
	fill(&s.Timeout, 5*time.Second)
	fill(&s.CoolDown, 8*time.Second)
	// A field that is set changes the defaults of the others, so that a MaxInterval of 1 s
	// alone is valid.
	maxStale, maxInterval := s.MaxStale, s.MaxInterval
	fill(&s.MaxStale, max(12*time.Hour, s.MaxInterval, s.MinInterval))
	fill(&s.MaxInterval, max(15*time.Minute, s.MinInterval))
	if maxInterval == 0 && maxStale > 0 {
		s.MaxInterval = min(s.MaxInterval, maxStale)
	}
	fill(&s.MinInterval, min(time.Minute, s.MaxInterval))
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	return s
}

// problems returns the errors in o. withDefaults must have filled the zero fields.
func (o *Options) problems() []error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("jwks: Options."+format, args...))
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"Timeout", o.Timeout},
		{"MinInterval", o.MinInterval},
		{"MaxInterval", o.MaxInterval},
		{"MaxStale", o.MaxStale},
		{"CoolDown", o.CoolDown},
	} {
		if d.value < 0 {
			bad("%s: %v is negative; want 0 for the default, or more", d.name, d.value)
		}
	}
	if o.MinInterval > o.MaxInterval && o.MaxInterval >= 0 {
		bad("MinInterval: %v is longer than MaxInterval, %v", o.MinInterval, o.MaxInterval)
	}
	if o.MaxInterval > o.MaxStale && o.MaxStale >= 0 {
		bad("MaxStale: %v is shorter than MaxInterval, %v: keys become unavailable between refreshes", o.MaxStale, o.MaxInterval)
	}
	if o.RefusePrivateAddresses && o.Transport != nil {
		bad("RefusePrivateAddresses: works with the default Transport only; leave Transport nil")
	}
	if n := len(o.StoreKey); n > 0 && n < 32 {
		bad("StoreKey: %d bytes, want at least 32", n)
	}
	if len(o.StoreKey) > 0 && o.Store == nil {
		bad("StoreKey: set without a Store; set Store, or remove StoreKey")
	}
	return errs
}

// checkURL returns an error if a document must not be fetched from the URL.
func checkURL(raw string, insecureHTTP bool) error {
	u, err := url.Parse(raw)
	if err != nil {
		// url.Error repeats the whole URL, which may contain a password.
		if parse, ok := errors.AsType[*url.Error](err); ok {
			err = parse.Err
		}
		return fmt.Errorf("not a URL: %w", err)
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("not an https URL")
	case u.Hostname() == "":
		return errors.New("no host")
	case u.User != nil:
		return errors.New("contains credentials; remove them from the URL")
	case strings.Contains(raw, "#"):
		return errors.New("contains a fragment; remove the # and what follows")
	case u.Scheme == "http" && !insecureHTTP && !isLoopback(u.Hostname()):
		return errors.New("http lets attackers on the network replace the keys; use https, or set Options.InsecureHTTP")
	}
	return nil
}

// isLoopback reports whether host is this machine, so that no attacker can be on the
// path: a loopback address, "localhost" or a name below it (RFC 6761, section 6.3). The
// transport checks the address of a name when it dials.
func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// origin returns scheme, host and port of a URL, for comparison.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// redact replaces the credentials and query values in a URL, which may be secrets, so
// that the URL can be shown.
func redact(raw string) string {
	raw, query, ok := strings.Cut(raw, "?")
	if scheme, rest, ok := strings.Cut(raw, "://"); ok {
		authority, _, _ := strings.Cut(rest, "/")
		if at := strings.LastIndexByte(authority, '@'); at >= 0 {
			raw = scheme + "://xxxxx" + rest[at:]
		}
	}
	if !ok {
		return raw
	}
	members := strings.Split(query, "&")
	for i, member := range members {
		if name, _, ok := strings.Cut(member, "="); ok {
			members[i] = name + "=xxxxx"
		} else if member != "" {
			members[i] = "xxxxx"
		}
	}
	return raw + "?" + strings.Join(members, "&")
}
