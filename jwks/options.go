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

// Options adjust a [Cache]. A nil *Options and the zero value mean the same:
// the strict choice everywhere. New and Discover copy it.
type Options struct {
	// Issuer names the issuer in status, events and logs, and is what "iss" must
	// be before [Cache.Keyfunc] fetches anything for a token. Zero: for New the
	// URL, without that check; for Discover its argument.
	Issuer string

	// MetadataURL is where Discover finds the issuer's metadata, if that is not
	// where the issuer's name says. The name need not be a URL then. Zero: the
	// well-known places. New refuses it.
	MetadataURL string
	// MetadataIssuer is what "issuer" in the metadata must be, byte for byte, if
	// that is not what tokens say in "iss". Zero: the same. New refuses it.
	MetadataIssuer string

	// Transport sends the requests. It MUST give up when a request's context
	// ends. Zero: one of the cache's own, with TLS from 1.2, the proxy of the
	// environment, and a connection for each request.
	Transport http.RoundTripper
	// Timeout bounds one refresh from connecting to the last byte, discovery
	// included. Zero: 5 s.
	Timeout time.Duration
	// InsecureHTTP allows http URLs everywhere: who is between can then replace
	// the keys and so forge tokens. Zero: http on loopback hosts only, else https.
	// Those are loopback addresses, "localhost" and names below it; the cache's own
	// Transport connects to none of them but at a loopback address and without a
	// proxy, and one of yours should do the same.
	InsecureHTTP bool
	// RefusePrivateAddresses refuses to connect to addresses that are not public,
	// whatever name led there: for issuers that others may configure. It needs
	// the cache's own Transport and then uses no proxy. Zero: any address.
	RefusePrivateAddresses bool

	// MinInterval and MaxInterval bound how long an answer is believed, whatever
	// its Cache-Control or Expires says; without either it is 5 minutes. The
	// next refresh comes a random 5 to 25 percent ahead of that, so MaxInterval
	// is the longest that a key which the issuer withdrew still verifies while
	// the issuer is well and the machine awake. Zero: 1 minute and 15 minutes.
	MinInterval, MaxInterval time.Duration
	// MaxStale is the longest that a set is used after the last answer of the
	// issuer that confirmed it: the bound on a withdrawn key while the issuer is
	// not well, and how long an outage may be without anybody noticing. After it
	// keys are unavailable. Time in which the machine is suspended counts. Zero:
	// 12 hours.
	MaxStale time.Duration
	// CoolDown is how often keys that are not in the set may cause a fetch: two
	// at once, and then one for each CoolDown. A fetch that brings a new key is
	// not counted; after ten in a row those are a second apart. Zero: 8 seconds.
	CoolDown time.Duration

	// Store keeps the last good document over a restart. Zero: none.
	Store Store
	// StoreKey authenticates what comes from the Store, with HMAC-SHA256; at
	// least 32 bytes. Zero: whoever can write the Store can forge tokens.
	StoreKey []byte

	// Logger takes the records of what changes: the keys, an outage, its end. They
	// name the issuer and never a token. Zero: slog.Default().
	Logger *slog.Logger
	// Observe is told of every [Event], synchronously, by the refresher, by what
	// calls the Store and by goroutines that look up keys: it MUST be quick, be safe for concurrent use,
	// and not call the cache's Close. Zero: nobody.
	Observe func(Event)
}

// forever is what longer durations mean: added to a time of today, they would
// overflow and come out short.
const forever = 100 * 365 * 24 * time.Hour

// withDefaults returns a copy of o with nothing left to default.
func (o *Options) withDefaults() Options {
	var s Options
	if o != nil {
		s = *o
		s.StoreKey = append([]byte(nil), o.StoreKey...)
	}
	fill := func(d *time.Duration, otherwise time.Duration) {
		if *d == 0 {
			*d = otherwise
		}
		*d = min(*d, forever)
	}
	fill(&s.Timeout, 5*time.Second)
	fill(&s.CoolDown, 8*time.Second)
	// What is given wins over what is not: a MaxInterval of 1 s alone is fine.
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

// problems returns what is wrong with options that withDefaults returned.
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
			bad("%s: %v: negative", d.name, d.value)
		}
	}
	if o.MinInterval > o.MaxInterval && o.MaxInterval >= 0 {
		bad("MinInterval: %v: above MaxInterval, %v", o.MinInterval, o.MaxInterval)
	}
	if o.MaxInterval > o.MaxStale && o.MaxStale >= 0 {
		bad("MaxStale: %v: below MaxInterval, %v, so that keys would be unavailable between refreshes", o.MaxStale, o.MaxInterval)
	}
	if o.RefusePrivateAddresses && o.Transport != nil {
		bad("RefusePrivateAddresses: true: cannot be kept with a Transport of yours")
	}
	if n := len(o.StoreKey); n > 0 && n < 32 {
		bad("StoreKey: %d bytes, want 32 at least", n)
	}
	if len(o.StoreKey) > 0 && o.Store == nil {
		bad("StoreKey: given without a Store")
	}
	return errs
}

// checkURL returns what is wrong with a URL to fetch from.
func checkURL(raw string, insecureHTTP bool) error {
	u, err := url.Parse(raw)
	if err != nil {
		// url.Error repeats the whole URL, which may hold a password.
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
		return errors.New("credentials do not belong into a URL")
	case strings.Contains(raw, "#"):
		return errors.New("a fragment has no meaning here")
	case u.Scheme == "http" && !insecureHTTP && !isLoopback(u.Hostname()):
		return errors.New("http without Options.InsecureHTTP, which would let others replace the keys")
	}
	return nil
}

// isLoopback reports whether host is this machine, so that nobody can be between:
// by its address, or by a name (RFC 6761, section 6.3), of which the transport
// makes sure when it dials.
func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// origin returns scheme, host and port of a URL, to compare.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// redact keeps passwords and the values of a query, which may be secrets, out of
// texts that people see.
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
